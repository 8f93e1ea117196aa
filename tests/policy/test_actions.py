"""Model columns to pad states."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngrt.messages import PadState
from ngrt.policy.actions import BUTTONS_17, BUTTONS_21, decode, lock_menus


def raw(columns: int, **values: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    actions = np.full((2, columns), 0.5, np.float32)
    for column, value in values.items():
        actions[0, int(column[1:])] = value
    return actions


def test_there_are_21_buttons_and_17_without_the_stick_repeats() -> None:
    assert (len(BUTTONS_21), len(BUTTONS_17)) == (21, 17)
    assert [name for name in BUTTONS_21 if name not in BUTTONS_17] == [
        "RIGHT_BOTTOM", "RIGHT_LEFT", "RIGHT_RIGHT", "RIGHT_UP",
    ]  # fmt: skip


def test_a_button_is_pressed_only_strictly_above_a_half() -> None:
    chunk = decode(raw(25, c18=0.5), old_layout=False)
    assert chunk.pad(0).buttons == frozenset()
    chunk = decode(raw(25, c18=0.5001), old_layout=False)
    assert chunk.pad(0).buttons == {"SOUTH"}


def test_sticks_follow_the_buttons_in_the_new_layout() -> None:
    chunk = decode(raw(25, c21=1.0, c22=0.0, c23=0.75, c24=0.25), old_layout=False)
    assert chunk.pad(0).left == (1.0, -1.0)
    assert chunk.pad(0).right == (0.5, -0.5)


def test_sticks_come_first_in_the_old_layout() -> None:
    chunk = decode(raw(25, c0=1.0, c1=0.0, c2=0.75, c3=0.25, c4=1.0), old_layout=True)
    state = chunk.pad(0)
    assert (state.left, state.right, state.buttons) == ((1.0, -1.0), (0.5, -0.5), frozenset({"BACK"}))


def test_repeats_of_the_right_stick_never_reach_a_pad() -> None:
    chunk = decode(raw(25, c11=1.0, c12=1.0, c13=1.0, c17=1.0), old_layout=False)
    assert chunk.buttons[0].sum() == 4
    assert chunk.pad(0).buttons == frozenset()


def test_21_columns_have_17_buttons() -> None:
    chunk = decode(raw(21, c15=1.0), old_layout=False)
    assert chunk.buttons.shape == (2, 17)
    assert chunk.pad(0).buttons == {"START"}


def test_the_menu_lock_holds_back_start_and_guide_and_nothing_else() -> None:
    state = PadState(frozenset({"BACK", "START", "GUIDE", "SOUTH"}), (0.5, 0), (0, 0.5))
    assert lock_menus(state) == PadState(frozenset({"SOUTH"}), (0.5, 0), (0, 0.5))


@pytest.mark.parametrize("old_layout", [False, True])
@given(value=st.floats(-1e6, 1e6, width=32))
def test_sticks_stay_within_one_whatever_the_model_says(value: float, old_layout: bool) -> None:
    chunk = decode(np.full((3, 25), value, np.float32), old_layout=old_layout)
    assert np.abs(chunk.j_left).max() <= 1
    assert np.abs(chunk.j_right).max() <= 1
