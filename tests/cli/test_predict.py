"""`ngrt predict`: what it prints and writes, and what it refuses."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from ngrt.cli.commands import run
from tests.cli.said import Captured, complaint
from tests.patience import HANG

pytestmark = pytest.mark.usefixtures("quick_engines", "elsewhere")


def test_predict_prints_a_row_for_every_action(tiny_bundle: Path, frame: Path, capsys: Captured) -> None:
    assert run(["predict", str(tiny_bundle), str(frame), "--seed", "1"]) == 0
    text = capsys.readouterr().out
    assert "18 actions" in text
    assert any(line.split()[:1] == ["17"] for line in text.replace("│", " ").splitlines())


def test_predict_writes_the_arrays_it_promises(tiny_bundle: Path, frame: Path, tmp_path: Path) -> None:
    noise = np.zeros((18, 25), np.float32)
    np.save(tmp_path / "noise.npy", noise)
    arguments = ["predict", str(tiny_bundle), str(frame), "--noise", str(tmp_path / "noise.npy"), "--steps", "4"]
    assert run([*arguments, "--out", "chunk.npz"]) == 0
    assert run([*arguments, "--out", "again.npz"]) == 0
    with np.load("chunk.npz") as chunk, np.load("again.npz") as again:
        shapes = {name: (chunk[name].shape, str(chunk[name].dtype)) for name in chunk}
        assert shapes == {
            "actions": ((18, 25), "float32"),
            "j_left": ((18, 2), "float32"),
            "j_right": ((18, 2), "float32"),
            "buttons": ((18, 21), "uint8"),
        }
        assert np.array_equal(chunk["actions"], again["actions"])


def test_predict_refuses_a_noise_file_that_is_a_pickle(tiny_bundle: Path, frame: Path, capsys: Captured) -> None:
    np.save("noise.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert run(["predict", str(tiny_bundle), str(frame), "--noise", "noise.npy"]) == 1
    assert "not a plain .npy array" in complaint(capsys)


def test_predict_refuses_a_noise_file_whose_header_lies(tiny_bundle: Path, frame: Path, capsys: Captured) -> None:
    for header in ("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }", "{'descr': ("):
        text = header.ljust(117) + "\n"
        Path("noise.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode())
        assert run(["predict", str(tiny_bundle), str(frame), "--noise", "noise.npy"]) == 1
        assert "not a plain .npy array" in complaint(capsys)


def test_predict_writes_a_file_that_others_can_read_and_leaves_nothing_where_it_cannot(
    tiny_bundle: Path, frame: Path, capsys: Captured
) -> None:
    Path("folder").mkdir()
    before = sorted(Path.cwd().iterdir())
    assert run(["predict", str(tiny_bundle), str(frame), "--out", "folder"]) == 1
    assert "cannot write folder" in complaint(capsys)
    assert sorted(Path.cwd().iterdir()) == before
    assert run(["predict", str(tiny_bundle), str(frame), "--out", "chunk.npz"]) == 0
    assert Path("chunk.npz").stat().st_mode & 0o777 == 0o644


def test_what_is_no_file_is_never_replaced_and_a_link_is_followed(
    tiny_bundle: Path, frame: Path, capsys: Captured
) -> None:
    arguments = ["predict", str(tiny_bundle), str(frame), "--out"]
    subprocess.run(["mkfifo", "pipe"], check=True, timeout=HANG)
    assert run([*arguments, "pipe"]) == 1
    assert "is not a file" in complaint(capsys)
    assert Path("pipe").is_fifo()
    Path("target.npz").write_bytes(b"old")
    Path("link.npz").symlink_to("target.npz")
    assert run([*arguments, "link.npz"]) == 0
    assert Path("link.npz").is_symlink()
    assert Path("target.npz").read_bytes() != b"old"


def test_a_name_too_long_for_the_disk_is_told_without_calling_it_a_fault(tiny_bundle: Path, capsys: Captured) -> None:
    assert run(["predict", str(tiny_bundle), "x" * 300]) == 1
    assert "fault in ngrt" not in complaint(capsys)


def test_a_checkpoint_is_no_engine_and_the_error_says_how_to_make_one(frame: Path, capsys: Captured) -> None:
    from tests.conftest import PARITY

    assert run(["predict", str(PARITY / "tiny.pt"), str(frame)]) == 1
    assert "tiny.pt --out DIR" in complaint(capsys)


def test_predict_names_an_image_that_is_not_there(tiny_bundle: Path, capsys: Captured) -> None:
    assert run(["predict", str(tiny_bundle), "gone.png"]) == 1
    assert "gone.png" in complaint(capsys)
