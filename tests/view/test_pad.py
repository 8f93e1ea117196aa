"""The drawn gamepad."""

import numpy as np
import pytest

from ngrt.messages import NEUTRAL, PadState
from ngrt.policy.actions import BUTTONS_17
from ngrt.view.pad import HEIGHT, LETTERS, STICKS, WIDTH, draw_pad, pad_labels


@pytest.mark.parametrize("button", BUTTONS_17)
def test_each_button_lights_up_and_no_other(button: str) -> None:
    idle = draw_pad(NEUTRAL, HEIGHT * 4, WIDTH * 4).astype(int)
    pressed = draw_pad(PadState(frozenset({button})), HEIGHT * 4, WIDTH * 4)
    changed = np.argwhere(np.abs(pressed - idle).sum(axis=2) > 60) / 4
    assert len(changed) > 20
    assert np.ptp(changed[:, 0]) < 4.5
    assert np.ptp(changed[:, 1]) < 10.5


@pytest.mark.parametrize("stick", ["left", "right"])
def test_a_stick_cap_moves_with_the_stick_and_down_is_down(stick: str) -> None:
    x, y = STICKS[f"{stick.upper()}_THUMB"]
    for moved in ((1.0, 0.0), (0.0, 1.0), (-0.7, -0.7)):
        state = PadState(left=moved) if stick == "left" else PadState(right=moved)
        image = draw_pad(state, HEIGHT * 4, WIDTH * 4)
        rows, columns = np.nonzero(image.min(axis=2) > 220)
        offset = np.array([columns.mean() / 4 - x, rows.mean() / 4 - y])
        assert offset @ moved > 1
        assert abs(offset[0] * moved[1] - offset[1] * moved[0]) < 0.4


def test_letters_stand_in_the_button_they_name() -> None:
    labels = pad_labels(PadState(frozenset(LETTERS)), 16, 48)
    image = draw_pad(PadState(frozenset(LETTERS)), 32, 48)
    assert sorted(letter for letter, _ in labels.values()) == sorted("".join(LETTERS.values()))
    for row, column in labels:
        assert image[2 * row : 2 * row + 2, column].max() > 150
