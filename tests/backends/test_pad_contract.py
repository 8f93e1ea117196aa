"""What every pad promises, over all of them."""

from collections.abc import Callable

import pytest

from ngrt.backends.fakes import FakePad
from ngrt.backends.pad_none import RecordingPad
from ngrt.errors import PadError
from ngrt.interfaces import Pad
from ngrt.messages import NEUTRAL, PadState

BUSY = PadState(frozenset({"SOUTH", "DPAD_LEFT", "LEFT_TRIGGER", "GUIDE"}), (1.0, -1.0), (-0.25, 0.5))

pads = pytest.mark.parametrize("make", [RecordingPad, FakePad])


@pads
def test_any_state_is_taken(make: Callable[[], Pad]) -> None:
    pad = make()
    for state in (NEUTRAL, BUSY, BUSY, PadState(left=(0.0, 1.0)), NEUTRAL):
        pad.send(state)
    pad.close()


@pads
def test_it_may_be_closed_twice_and_unused(make: Callable[[], Pad]) -> None:
    pad = make()
    pad.close()
    pad.close()


@pads
def test_its_name_is_one_line(make: Callable[[], Pad]) -> None:
    assert make().name
    assert "\n" not in make().name


@pads
def test_closing_leaves_it_neutral(make: Callable[[], RecordingPad]) -> None:
    pad = make()
    assert pad.state == NEUTRAL
    pad.send(BUSY)
    assert pad.state == BUSY
    pad.close()
    assert pad.state == NEUTRAL
    assert list(pad.states) == [BUSY, NEUTRAL]


def test_a_recording_pad_keeps_the_newest_states_and_counts_all() -> None:
    pad = RecordingPad(kept=3)
    sent = [PadState(left=(step / 10, 0.0)) for step in range(10)]
    for state in sent:
        pad.send(state)
    assert list(pad.states) == sent[-3:]
    assert pad.count == 10


def test_a_fake_pad_fails_once_when_it_is_told_to() -> None:
    pad = FakePad(fail_at=1)
    pad.send(BUSY)
    with pytest.raises(PadError, match="as it was told to"):
        pad.send(BUSY)
    pad.close()
    assert pad.state == NEUTRAL
