"""Remedies can be followed: every command that an error or a check names is one, with options that it has."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ngrt.cli.commands  # noqa: F401  (adds them)
from ngrt.cli.app import app
from ngrt.errors import BundleError, MissingExtraError, SettingsError, install
from ngrt.files import check_target, write_whole
from ngrt.packages import reinstall
from ngrt.policy.bundle import read_manifest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for package in ("ngrt", "bench", "export") for path in (ROOT / package).rglob("*.py"))
COMMAND = re.compile(
    r"ngrt (play|windows|predict|doctor|export|synth|info|bench(?: (?:compare|report|budgets))?)\b([^;)#`\n]*)"
)
NEEDED = {"export": ("--out",), "synth": ("--out", "--size")}
OF_ANY = {"--config", "--debug", "--help"}


def told(path: Path) -> Iterator[str]:
    """Yield the strings of a file that people may read: no docstrings, and X where a value is filled in."""
    tree = ast.parse(path.read_text("utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


def commands() -> list[tuple[str, str]]:
    found = {
        (name, rest.strip())
        for path in SOURCES
        for text in told(path)
        for name, rest in COMMAND.findall(text)
        if rest.strip(" .,'")
    }
    return sorted(found)


@pytest.mark.parametrize(("name", "rest"), commands(), ids=lambda part: str(part)[:40])
def test_every_command_that_is_told_is_there_with_its_options_and_all_that_it_needs(name: str, rest: str) -> None:
    command = app
    for word in name.split():
        command = command[word]
    known = {option for argument in command.assemble_argument_collection() for option in argument.names} | OF_ANY
    given = set(re.findall(r"(?<!\S)--[a-z-]+", rest))
    assert given <= known
    assert set(NEEDED.get(name, ())) <= given


def test_what_an_extra_brings_is_installed_by_a_command_that_the_shell_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert install("bench") == "pip install 'ngrt[bench]'"
    assert install("bench", again=True) == "pip install --force-reinstall 'ngrt[bench]'"
    monkeypatch.setattr("sys.platform", "win32")
    assert install("bench") == 'pip install "ngrt[bench]"'
    assert MissingExtraError("torch", "export").remedy == 'install it with: pip install "ngrt[export]"'


def test_the_package_that_brings_a_module_is_named() -> None:
    assert reinstall("cv2.gapi") == "pip install --force-reinstall opencv-python-headless"
    assert reinstall("PIL").casefold().endswith("pillow")
    assert reinstall("nothing_such") == "pip install --force-reinstall nothing_such"
    assert reinstall("export.run") == reinstall("") == "pip install --force-reinstall ngrt"


def test_a_video_in_an_engines_place_is_not_told_to_be_exported(tmp_path: Path) -> None:
    for name, words in ("clip.mp4", "name a bundle's folder first"), ("ng.pt", "ngrt export"):
        (tmp_path / name).touch()
        with pytest.raises(BundleError) as caught:
            read_manifest(tmp_path / name)
        assert words in caught.value.remedy


def test_a_place_that_cannot_be_written_is_told_before_there_is_anything_to_write(tmp_path: Path) -> None:
    for path in tmp_path, tmp_path / "none" / "x", Path("/dev/null"), Path("nul\0"):
        with pytest.raises(SettingsError, match="--json"):
            check_target(path, "--json")
    (tmp_path / "old").touch()
    for name in "old", "new":
        check_target(tmp_path / name, "--json")


def test_a_full_disk_is_not_remedied_by_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SettingsError, match="free some space, or choose another folder"):
        write_whole(tmp_path / "x", b"")
