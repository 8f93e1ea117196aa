"""The hub's own client, against a small server on this machine."""

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

import export.hub
from export.hub import NITROGEN, NITROGEN_SHA256, fetch, is_repository
from ngrt.errors import CheckpointError, SettingsError
from ngrt.policy.bundle import read_manifest, sha256_of

from .conftest import Variant
from .hubserver import COMMIT, Hub, serve
from .making import write_tower
from .refusal import refused

CONTENT = bytes(range(256)) * 4096
REPOSITORY = "someone/policy"
FILE = f"{REPOSITORY}/ng.pt"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with one repository; the client's cache is empty and this test's own."""
    with serve() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 2**16)
        server.files[FILE] = CONTENT
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client's pauses between attempts take no time."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


def gets(hub: Hub) -> list[str | None]:
    """Return the range of each download that was asked for."""
    return [wanted for method, file, wanted in hub.asked if (method, file) == ("GET", FILE)]


def test_names_of_repositories_are_told_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_repository("nvidia/NitroGen")
    assert is_repository("some-one/policy.v2_x")
    for name in ("ng.pt", "folder/ng.pt", "./folder/ng", "a/b/c", "/nvidia/NitroGen", "nvidia/", "../x", "x" * 5000):
        assert not is_repository(name), name
    assert is_repository("x/" + "y" * 5000)  # the hub's to refuse
    (tmp_path / "nvidia").mkdir()
    (tmp_path / "nvidia" / "NitroGen").write_text("a file of that name")
    assert not is_repository("nvidia/NitroGen")


def test_a_file_is_fetched_whole_and_only_once(hub: Hub) -> None:
    path = fetch(REPOSITORY)
    assert path.name == "ng.pt"
    assert path.read_bytes() == CONTENT
    assert fetch(REPOSITORY) == path
    assert gets(hub) == [None]


def test_the_released_repository_is_known_by_its_hash() -> None:
    assert export.hub.KNOWN == {NITROGEN: NITROGEN_SHA256}
    assert NITROGEN == "nvidia/NitroGen"
    assert NITROGEN_SHA256 == "a266f5fb9c7dbdcdf97216558d2d82075a9a994b824cda69afa9fd3280260a81"


@pytest.mark.usefixtures("impatient")
def test_a_broken_connection_is_taken_up_where_it_broke(hub: Hub) -> None:
    hub.breaks = [300_000, 200_000]
    assert fetch(REPOSITORY).read_bytes() == CONTENT
    ranges = gets(hub)
    assert len(ranges) == 3
    starts = [int(wanted.removeprefix("bytes=").removesuffix("-")) for wanted in ranges if wanted]
    assert starts == sorted(starts)
    assert 0 < starts[0] <= 300_000
    assert starts[0] < starts[1] <= 500_000


@pytest.mark.usefixtures("impatient")
def test_a_connection_that_keeps_breaking_is_told_and_leaves_nothing_half(hub: Hub, tmp_path: Path) -> None:
    hub.breaks = [100_000] + [0] * 20
    (tmp_path / "out").mkdir()
    message = r"download of someone/policy/ng\.pt broke off .*run the command again"
    refused(CheckpointError, message, REPOSITORY, tmp_path / "out" / "bundle")
    assert not any(path.stat().st_size >= 65_536 for path in (tmp_path / "cache").rglob("*"))
    hub.breaks = []
    assert fetch(REPOSITORY).read_bytes() == CONTENT


def test_a_repository_that_is_not_there_is_told(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match="the hub has no repository some/thing that you may read") as caught:
        fetch("some/thing")
    assert "\n" not in str(caught.value)


def test_a_repository_without_the_file_is_told(hub: Hub) -> None:
    hub.files["some/dataset/README.md"] = b""
    with pytest.raises(CheckpointError, match=r"some/dataset has no file ng\.pt; name another repository"):
        fetch("some/dataset")


def test_a_repository_behind_a_licence_is_told(hub: Hub) -> None:
    hub.gated.add(REPOSITORY)
    with pytest.raises(CheckpointError, match=r"wants its licence accepted first.*hf auth login"):
        fetch(REPOSITORY)


@pytest.mark.parametrize("name", ["a--b/c", "a/b.", "x/" + "y" * 500])
def test_a_name_the_hub_cannot_have_is_told(hub: Hub, name: str) -> None:
    with pytest.raises(CheckpointError, match=r"cannot be a repository's name; give OWNER/NAME, or a file"):
        fetch(name)


@pytest.mark.usefixtures("impatient")
def test_a_hub_in_trouble_is_told(hub: Hub) -> None:
    hub.fails = True
    with pytest.raises(CheckpointError, match=r"the hub is in trouble \(HTTP 500\); see https") as caught:
        fetch(REPOSITORY)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("impatient")
def test_a_hub_that_cannot_be_reached_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = "http://127.0.0.1:9"
    monkeypatch.setattr(constants, "ENDPOINT", nobody)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", nobody + "/{repo_id}/resolve/{revision}/{filename}")
    with pytest.raises(CheckpointError, match=r"the hub cannot be reached for someone/policy/ng\.pt; .* give a file"):
        fetch(REPOSITORY)


@pytest.mark.usefixtures("impatient")
def test_what_was_fetched_before_needs_no_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fetch(REPOSITORY)
    nobody = "http://127.0.0.1:9"
    monkeypatch.setattr(constants, "ENDPOINT", nobody)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", nobody + "/{repo_id}/resolve/{revision}/{filename}")
    assert fetch(REPOSITORY) == path


def test_a_file_that_was_damaged_in_the_cache_is_refused_until_it_is_removed(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(export.hub.KNOWN, REPOSITORY, hashlib.sha256(CONTENT).hexdigest())
    fetch(REPOSITORY).resolve().write_bytes(CONTENT[::-1])
    message = r"has SHA-256 \w{12}…, someone/policy publishes \w{12}…: it was damaged on its way; remove it"
    for revision in (None, "main"):
        with pytest.raises(CheckpointError, match=message) as caught:
            fetch(REPOSITORY, revision)
    Path(str(caught.value).partition(" has SHA-256")[0]).unlink()  # the remedy that was told
    assert fetch(REPOSITORY).read_bytes() == CONTENT
    assert hub.asked


def test_a_newer_file_on_main_is_told_and_does_not_end_every_export(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(export.hub.KNOWN, REPOSITORY, "0" * 64)
    with pytest.raises(CheckpointError, match=r"publishes another ng\.pt now, SHA-256 \w{12}…; .* --revision main"):
        fetch(REPOSITORY)
    assert fetch(REPOSITORY, "main").read_bytes() == CONTENT  # the remedy that was told


def asked_for(hub: Hub) -> list[str]:
    return [path.split("/")[4] for path in hub.paths]


def test_the_pinned_commit_is_asked_for_and_main_only_where_the_hub_does_not_know_it(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(export.hub.PINNED, REPOSITORY, COMMIT)
    assert fetch(REPOSITORY).read_bytes() == CONTENT
    assert set(asked_for(hub)) == {COMMIT}
    hub.paths.clear()
    assert fetch(REPOSITORY).read_bytes() == CONTENT
    assert hub.paths == []  # nothing is asked of what is there
    monkeypatch.setitem(export.hub.PINNED, REPOSITORY, "f" * 40)
    assert fetch(REPOSITORY).read_bytes() == CONTENT
    assert list(dict.fromkeys(asked_for(hub))) == ["f" * 40, "main"]
    assert re.fullmatch("[0-9a-f]{40}", export.hub.PINNED[NITROGEN])


def test_a_revision_that_is_not_there_is_told(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match=r"someone/policy has no revision v9; name a branch, a tag or a commit"):
        fetch(REPOSITORY, "v9")
    assert set(asked_for(hub)) == {"v9"}


def test_a_revision_of_a_file_is_refused(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    refused(
        SettingsError,
        "--revision is main, and .*ng.pt is a file",
        tmp_path / "ng.pt",
        tmp_path / "out" / "b",
        revision="main",
    )
    assert hub.paths == []


def test_a_repository_that_was_renamed_is_followed(hub: Hub) -> None:
    hub.moved["old/name"] = REPOSITORY
    assert fetch("old/name").read_bytes() == CONTENT


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "hub wants to know who asks, or the token has expired|no repository someone/policy that you may read"),
        (403, r"does not let you read it \(HTTP 403\); log in"),
        (404, r"nothing there \(HTTP 404\)|has no file"),
        (407, r"the proxy wants a name and a password \(HTTP 407\); set HTTPS_PROXY"),
        (429, r"asked too often from here \(HTTP 429\); wait"),
        (451, "legal reasons"),
        (500, r"in trouble \(HTTP 500\)"),
        (503, r"in trouble \(HTTP 503\); see https"),
        (504, "did not answer in time"),
    ],
)
def test_every_answer_that_refuses_is_called_by_its_name(hub: Hub, status: int, said: str) -> None:
    hub.status = status
    with pytest.raises(CheckpointError, match=said) as caught:
        fetch(REPOSITORY)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_is_exported_straight_from_the_hub(small: Variant, tmp_path: Path) -> None:
    """As a process of its own, with the hub's own environment variables."""
    cache = tmp_path / "cache" / "models--someone--policy" / "snapshots" / "0123456789abcdef0123456789abcdef01234567"
    cache.mkdir(parents=True)
    write_tower(cache)  # a hub's name for the tower would need no folder, but the weights of a large one
    root = Path(__file__).parents[2]
    with serve() as hub:
        hub.files[FILE] = small.path.read_bytes()
        environment = os.environ | {
            "HF_ENDPOINT": hub.url,
            "HF_HUB_CACHE": str(tmp_path / "cache"),
            "HF_HUB_DISABLE_XET": "1",
            "PYTHONPATH": str(root),
        }
        command = [sys.executable, "-m", "export", REPOSITORY, "--out", "bundle"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    manifest = read_manifest(tmp_path / "bundle")
    assert manifest.checkpoint.sha256 == sha256_of(small.path)
    assert manifest.checkpoint.file == "ng.pt"
    assert "Traceback" not in done.stderr
