"""Real pads: which are found, what their buttons and axes mean. Read for real in tests/real/test_takeover.py."""

import ctypes
import sys
from pathlib import Path

import pytest

from ngrt.errors import PadError
from ngrt.messages import NEUTRAL, PadState
from ngrt.pads.person.evdev import EvdevPad, FoundPad, GrabbedPad, gamepads, made_by_this_process
from ngrt.pads.person.evdev_layout import BRAKE, GAS, HAT_X, HAT_Y, RX, RY, RZ, SOUTH, Layout, X, Y, Z
from ngrt.pads.person.xinput import BUTTONS, Report, State, XInputPad

STICK, TRIGGER, HAT = (-32768, 32767), (0, 255), (-1, 1)
XBOX = Layout({X: STICK, Y: STICK, Z: TRIGGER, RX: STICK, RY: STICK, RZ: TRIGGER, HAT_X: HAT, HAT_Y: HAT}, swapped=True)
BLUETOOTH = Layout({X: (0, 65535), Y: (0, 65535), Z: (0, 65535), RZ: (0, 65535), GAS: (0, 1023), BRAKE: (0, 1023)})


def test_nothing_pressed_and_nothing_moved_is_neutral() -> None:
    assert XBOX.state(set(), {}) == NEUTRAL


def test_sticks_count_downward_as_the_kernel_does_and_reach_their_ends() -> None:
    state = XBOX.state(set(), {X: -32768, Y: 32767, RX: 32767, RY: -32768})
    assert (state.left, state.right) == ((-1.0, 1.0), (1.0, -1.0))


def test_a_trigger_is_pulled_from_a_quarter_of_its_way() -> None:
    assert XBOX.state(set(), {Z: 64, RZ: 63}).buttons == {"LEFT_TRIGGER"}


def test_a_pad_without_a_second_pair_of_axes_has_its_right_stick_and_triggers_elsewhere() -> None:
    state = BLUETOOTH.state(set(), {X: 0, Z: 65535, RZ: 0, GAS: 1023, BRAKE: 0})
    assert (state.left[0], state.right) == (-1.0, (1.0, -1.0))
    assert state.buttons == {"RIGHT_TRIGGER"}


def test_the_directional_pad_is_a_hat_or_buttons() -> None:
    assert XBOX.state(set(), {HAT_X: 1, HAT_Y: -1}).buttons == {"DPAD_RIGHT", "DPAD_UP"}
    assert XBOX.state({0x221, 0x222}, {}).buttons == {"DPAD_DOWN", "DPAD_LEFT"}


def test_microsofts_pads_have_the_codes_of_the_left_and_the_upper_button_the_other_way_round() -> None:
    assert XBOX.state({0x133}, {}).buttons == {"WEST"}
    assert Layout({}).state({0x133}, {}).buttons == {"NORTH"}


def test_a_value_beyond_what_was_announced_and_an_axis_without_a_range_do_no_harm() -> None:
    assert Layout({X: (0, 0), Y: (0, 100)}).state(set(), {X: 5, Y: 300}).left == (0.0, 1.0)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """Return a /sys/class/input as the kernel has it: a mouse, a touchpad of a pad, a virtual pad, two real ones."""

    def device(event: int, place: str, name: str, key: str, axes: str, vendor: str = "046d") -> None:
        folder = tmp_path / "devices" / place / f"input{event}"
        (folder / "capabilities").mkdir(parents=True)
        (folder / "id").mkdir()
        for file, text in (
            ("capabilities/key", key),
            ("capabilities/abs", axes),
            ("name", name),
            ("id/vendor", vendor),
        ):
            (folder / file).write_text(text + "\n")
        entry = tmp_path / "class" / f"event{event}"
        entry.mkdir(parents=True)
        (entry / "device").symlink_to(folder)

    pad = "7cdb000000000000 0 0 0 0"
    device(1, "pci0/usb1", "mouse", "1f0000 0 0 0 0", "0")
    device(2, "virtual/input", "Microsoft X-Box 360 pad", pad, "3003f", "045e")
    device(9, "virtual/misc/uhid", "Wireless Controller", pad, "3003f", "054c")
    device(10, "pci0/usb1", "Wireless Controller Touchpad", "2420 10000 0 0 0 0", "260800000000003", "054c")
    device(11, "pci0/usb2", "Xbox One pad", pad, "3003f", "045e")
    return tmp_path / "class"


