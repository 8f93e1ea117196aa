"""Pads through vgamepad: on a stand-in with each platform's quirks, and held against the installed library's source."""

import ast
import errno
import inspect
import re
import sys
import threading
import time
from pathlib import Path
from typing import Literal, get_args

import pytest

from ngrt.errors import PadError
from ngrt.interfaces import PadKind
from ngrt.messages import NEUTRAL, STILL, PadState, Rumble
from ngrt.pads.open import OPENERS, open_pad
from ngrt.pads.vgamepad import Motors, VgamepadPad
from ngrt.pads.vgamepad_reports import DIRECTIONS, DUALSHOCK_BUTTONS, KINDS, XBOX_BUTTONS
from tests.pads.vgamepad_standin import System, api, source

Kind = Literal["xbox", "ds4"]
BUSY = PadState(frozenset({"SOUTH", "RIGHT_TRIGGER"}), (1.0, 0.0), (0.0, 0.5))
kinds = pytest.mark.parametrize("kind", get_args(Kind))


@pytest.fixture(params=["Linux", "Windows"])
def system(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """Return a system of either platform that passes for what is beneath vgamepad."""
    made = System(windows=request.param == "Windows")
    made.install(monkeypatch, tmp_path)
    return made


@kinds
def test_a_game_that_shakes_it_is_heard_on_any_thread(system: System, kind: Kind) -> None:
    pad = VgamepadPad(kind)
    for large, small, expected in ((255, 0, Rumble(1.0, 0.0)), (51, 255, Rumble(0.2, 1.0)), (0, 0, STILL)):
        shaking = threading.Thread(target=system.callback, args=(None, None, large, small, 0, None))
        shaking.start()
        shaking.join()
        assert pad.rumble == expected
    pad.close()


@kinds
def test_closing_it_sends_a_neutral_report_and_only_then_unplugs_it(system: System, kind: Kind) -> None:
    pad = VgamepadPad(kind)
    assert system.plugged == 1
    pad.send(BUSY)
    count = len(system.seen)
    pad.close()
    assert [state.buttons for state in system.seen[count:]] == [frozenset()]
    assert system.plugged == 0
    with pytest.raises(PadError, match="is closed; open it again"):
        pad.send(BUSY)


@kinds
def test_every_state_is_one_report(system: System, kind: Kind) -> None:
    pad = VgamepadPad(kind)
    before = len(system.seen)
    for state in (BUSY, BUSY, NEUTRAL):
        pad.send(state)
    assert len(system.seen) == before + 3
    pad.close()


@kinds
def test_what_is_out_of_range_goes_as_far_as_the_stick_does(system: System, kind: Kind) -> None:
    pad = VgamepadPad(kind)
    pad.send(PadState(left=(7.0, -7.0), right=(-1.5, 1.0001)))
    seen = system.seen[-1]
    assert (*seen.left, *seen.right) == pytest.approx((1.0, -1.0, -1.0, 1.0), abs=0.01)
    pad.close()


@kinds
def test_opposite_directions_of_the_directional_pad_are_no_error(system: System, kind: Kind) -> None:
    pad = VgamepadPad(kind)
    pad.send(PadState(frozenset({"DPAD_UP", "DPAD_DOWN", "DPAD_LEFT"})))
    assert "DPAD_LEFT" in system.seen[-1].buttons
    pad.close()


def test_an_update_that_stalls_is_waited_for_where_it_is_called(system: System) -> None:
    pad = VgamepadPad("xbox")
    system.stall = 0.053
    start = time.monotonic()
    pad.send(BUSY)
    assert time.monotonic() - start >= 0.053
    assert system.seen[-1].buttons == BUSY.buttons
    pad.close()


@kinds
def test_a_driver_that_fails_is_an_error_in_one_line_and_the_pad_is_unplugged_all_the_same(
    system: System, kind: Kind
) -> None:
    pad = VgamepadPad(kind)
    system.update_fails = RuntimeError("Error: VIGEM_ERROR_TARGET_NOT_PLUGGED_IN")
    with pytest.raises(PadError, match=r"takes no input any more \(Error: VIGEM_ERROR_TARGET_NOT_PLUGGED_IN\); start"):
        pad.send(BUSY)
    pad.close()
    assert system.plugged == 0


def test_a_driver_that_tells_nothing_of_motors_can_be_played_on(system: System) -> None:
    system.callback_fails = RuntimeError("Error: VIGEM_ERROR_NOT_SUPPORTED")
    pad = VgamepadPad("xbox")
    pad.send(BUSY)
    assert pad.rumble == STILL
    pad.close()


def test_two_of_a_kind_are_refused_until_the_first_is_closed_and_two_kinds_are_not(system: System) -> None:
    first, other = VgamepadPad("xbox"), VgamepadPad("ds4")
    with pytest.raises(PadError, match="pad xbox is in use by another ngrt"):
        VgamepadPad("xbox")
    assert system.plugged == 2
    first.close()
    VgamepadPad("xbox").close()
    other.close()


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            FileNotFoundError(errno.ENOENT, "No such file"),
            "there is no /dev/uinput; load it with: sudo modprobe uinput",
        ),
        (OSError(errno.ENODEV, "No such device"), "sudo modprobe uinput"),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            """echo 'KERNEL=="uinput", TAG+="uaccess"' | sudo tee /etc/udev/rules.d/60-ngrt-uinput.rules && sudo """,
        ),
        (OSError("libevdev.so.2: cannot open shared object file"), "install it with: sudo apt-get install libevdev2"),
        (ValueError("what nobody foresaw"), "no Xbox 360 pad: what nobody foresaw; see `ngrt doctor`"),
    ],
    ids=["missing", "no device", "permission", "library", "other"],
)
@pytest.mark.parametrize("when", ["import_fails", "plugging_fails"])
def test_what_is_missing_on_linux_is_told_in_one_line_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, error: Exception, remedy: str
) -> None:
    system = System(windows=False)
    system.install(monkeypatch, tmp_path)
    setattr(system, when, error)
    with pytest.raises(PadError, match=re.escape(remedy)) as caught:
        open_pad("xbox")
    assert "\n" not in str(caught.value)
    assert caught.value.problem.startswith("no Xbox 360 pad: ")
    assert ";" not in caught.value.problem
    assert caught.value.remedy
    setattr(system, when, None)
    open_pad("xbox").close()  # the lock was let go of


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """Return a Windows that passes for what is beneath vgamepad."""
    system = System(windows=True)
    system.install(monkeypatch, tmp_path)
    return system


