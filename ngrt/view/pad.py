"""A picture of a gamepad: pressed buttons are lit, the stick caps are where the sticks are."""

from functools import lru_cache

import cv2
import numpy as np

from ngrt.messages import Image, PadState

Color = tuple[int, int, int]

WIDTH, HEIGHT = 36, 24
"""The drawing's own units; y grows downward."""

SCALE = 8
"""Pixels a unit in the drawing, which is then shrunk smoothly to the size asked for."""

GROUND, BODY, EDGE, WELL = (14, 16, 22), (52, 56, 68), (84, 90, 106), (26, 28, 36)
CAP, CAP_MOVED, CAP_CLICKED = (132, 138, 154), (235, 238, 245), (255, 196, 60)
LIT, INK = (240, 242, 248), (12, 14, 18)

ROUND: dict[str, tuple[float, float, float, Color]] = {
    "NORTH": (27.5, 6.6, 1.5, (244, 208, 40)),
    "WEST": (24.5, 9.6, 1.5, (56, 132, 255)),
    "EAST": (30.5, 9.6, 1.5, (240, 64, 56)),
    "SOUTH": (27.5, 12.6, 1.5, (84, 210, 84)),
    "GUIDE": (18.0, 7.6, 1.4, (150, 240, 130)),
    "BACK": (14.6, 10.2, 0.9, LIT),
    "START": (21.4, 10.2, 0.9, LIT),
}
"""Button -> centre x, y, radius, colour when pressed."""

BARS: dict[str, tuple[float, float, float, float, Color]] = {
    "LEFT_TRIGGER": (5.0, 0.2, 12.0, 1.8, (255, 150, 60)),
    "RIGHT_TRIGGER": (24.0, 0.2, 31.0, 1.8, (255, 150, 60)),
    "LEFT_SHOULDER": (3.6, 2.4, 13.4, 3.8, (120, 200, 255)),
    "RIGHT_SHOULDER": (22.6, 2.4, 32.4, 3.8, (120, 200, 255)),
    "DPAD_UP": (12.0, 12.6, 14.0, 14.6, LIT),
    "DPAD_DOWN": (12.0, 16.6, 14.0, 18.6, LIT),
    "DPAD_LEFT": (10.0, 14.6, 12.0, 16.6, LIT),
    "DPAD_RIGHT": (14.0, 14.6, 16.0, 16.6, LIT),
}
"""Button -> left, top, right, bottom, colour when pressed."""

STICKS = {"LEFT_THUMB": (8.4, 9.4), "RIGHT_THUMB": (23.0, 15.6)}
WELL_RADIUS, CAP_RADIUS = 3.5, 1.9

LETTERS = {
    "NORTH": "Y", "WEST": "X", "EAST": "B", "SOUTH": "A",
    "LEFT_TRIGGER": "LT", "RIGHT_TRIGGER": "RT", "LEFT_SHOULDER": "LB", "RIGHT_SHOULDER": "RB",
}  # fmt: skip


def draw_pad(state: PadState, height: int, width: int) -> Image:
    """Return (height, width, 3) uint8 RGB: the pad in ``state``. Its proportions are right at 24 to 36."""
    canvas = _body().copy()
    for name, (x, y, radius, color) in ROUND.items():
        _disc(canvas, x, y, radius, color if name in state.buttons else _dim(color))
    for name, (left, top, right, bottom, color) in BARS.items():
        _bar(canvas, left, top, right, bottom, color if name in state.buttons else _dim(color))
    for (name, (x, y)), (dx, dy) in zip(STICKS.items(), (state.left, state.right), strict=True):
        reach = WELL_RADIUS - CAP_RADIUS + 0.5
        color = CAP_CLICKED if name in state.buttons else CAP_MOVED if max(abs(dx), abs(dy)) > 0.05 else CAP
        _disc(canvas, x + dx * reach, y + dy * reach, CAP_RADIUS, color)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def pad_labels(state: PadState, rows: int, columns: int) -> dict[tuple[int, int], tuple[str, Color]]:
    """Return the buttons' letters by cell (row, column), for a pad drawn on ``rows`` by ``columns`` cells."""
    labels = {}
    for name, letters in LETTERS.items():
        if name in ROUND:
            x, y, _, color = ROUND[name]
        else:
            left, top, right, bottom, color = BARS[name]
            x, y = (left + right) / 2, (top + bottom) / 2
        row, column = int(y / HEIGHT * rows), int(x / WIDTH * columns - (len(letters) - 1) / 2)
        for offset, letter in enumerate(letters):
            labels[row, column + offset] = (letter, INK if name in state.buttons else color)
    return labels


@lru_cache(maxsize=1)
def _body() -> Image:
    canvas = np.empty((HEIGHT * SCALE, WIDTH * SCALE, 3), np.uint8)
    canvas[:] = GROUND
    for grow, color in ((0.0, EDGE), (-0.5, BODY)):
        for top, bottom in (((8.2, 10.2), (6.2, 17.6)), ((27.8, 10.2), (29.8, 17.6))):  # each side with its grip
            ends = [(round(x * SCALE), round(y * SCALE)) for x, y in (top, bottom)]
            cv2.line(canvas, ends[0], ends[1], color, round(2 * (5.9 + grow) * SCALE))
        _bar(canvas, 8.2, 4.3 - grow, 27.8, 19.4 + grow, color)
    for x, y in (*STICKS.values(), (13.0, 15.6)):
        _disc(canvas, x, y, WELL_RADIUS, WELL)
    return canvas


def _dim(color: Color) -> Color:
    red, green, blue = ((3 * base + level) // 4 for base, level in zip(WELL, color, strict=True))
    return red, green, blue


def _disc(canvas: Image, x: float, y: float, radius: float, color: Color) -> None:
    cv2.circle(canvas, (round(x * SCALE), round(y * SCALE)), round(radius * SCALE), color, cv2.FILLED)


def _bar(canvas: Image, left: float, top: float, right: float, bottom: float, color: Color) -> None:
    corner, opposite = (round(left * SCALE), round(top * SCALE)), (round(right * SCALE) - 1, round(bottom * SCALE) - 1)
    cv2.rectangle(canvas, corner, opposite, color, cv2.FILLED)
