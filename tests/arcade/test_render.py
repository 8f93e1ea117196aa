"""The picture: everything a player needs is in one frame."""

import numpy as np
import pytest

from ngrt.arcade.level import BAR, FORK, GATE, WAVE
from ngrt.arcade.render import render
from ngrt.arcade.world import JUMP_CYCLE, STATE, State
from ngrt.policy.preprocess import to_side
from tests.arcade.test_expert import played


def one(**values: float) -> State:
    state = np.zeros(1, STATE)
    for name, value in values.items():
        state[name] = value
    return state


def test_a_picture_is_256_rgb_and_the_same_alone_and_in_a_batch() -> None:
    state = played(6, 333)[0].state
    pictures = render(state)
    assert pictures.shape == (6, 256, 256, 3)
    assert pictures.dtype == np.uint8
    for i in range(6):
        assert (render(state[i : i + 1])[0] == pictures[i]).all()


def test_pictures_go_where_they_are_wanted() -> None:
    out = np.zeros((2, 256, 256, 3), np.uint8)
    assert render(played(2, 100)[0].state, out) is out
    assert out.any()


EVENT = {"kind": FORK, "left": 20}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"x": 4}),
        ({}, {"v": 0.2}),
        ({}, {"wind": 0.3}),
        ({"wind": 0.3}, {"wind": -0.3}),
        ({}, {"jump": 5}),
        ({"jump": 5}, {"jump": 10}),
        ({"jump": JUMP_CYCLE}, {"jump": JUMP_CYCLE - 3}),
        ({}, {"shield": 5}),
        ({"shield": JUMP_CYCLE}, {"shield": JUMP_CYCLE - 3}),
        ({}, EVENT),
        (EVENT, EVENT | {"where": 4}),
        (EVENT, EVENT | {"left": 19}),
        (EVENT, EVENT | {"kind": GATE}),
        (EVENT, EVENT | {"kind": BAR}),
        (EVENT, EVENT | {"kind": WAVE}),
    ],
)
def test_what_matters_shows_in_a_small_picture(before: dict[str, float], after: dict[str, float]) -> None:
    seen, changed = (to_side(render(one(**values))[0], 64).astype(int) for values in (before, after))
    assert np.abs(seen - changed).max() >= 24


@pytest.mark.parametrize("kind", [GATE, FORK, BAR, WAVE])
def test_nothing_is_drawn_outside_however_far_it_is(kind: int) -> None:
    for x in (-112, 112):
        for left in (42, 0, -5, -30):
            state = one(kind=kind, left=left, where=x, x=x, v=9, wind=-2, past_kind=kind, past_left=left)
            assert render(state).shape == (1, 256, 256, 3)


def test_a_cleared_and_a_missed_event_leave_in_different_colours() -> None:
    gone = {"past_kind": BAR, "past_left": -3}
    cleared, missed = (render(one(**gone, past_cleared=value))[0].astype(int) for value in (True, False))
    assert np.abs(cleared - missed).max() > 60
