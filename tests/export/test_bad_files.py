"""Files that are no checkpoints, or harmful ones."""

import io
import os
import pickle
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from export.checkpoint import load_checkpoint
from ngrt.errors import CheckpointError

from .making import save, small_config, small_weights, write_small, write_tower
from .refusal import refused


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "bundle"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_small(tmp_path_factory.mktemp("whole")).read_bytes()


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def test_a_missing_file_is_refused_with_a_hint_where_to_get_one(tmp_path: Path, out: Path) -> None:
    refused(CheckpointError, r"nothing\.pt is not a file; .*ngrt export nvidia/NitroGen", tmp_path / "nothing.pt", out)


def test_a_folder_is_not_a_checkpoint(tmp_path: Path, out: Path) -> None:
    refused(CheckpointError, "is not a file", tmp_path, out)


def test_a_name_too_long_for_the_disk_is_not_a_checkpoint(out: Path) -> None:
    refused(CheckpointError, "is not a file", "x" * 5000, out)


def test_an_unreadable_file_is_refused_with_the_reason(
    tmp_path: Path, out: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "locked.pt"
    path.write_bytes(whole)

    def locked(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(torch, "load", locked)  # root reads everything
    refused(CheckpointError, r"locked\.pt cannot be read \(Permission denied\)", path, out)


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.999])
def test_a_truncated_file_is_refused_with_its_name_and_size(
    tmp_path: Path, out: Path, whole: bytes, share: float
) -> None:
    path, size = tmp_path / "short.pt", int(share * len(whole))
    path.write_bytes(whole[:size])
    refused(CheckpointError, rf"short\.pt \({size} bytes\) is damaged.*download it again", path, out)


def zip_of_text() -> bytes:
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("readme.txt", "no weights here")
        return buffer.getvalue()


@pytest.mark.parametrize("content", [b"hello" * 1000, zip_of_text(), pickle.dumps({"model": {}, "ckpt_config": {}})])
def test_a_file_that_is_not_torchs_is_refused(tmp_path: Path, out: Path, content: bytes) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    refused(CheckpointError, "damaged or not made by torch.save", path, out)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_in_the_pickle_is_refused_or_harmless(
    tmp_path: Path, whole: bytes, data: st.DataObject
) -> None:
    start = whole.index(b"data.pkl")
    where = data.draw(st.integers(start, start + 6000))
    damaged = bytearray(whole)
    damaged[where] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged.pt"
    path.write_bytes(damaged)
    write_tower(tmp_path)
    fault = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, on what it finds
            load_checkpoint(path)
    except CheckpointError as error:
        fault = str(error)
    assert "\n" not in fault


@pytest.mark.parametrize("in_config", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path, out: Path, in_config: bool) -> None:
    marker, attack = tmp_path / "ran", tmp_path / "attack.pt"
    harm = Call(os.mkdir, str(marker))
    write_tower(tmp_path)
    raw = small_config()
    weights: Any = small_weights(raw, tmp_path)
    if in_config:
        raw["harm"] = harm
    else:
        weights["harm"] = harm
    save(attack, raw, weights)
    refused(CheckpointError, r"attack\.pt calls for \w+\.mkdir, which could run code; nothing was run", attack, out)
    assert not marker.exists()
    torch.load(attack, weights_only=False)
    assert marker.is_dir(), "the attack must be a real one"


def test_a_bare_pickle_that_runs_code_does_not_run(tmp_path: Path, out: Path) -> None:
    marker, attack = tmp_path / "ran", tmp_path / "attack.pt"
    attack.write_bytes(pickle.dumps(Call(os.mkdir, str(marker))))
    refused(CheckpointError, r"attack\.pt", attack, out)
    assert not marker.exists()
    pickle.loads(attack.read_bytes())
    assert marker.is_dir(), "the attack must be a real one"


def test_a_pickled_model_is_refused(tmp_path: Path, out: Path) -> None:
    path = save(tmp_path / "model.pt", {}, torch.nn.Linear(2, 2))
    refused(CheckpointError, r"calls for torch\.nn\.modules\.linear\.Linear, which could run code", path, out)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "no 'model' and 'ckpt_config'"),
        ({"model": {}}, "no 'model' and 'ckpt_config'"),
        ({"model": [torch.zeros(1)], "ckpt_config": {}}, "something other than tensors"),
        ({"model": {"w": 1}, "ckpt_config": {}}, "something other than tensors"),
        ({"model": {}, "ckpt_config": "text"}, "ckpt_config is str; it must be a mapping"),
        ({"model": {}, "ckpt_config": {}}, "configuration of the checkpoint: ModelConfig is None"),
        ({"model": {}, "ckpt_config": {"model_cfg": 3}}, "ModelConfig is 3"),
    ],
)
def test_a_file_of_other_things_is_refused(tmp_path: Path, out: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "other.pt")
    refused(CheckpointError, message, tmp_path / "other.pt", out)


def test_the_command_line_tells_it_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "short.pt").write_bytes(b"PK\x03\x04")
    command = [sys.executable, "-m", "export", "short.pt", "--out", "bundle"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "ngrt: checkpoint short.pt (4 bytes) is damaged or not made by torch.save" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["short.pt"]
