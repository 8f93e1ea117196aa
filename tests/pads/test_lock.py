"""One ngrt a pad: locks between processes that end in any way."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ngrt.errors import PadError
from ngrt.pads.lock import PadLock

HOLDER = """
import sys
from ngrt.pads.lock import PadLock
lock = PadLock(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put locks into a folder of the test's own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder() -> Iterator["subprocess.Popen[str]"]:
    """Yield another process that holds the pad "xbox"."""
    command = [sys.executable, "-c", HOLDER, "xbox"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_which_one_has_it(holder: "subprocess.Popen[str]") -> None:
    with pytest.raises(
        PadError, match=rf"^pad xbox is in use by another ngrt \(process {holder.pid}\); stop that one first, or choose"
    ) as caught:
        PadLock("xbox")
    assert "\n" not in str(caught.value)
    PadLock("ds4").close()


@pytest.mark.parametrize("end", [subprocess.Popen.kill, subprocess.Popen.terminate, subprocess.Popen.communicate])
def test_however_a_process_ends_its_pad_is_free(
    holder: "subprocess.Popen[str]", end: "Callable[[subprocess.Popen[str]], object]"
) -> None:
    end(holder)
    holder.wait()
    lock = PadLock("xbox")
    with pytest.raises(PadError, match=rf"process {os.getpid()}\)"):
        PadLock("xbox")
    lock.close()


def test_what_dead_processes_left_does_no_harm(runtime: Path) -> None:
    PadLock("xbox").close()
    (runtime / "ngrt/pad-xbox.lock").write_text("left")
    (runtime / "ngrt/pad-xbox.pid").write_text("no number")
    lock = PadLock("xbox")
    (runtime / "ngrt/pad-xbox.pid").unlink()
    with pytest.raises(PadError, match="just starting or ending"):
        PadLock("xbox")
    lock.close()


def test_it_is_released_by_any_thread_and_twice() -> None:
    lock = PadLock("xbox")
    for _ in range(2):
        closing = threading.Thread(target=lock.close)
        closing.start()
        closing.join()
    PadLock("xbox").close()


def test_a_display_is_part_of_a_pads_name_and_people_have_their_own_for_it(runtime: Path) -> None:
    first, other = PadLock("keyboard :0"), PadLock("keyboard :1")
    assert {file.name for file in (runtime / "ngrt").glob("*.lock")} == {"pad-keyboard-0.lock", "pad-keyboard-1.lock"}
    with pytest.raises(PadError, match="pad keyboard on display :0 is in use"):
        PadLock("keyboard :0", "keyboard on display :0")
    first.close()
    other.close()


def test_without_a_runtime_folder_the_one_for_temporary_files_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    lock = PadLock("xbox")
    [folder] = tmp_path.glob("ngrt-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    lock.close()


def test_a_folder_that_cannot_be_made_is_an_error_in_one_line(runtime: Path) -> None:
    (runtime / "ngrt").write_text("a file")
    with pytest.raises(PadError, match="for locks cannot be made") as caught:
        PadLock("xbox")
    assert "\n" not in str(caught.value)


def test_a_system_without_any_folder_for_temporary_files_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    with pytest.raises(PadError, match=r"cannot be made \(No usable temporary directory found\); set XDG_RUNTIME_DIR"):
        PadLock("xbox")


@pytest.mark.skipif(sys.platform == "win32", reason="folders belong to nobody else there")
def test_a_folder_that_is_another_users_is_refused(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PadLock("xbox").close()
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(PadError, match="belongs to another user; set XDG_RUNTIME_DIR"):
        PadLock("xbox")
