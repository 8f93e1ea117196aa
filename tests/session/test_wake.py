"""Wake-up sequences: which one is chosen, and that the pad is neutral afterwards."""

import pytest

from ngrt.errors import PadError, SettingsError
from ngrt.fakes import FakePad
from ngrt.messages import NEUTRAL, PadState
from ngrt.policy.actions import BUTTONS_17
from ngrt.session.wake import Press, chosen_presses, press_all, sequence

SOUTH, EAST = (PadState(frozenset({name})) for name in ("SOUTH", "EAST"))


@pytest.mark.parametrize("name", ["isaac-ng", "isaac-ng.exe", "Isaac-NG.EXE", "Cuphead.exe", "cuphead"])
def test_the_known_games_press_south_once_and_east_five_times(name: str) -> None:
    pad, slept = FakePad(), list[float]()
    press_all(pad, sequence(name), slept.append)
    assert list(pad.states) == [SOUTH, NEUTRAL, *[EAST, NEUTRAL] * 5]
    assert slept == [0.05, 0.3] * 6


@pytest.mark.parametrize(
    ("asked", "process", "presses"),
    [
        ("auto", "CUPHEAD.exe", 2),
        ("auto", "other.exe", 0),
        ("auto", None, 0),
        ("none", "Cuphead.exe", 0),
        ("cuphead", None, 2),
    ],
)
def test_auto_goes_by_the_process_and_a_name_by_itself(asked: str, process: str | None, presses: int) -> None:
    assert len(chosen_presses(asked, process)) == presses


def test_an_unknown_game_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(
        SettingsError, match=r"^--wake doom is not known; choose auto, none or one of: cuphead, isaac-ng$"
    ):
        chosen_presses("doom", "cuphead.exe")


def test_every_button_of_the_table_is_one() -> None:
    for name in ("isaac-ng", "cuphead"):
        for press in sequence(name):
            assert press.buttons <= set(BUTTONS_17)
            assert press.hold > 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_whatever_interrupts_it_leaves_the_pad_neutral(error: type[BaseException]) -> None:
    def interrupted(seconds: float) -> None:
        raise error

    pad = FakePad()
    with pytest.raises(error):
        press_all(pad, [Press(frozenset({"SOUTH"}), 0.05, 0.0)], interrupted)
    assert list(pad.states) == [SOUTH, NEUTRAL]


def test_a_pad_that_fails_is_told_and_made_neutral_if_it_can_be() -> None:
    pad = FakePad(fail_at=1)
    with pytest.raises(PadError, match="as it was told to"):
        press_all(pad, sequence("cuphead"), lambda seconds: None)
    assert pad.state == NEUTRAL