def test_only_gamepads_are_found_and_real_ones_before_virtual_ones(system: Path) -> None:
    found = gamepads(system, Path("/dev/input"))
    assert [(str(pad.node), pad.number, pad.virtual, pad.swapped) for pad in found] == [
        ("/dev/input/event9", "input9", False, False),
        ("/dev/input/event11", "input11", False, True),
        ("/dev/input/event2", "input2", True, True),
    ]
    assert SOUTH == 0x130


@pytest.mark.skipif(sys.platform == "win32", reason="files of the kernel's")
def test_a_pad_that_may_not_be_read_or_is_gone_is_refused_in_one_line_with_the_remedy(
    system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PadError, match=r"Wireless Controller at .*/event9 cannot be opened: No such file"):
        EvdevPad(system, tmp_path)

    def refuse(path: Path, flags: int) -> int:
        raise PermissionError

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(PadError, match=r"no permission to read Wireless Controller at .*event9; allow it with: sudo"):
        EvdevPad(system, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="files of the kernel's")
def test_without_a_pad_there_is_no_state_until_one_is_plugged_in(tmp_path: Path) -> None:
    pad = EvdevPad(tmp_path, tmp_path)
    assert (pad.state(), pad.name) == (None, "")
    pad.close()


@pytest.mark.skipif(sys.platform == "win32", reason="files of the kernel's")
def test_a_process_that_made_no_pad_has_none(tmp_path: Path) -> None:
    (tmp_path / "3").symlink_to("/dev/null")
    assert made_by_this_process(tmp_path) == set()


def report(buttons: int = 0, triggers: tuple[int, int] = (0, 0), *sticks: int) -> Report:
    return Report(buttons, *triggers, *(sticks or (0, 0, 0, 0)))


def test_xinputs_sticks_count_upward_and_are_turned_round() -> None:
    pad = XInputPad(
        lambda slot: report(0x1000 | 0x4000, (255, 10), 32767, -32768, -32768, 32767) if slot == 2 else None
    )
    assert pad.name == "pad 3"
    assert pad.state() == PadState(frozenset({"SOUTH", "WEST", "LEFT_TRIGGER"}), (1.0, 1.0), (-1.0, -1.0))


def test_the_pad_that_was_there_first_stays_the_persons_and_a_virtual_one_in_another_slot_is_never_read() -> None:
    slots: dict[int, Report] = {1: report()}
    pad = XInputPad(slots.get)
    slots[0] = report(0x1000)  # a virtual pad is made
    assert pad.state() == NEUTRAL
    del slots[1]
    assert (pad.state(), pad.name) == (None, "")
    slots[1] = report(0x2000)
    assert pad.state() == PadState(frozenset({"EAST"}))


def test_without_a_pad_in_any_slot_it_is_refused_with_the_remedy() -> None:
    with pytest.raises(PadError, match="no real pad is there to take over with; plug it in, then start again"):
        XInputPad(lambda slot: None)


def test_the_report_is_laid_out_as_the_driver_of_virtual_pads_has_it() -> None:
    """XINPUT_GAMEPAD and the report of ViGEmBus's Xbox pad are the same by design; the library declares the latter."""
    declared = pytest.importorskip("vgamepad.api")
    ours, theirs = Report, declared.XUSB_REPORT
    assert [name for name, *_ in ours._fields_] == [name for name, *_ in theirs._fields_]
    for name, *_ in ours._fields_:
        one, other = getattr(ours, name), getattr(theirs, name)
        assert (one.offset, one.size) == (other.offset, other.size)
    bits = {int(bit): bit.name.removeprefix("XUSB_GAMEPAD_") for bit in declared.XUSB_BUTTON}
    named = {"SOUTH": "A", "EAST": "B", "WEST": "X", "NORTH": "Y"}
    assert {bit: named.get(name, name) for bit, name in BUTTONS.items()}.items() <= bits.items()
    assert ctypes.sizeof(State) == 16


def test_a_missing_library_is_told_with_the_package_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libevdev", None)
    with pytest.raises(PadError, match=r"libevdev cannot be loaded .*sudo apt-get install libevdev2"):
        GrabbedPad(FoundPad(Path("event0"), "input0", "a pad", virtual=False, swapped=False))
