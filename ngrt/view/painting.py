"""Pictures on a terminal: two pixels a cell, the upper as foreground and the lower as background of a half block.

The view is redrawn many times a second beside the game, so numpy makes the escape codes of a whole row at once; a
`rich.style.Style` for each cell would take twenty times as long.
"""

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.style import Style

from ngrt.messages import Image

Bytes = npt.NDArray[np.uint8]
Color = tuple[int, int, int]
Labels = Mapping[tuple[int, int], tuple[str, Color]]
"""ASCII letters drawn over a picture: (row, column) -> letter, colour."""

UPPER_HALF = "▀"
SHADES = np.array(list(" .:-=+*#%@"))
"""Dark to light, for terminals without colours."""

DIGITS = np.array([list(b"%03d" % value) for value in range(256)], np.uint8)
TRUECOLOR = np.frombuffer("\x1b[38;2;000;000;000;48;2;000;000;000m▀".encode(), np.uint8)
INDEXED = np.frombuffer("\x1b[38;5;000;48;5;000m▀".encode(), np.uint8)
GLYPH = 3
"""Bytes of the half block; the bytes before them set the colours."""

CUBE = np.array([0, 95, 135, 175, 215, 255], np.int16)
CUBE_STEP = np.abs(CUBE[None] - np.arange(256, dtype=np.int16)[:, None]).argmin(axis=1).astype(np.int16)
"""Levels of a channel in a terminal's 6 x 6 x 6 colours, and the nearest of them for each value."""

FINE = np.uint8(0xFC)
"""Mask of the bits kept of a channel: nobody sees the others, and equal neighbours need no codes."""


class _Painted(Style):
    """The style of a row whose escape codes are made already: rich counts its half blocks and writes the codes."""

    def __init__(self, codes: str) -> None:
        super().__init__(color="default")  # a style without any attribute would never be asked to render
        self._codes = codes

    def render(self, text: str = "", **_: object) -> str:
        return self._codes


def paint(image: Image, color_system: str | None, labels: Labels | None = None) -> list[Segment]:
    """Return ``image`` (2 R, C, 3) as R segments of C cells, for a console of that colour system (None: no colours)."""
    if color_system == "truecolor":
        rows = _half_blocks(np.bitwise_and(image, FINE), TRUECOLOR, labels or {})
    elif color_system == "256":
        rows = _half_blocks(image, INDEXED, labels or {})
    else:
        return [Segment(row) for row in _shades(image, labels or {})]
    return [Segment(UPPER_HALF * image.shape[1], _Painted(row)) for row in rows]


def fit(image: Image, rows: int, columns: int) -> Image:
    """Return ``image`` scaled so that `paint` makes ``rows`` by ``columns`` cells of it."""
    return np.asarray(cv2.resize(image, (columns, 2 * rows), interpolation=cv2.INTER_AREA), np.uint8)


def _half_blocks(image: Image, template: Bytes, labels: Labels) -> list[str]:
    upper, lower = image[::2].copy(), image[1::2].copy()
    cells = np.tile(template, (*upper.shape[:2], 1))
    for (row, column), (letter, color) in labels.items():
        lower[row, column] = (upper[row, column].astype(np.uint16) + lower[row, column]) // 2
        upper[row, column] = color
        cells[row, column, -GLYPH:] = (ord(letter), 0, 0)
    if template is INDEXED:
        upper, lower = _index(upper), _index(lower)
    places = np.flatnonzero(template == ord("0")).reshape(2, -1, 3)
    for colors, digits in zip((upper, lower), places, strict=True):
        for channel, place in enumerate(digits):
            cells[:, :, place] = DIGITS[colors[:, :, channel]]
    same = (upper[:, 1:] == upper[:, :-1]).all(axis=2) & (lower[:, 1:] == lower[:, :-1]).all(axis=2)
    cells[:, 1:, :-GLYPH][same] = 0  # zero bytes are left out
    return [row[row != 0].tobytes().decode() + "\x1b[0m" for row in cells]


def _index(colors: Image) -> Image:
    """Return the nearest of the terminal's 256 colours, from its cube or its greys, as (rows, columns, 1)."""
    steps = CUBE_STEP[colors]
    gray = np.clip((colors.mean(axis=2) - 3) / 10, 0, 23).astype(np.int16)
    to_cube = np.abs(CUBE[steps] - colors).sum(axis=2)
    to_gray = np.abs((8 + 10 * gray)[:, :, None] - colors).sum(axis=2)
    nearest = np.where(to_cube <= to_gray, 16 + steps @ np.array([36, 6, 1], np.int16), 232 + gray)
    return np.asarray(nearest[:, :, None], np.uint8)


def _shades(image: Image, labels: Labels) -> list[str]:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).reshape(-1, 2, image.shape[1]).mean(axis=1)
    shades = SHADES[(gray * len(SHADES) / 256).astype(int)]
    for place, (letter, _) in labels.items():
        shades[place] = letter
    return ["".join(row) for row in shades]
