"""How near the actions of two engines are to each other, as a pad sees them, and how near they must be."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ngrt.messages import Array
from ngrt.policy.actions import decode

BUTTONS_LEAST = 0.99
"""Least share of all buttons, in all rows, that must agree."""

STICK_LIMIT = 0.02
"""Largest mean absolute error of a stick's axis, which runs from -1 to 1."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near chunks are to the reference's: share of buttons that agree, mean absolute error of the sticks."""

    buttons: float
    sticks: float

    @property
    def passes(self) -> bool:
        """Whether both limits are met; NaN does not pass."""
        return self.buttons >= BUTTONS_LEAST and self.sticks <= STICK_LIMIT

    def __str__(self) -> str:
        return f"{self.buttons:.2%} of buttons agree, sticks are off by {self.sticks:.4f}"


def agree(wanted: Sequence[Array], found: Sequence[Array], repeat: float, *, old_layout: bool) -> Agreement:
    """Return how near the actions ``found`` are to ``wanted``, decoded for a pad.

    A button within ``repeat`` of its threshold in ``wanted`` counts as agreeing: the reference itself might or might
    not press it.
    """
    sticks, buttons = list[float](), list[float]()
    for one, other in zip(wanted, found, strict=True):
        expected, actual = decode(one, old_layout=old_layout), decode(other, old_layout=old_layout)
        for axis in ("j_left", "j_right"):
            sticks.append(float(np.abs(getattr(expected, axis) - getattr(actual, axis)).mean()))
        columns = one[:, 4:] if old_layout else one[:, :-4]
        same = (expected.buttons == actual.buttons) | (np.abs(columns - 0.5) <= repeat)
        buttons.append(float(same.mean()))
    return Agreement(float(np.mean(buttons)), float(np.mean(sticks)))
