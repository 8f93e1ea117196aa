"""What a machine has and lacks: each finding on a stand-in for a machine that is like that, with its fix."""

import ctypes
import gc
import os
import platform
import sys
import threading
from pathlib import Path

import pytest
from Xlib.error import DisplayConnectionError

from ngrt.clock import MonotonicClock
from ngrt.doctor import engines, machine, pads, screens
from ngrt.doctor.checks import Check, Finding, guarded
from ngrt.errors import PadError
from ngrt.messages import NEUTRAL, PadState
from ngrt.pads.person import evdev
from ngrt.pads.person.evdev import FoundPad
from ngrt.resource import Resource
from tests.real.xvfb import require, x_server

GIB = 2**30


def test_this_python_and_this_ngrt_are_named() -> None:
    finding = machine.python()
    assert finding.state == "good"
    assert sys.version.split()[0] in finding.found


def test_a_processor_that_saturates_is_limited_and_says_what_int8_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ngrt.inference.onnx.saturation.saturates", lambda: True)
    finding = machine.processor()
    assert finding.state == "limited"
    assert "int8 takes twice as long" in finding.found
    assert "ngrt bench" in finding.fix
    monkeypatch.setattr("ngrt.inference.onnx.saturation.saturates", lambda: False)
    assert machine.processor().state == "good"