def refusal() -> str:
    """Return why no DualShock can be had, in one line."""
    with pytest.raises(PadError, match=r"^no DualShock 4: [^\n]+ or choose --pad keyboard$") as caught:
        open_pad("ds4")
    return str(caught.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("Error: VIGEM_ERROR_BUS_NOT_FOUND"), OSError("Could not find module 'ViGEmClient.dll'")]
)
def test_windows_without_the_driver_is_told_how_it_is_installed(
    windows: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    windows.import_fails = error
    monkeypatch.delitem(sys.modules, "vgamepad", raising=False)  # else it is where another test found it
    pip = f"ViGEmBus driver is not installed ({error}); install it with: pip install --force-reinstall --no-cache-dir"
    assert pip in refusal()
    installer = tmp_path / "vgamepad/win/vigem/install/x64/ViGEmBusSetup_x64.msi"  # where the library puts it there
    installer.parent.mkdir(parents=True)
    installer.touch()
    (tmp_path / "vgamepad/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert f'install it with: msiexec /i "{installer}"; or choose' in refusal()


def test_a_driver_that_refuses_another_pad_is_told_so(windows: System) -> None:
    windows.plugging_fails = RuntimeError("Error: VIGEM_ERROR_NO_FREE_SLOT")
    assert "the ViGEmBus driver refuses (Error: VIGEM_ERROR_NO_FREE_SLOT); restart Windows" in refusal()


def test_without_the_library_its_installation_is_named(system: System) -> None:
    system.import_fails = ModuleNotFoundError("No module named 'vgamepad'")
    with pytest.raises(PadError, match="vgamepad is not installed; install it with: pip install vgamepad"):
        open_pad("xbox")


def test_every_pad_that_can_be_chosen_can_be_opened() -> None:
    assert set(OPENERS) == set(get_args(PadKind))
    assert open_pad("none").name == "none (recording only)"


# held against the library's own source, of both platforms


def classes(platform: str) -> dict[str, dict[str, ast.FunctionDef]]:
    """Return the methods of the classes in a platform's half of the installed library, by class."""
    tree = ast.parse(source(f"{platform}/virtual_gamepad.py").read_text("utf-8"))
    return {
        node.name: {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


platforms = pytest.mark.parametrize("platform", ["lin", "win"])
pads = pytest.mark.parametrize("name", ["VX360Gamepad", "VDS4Gamepad"])


@platforms
@pads
def test_both_halves_of_the_library_have_what_is_called(platform: str, name: str) -> None:
    methods = classes(platform)[name]
    taken = [argument.arg for argument in methods["register_notification"].args.args]
    assert taken == ["self", "callback_function"]
    start = methods["__init__"].args
    assert len(start.defaults) == len(start.args) - 1, "it is made without arguments"
    assert "update_from_report" in methods
    assert "__del__" in classes(platform)["VGamepad"], "letting go of it unplugs it"


@pads
def test_the_common_half_has_what_is_called(name: str) -> None:
    kind = getattr(api(), name)
    for method, arguments in (
        ("left_trigger", (255,)),
        ("right_trigger", (0,)),
        ("left_joystick", (0, 0)),
        ("right_joystick", (0, 0)),
        ("update", ()),
    ):
        inspect.signature(getattr(kind, method)).bind(None, *arguments)


def test_every_button_and_direction_is_the_librarys() -> None:
    for theirs in XBOX_BUTTONS.values():
        assert api().XUSB_BUTTON[f"XUSB_GAMEPAD_{theirs}"]
    for theirs in DUALSHOCK_BUTTONS.values():
        assert api().DS4_BUTTONS[f"DS4_BUTTON_{theirs}"]
    assert {f"DS4_BUTTON_DPAD_{theirs}" for theirs in DIRECTIONS.values()} == set(api().DS4_DPAD_DIRECTIONS.__members__)


def test_the_callback_is_one_that_the_library_takes() -> None:
    assert api().check_callback_signature(Motors().hear)
    assert list(inspect.signature(api().dummy_x360_callback).parameters)[2:4] == ["large_motor", "small_motor"]


def test_on_windows_importing_it_connects_to_the_driver_and_may_raise() -> None:
    tree = ast.parse(source("win/virtual_gamepad.py").read_text("utf-8"))
    made = [node.value.func for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)]
    assert [call.id for call in made if isinstance(call, ast.Name)] == ["VBus"]
    assert "raise RuntimeError" in ast.unparse(tree)


def test_the_library_turns_the_xbox_pads_y_round_on_linux_only_and_the_dualshocks_nowhere() -> None:
    turned = {
        platform: {
            name
            for name, methods in classes(platform).items()
            for part in methods.values()
            if "~report.sThumb" in ast.unparse(part)
        }
        for platform in ("lin", "win")
    }
    assert turned == {"lin": {"VX360Gamepad"}, "win": set()}
    assert "0 = up" in (api().VDS4Gamepad.update_from_extended_report.__doc__ or "")
    assert set(KINDS) == set(get_args(Kind))