@pytest.mark.parametrize(("free", "state"), [(0.5, "limited"), (4.0, "good")])
def test_little_memory_is_limited(free: float, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    have = type("Memory", (), {"available": free * GIB, "total": 8 * GIB})
    monkeypatch.setattr("psutil.virtual_memory", lambda: have)
    finding = machine.memory()
    assert finding.state == state
    assert f"{free:.1f} of 8.0 GiB" in finding.found


@pytest.mark.parametrize(("free", "state"), [(2, "limited"), (50, "good")])
def test_a_full_disk_is_limited(free: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": free * GIB}))
    assert machine.disk(tmp_path).state == state


@pytest.mark.parametrize(("late", "state"), [(0.0005, "good"), (0.002, "limited")])
def test_a_timer_that_wakes_late_is_limited(late: float, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    time = 0.0

    class Late(MonotonicClock):
        def now(self) -> float:
            return time

        def wait_until(self, deadline: float, stop: threading.Event, spin: float = 0.0) -> bool:
            nonlocal time
            time = deadline + late
            return True

    monkeypatch.setattr(machine, "MonotonicClock", Late)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    finding = machine.timer()
    assert finding.state == state
    assert f"ticks wake {late * 1e6:.0f} us late" in finding.found


def test_a_gpu_is_named_as_nvidia_smi_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA GeForce RTX 4090, 24564 MiB, 580.65.06'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(engines, "why_no_gpu", lambda: "")
    finding = engines.gpu()
    assert finding.state == "good"
    assert finding.found == "NVIDIA GeForce RTX 4090, 24564 MiB, driver 580.65.06"
    program.write_text("#!/bin/sh\nexit 9\n")
    assert "nvidia-smi" in engines.gpu().found, "a GPU that cannot be named is there all the same"


@pytest.mark.parametrize("reason", ["there is no NVIDIA driver", "the NVIDIA driver finds no GPU"])
def test_no_gpu_is_missing_with_the_reason(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "why_no_gpu", lambda: reason)
    finding = engines.gpu()
    assert finding.state == "missing"
    assert reason in finding.found
    assert finding.fix


def test_a_damaged_onnx_runtime_is_missing_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    finding = engines.onnx_runtime()
    assert finding.state == "missing"
    assert "pip install" in finding.fix


def test_onnx_runtime_is_told_by_version_and_providers() -> None:
    finding = engines.onnx_runtime()
    assert finding.state == "good"
    assert "CPU" in finding.found
    assert "Tensorrt" not in finding.found, "built in does not mean installed"


def test_what_is_not_installed_is_missing_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda module: None)
    assert engines.openvino().fix == "pip install 'ngrt[openvino]'"
    assert "ngrt[tensorrt]" in engines.tensorrt().fix
    lacking = engines.exporting()
    assert "torch" in lacking.found
    assert "[export]" in lacking.fix


def test_tensorrt_without_a_gpu_only_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda module: module != "tensorrt")
    monkeypatch.setattr(engines, "why_no_gpu", lambda: "there is no NVIDIA driver")
    assert engines.tensorrt().state == "limited"
    monkeypatch.setattr(engines, "why_no_gpu", lambda: "")
    assert engines.tensorrt().state == "good"


@pytest.fixture
def uinput(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a stand-in for /dev/uinput of a machine on which nothing is amiss."""
    device = tmp_path / "uinput"
    device.touch()
    monkeypatch.setattr(pads, "UINPUT", device)
    monkeypatch.setattr(pads, "MODULES", tmp_path / "modules")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: None)
    return device


def test_uinput_with_all_it_needs_is_good(uinput: Path) -> None:
    assert pads.virtual_pad().state == "good"


def test_a_module_that_is_not_loaded_is_told_with_the_command_that_loads_it(uinput: Path, tmp_path: Path) -> None:
    uinput.unlink()
    module = tmp_path / "modules" / platform.release() / "kernel" / "drivers" / "input" / "misc" / "uinput.ko.xz"
    module.parent.mkdir(parents=True)
    module.touch()
    finding = pads.virtual_pad()
    assert finding.state == "missing"
    assert finding.fix.startswith("sudo modprobe uinput")


def test_a_kernel_without_uinput_is_told_and_the_keyboard_pad_named(uinput: Path) -> None:
    uinput.unlink()
    finding = pads.virtual_pad()
    assert "no virtual pad is possible" in finding.found
    assert "--pad keyboard" in finding.fix


def test_no_permission_for_uinput_is_told_with_the_udev_rule(uinput: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    finding = pads.virtual_pad()
    assert finding.state == "missing"
    assert 'KERNEL=="uinput"' in finding.fix
    assert "/etc/udev/rules.d/" in finding.fix


def test_a_missing_libevdev_is_told_with_its_package(uinput: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", fail)
    assert pads.virtual_pad().fix == "sudo apt-get install libevdev2"


def test_a_missing_vigembus_is_told_with_its_installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "vgamepad"
    package.mkdir()
    (package / "__init__.py").write_text("raise Exception('VIGEM_ERROR_BUS_NOT_FOUND')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "vgamepad", raising=False)
    finding = pads._vigem()
    assert finding.state == "missing"
    assert "VIGEM_ERROR_BUS_NOT_FOUND" in finding.found
    assert finding.fix.startswith(f'msiexec /i "{package}')


class SlowPad(Resource):
    name = "stand-in"

    def __init__(self) -> None:
        self.sent: list[PadState] = []
        self.closed = False

    def send(self, state: PadState) -> None:
        self.sent.append(state)

    def close(self) -> None:
        self.closed = True


def test_the_pad_test_sends_only_neutral_and_closes_the_pad(monkeypatch: pytest.MonkeyPatch) -> None:
    pad = SlowPad()
    monkeypatch.setattr(pads, "open_pad", lambda kind: pad)
    finding = pads.pad_test()
    assert finding.state == "good"
    assert set(pad.sent) == {NEUTRAL}
    assert pad.closed


def test_a_pad_that_cannot_be_made_is_missing_with_the_reason_and_what_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*asked: object) -> None:
        raise PadError("another ngrt has it", limit="one may", remedy="end that one")

    monkeypatch.setattr(pads, "open_pad", fail)
    for probe in (pads.pad_test, lambda: pads.keyboard(":0")):
        found = guarded(Check("pad", probe), 10.0)
        assert found == Finding("missing", "another ngrt has it; one may", "end that one")


def test_real_pads_are_named_and_those_that_cannot_be_read_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = FoundPad(tmp_path / "event3", "input3", "Xbox 360 pad of ngrt", virtual=True, swapped=False)
    real = FoundPad(tmp_path / "event5", "input5", "Somebody's Pad", virtual=False, swapped=False)
    real.node.touch()
    monkeypatch.setattr(evdev, "gamepads", lambda: [own])
    assert pads.real_pads().state == "missing", "one that a program made is in nobody's hands"
    monkeypatch.setattr(evdev, "gamepads", lambda: [real, own])
    assert pads.real_pads() == Finding("good", "Somebody's Pad")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert pads.real_pads().state == "limited"
    assert pads.real_pads().fix.startswith("sudo usermod")


def test_a_pad_is_found_through_xinput_as_a_session_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pad = SlowPad()
    monkeypatch.setattr("ngrt.pads.person.open.open_person_pad", lambda: pad)
    assert pads._xinput() == Finding("good", "stand-in")
    assert pad.closed
    pad.name = ""
    assert pads._xinput().state == "missing"


def test_a_display_nobody_named_is_missing_and_those_that_run_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(screens, "SOCKETS", tmp_path)
    assert "no X server runs" in screens.display(None).found
    (tmp_path / "X7").touch()
    assert screens.display(None).fix == "ngrt doctor --display :7"
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert "Xorg" in screens.display(None).fix


def test_a_display_that_is_not_there_is_missing_with_the_command_that_starts_it() -> None:
    assert screens.display(":4321").fix.startswith("Xvfb :4321 ")
    assert screens.display("nonsense").fix == "ngrt doctor --display :0"
    gc.collect()


def test_a_bare_x_server_is_watched_and_takes_keys_but_has_no_windows_and_is_black(tmp_path: Path) -> None:
    require("Xvfb")
    with x_server(tmp_path) as screen:
        assert "640 x 480" in screens.display(screen.display).found
        assert screens.windows(screen.display).fix == "openbox &"
        assert pads.keyboard(screen.display) == Finding("good", f"keyboard of display {screen.display}")
        finding = screens.capture(screen.display)
    assert finding.state == "limited"
    assert "black" in finding.found
    assert "640 x 480" in finding.found


def test_a_display_that_refuses_a_user_says_whose_cookie_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XAUTHORITY", raising=False)
    refusal = DisplayConnectionError(":0", "Authorization required, but no authorization protocol specified")
    finding = screens._unreachable(":0", refusal)
    assert "XAUTHORITY is not set" in finding.found
    assert finding.fix.startswith("as the user who is logged in there: xhost")
