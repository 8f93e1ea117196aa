"""The pieces that pictures are put together from, drawn once: background, ship, barriers, letters.

A sprite is (height, width, 4) float32: colour 0 to 255, then opacity 0 to 1.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from ngrt.arcade.world import WALL
from ngrt.messages import Image

Sprite = npt.NDArray[np.float32]
Mask = npt.NDArray[np.float32]
Colour = tuple[int, int, int]

SIDE = 256
MIDDLE = SIDE / 2
SCROLL = 5
"""Rows that the background moves in a tick."""

PANEL = 229
"""First row of the instrument panel."""

TEAL, MAGENTA, AMBER, BLUE = (64, 224, 190), (255, 72, 150), (255, 190, 60), (96, 150, 255)
WHITE, GREEN, RED = (246, 248, 255), (110, 240, 140), (255, 66, 66)
PANEL_COLOUR = (13, 11, 28)

SHIP_SIDE = 44
TILTS = 6
"""Steps by which the ship leans to either side."""

SUBPIXELS = 4
SHIELD_SIDE = 52

FONT = {
    "0": "755557", "1": "262227", "2": "717447", "3": "717117", "4": "557111", "5": "747117", "6": "747557",
    "7": "711244", "8": "757557", "9": "757117", "/": "112244", "J": "111157", "U": "555557", "M": "577555",
    "P": "757444", "S": "747117", "H": "557555", "I": "722227", "E": "746447", "L": "444447", "D": "655556",
    "W": "555775", "N": "755555", "F": "746444", "A": "757555", "T": "722222", " ": "000000",
}  # fmt: skip
"""Letters of 3 x 6 dots: one octal digit a row, its highest bit on the left."""


@cache
def background() -> Image:
    """Return (2 x 256, 256, 3): the field, twice, so that any 256 rows of it are a picture."""
    random = np.random.default_rng(5)
    rows = np.abs(np.linspace(-1, 1, SIDE))[:, None, None]
    top, bottom = np.array((12, 13, 40), np.float32), np.array((33, 17, 58), np.float32)
    field = np.tile(top + (bottom - top) * rows, (1, SIDE, 1)).astype(np.float32)
    across = np.abs(np.arange(SIDE) + 0.5 - MIDDLE)
    lanes = np.exp(-((across[:, None] - np.arange(0, 128, 28)) ** 2).min(1) / 1.2)
    lines = np.exp(-((np.arange(SIDE) % 64 - 32.0) ** 2) / 1.2)
    inside = across < WALL + 10
    field += (np.maximum(lanes[None], lines[:, None]) * inside * 20)[..., None] * np.array((0.7, 0.7, 1.4))
    for y, x, light in zip(*random.integers(0, SIDE, (2, 90)), random.uniform(20, 120, 90), strict=True):
        field[y, x] += light
    wall = np.abs(across - WALL - 10)
    field += (np.exp(-wall / 4) * 70 + 130 * (wall < 1))[None, :, None] * np.array((0.35, 0.75, 1.0))
    field[:, across > WALL + 11] *= 0.45
    picture = np.clip(field, 0, 255).astype(np.uint8)
    return np.concatenate([picture, picture])


@cache
def panel() -> Image:
    """Return the empty instrument panel (256 - PANEL, 256, 3)."""
    picture = np.full((SIDE - PANEL, SIDE, 3), PANEL_COLOUR, np.uint8)
    picture[:1] = (60, 70, 130)
    for word, column in (("JUMP", 10), ("SHIELD", 208)):
        mask = text(word)
        picture[18:24, column : column + mask.shape[1]][mask] = (150, 155, 190)
    return picture


@cache
def text(words: str) -> npt.NDArray[np.bool_]:
    """Return ``words`` as dots (6, 4 a letter), True where lit; for letters of `FONT`."""
    letters = [[[int(row, 8) >> bit & 1 for bit in (2, 1, 0)] + [0] for row in FONT[letter]] for letter in words]
    return np.concatenate(np.array(letters, np.bool_), 1)


@cache
def ship(tilt: int, subpixel: int, high: bool) -> Sprite:
    """Return the ship (44, 44, 4) with its flame, leaning ``tilt`` steps, larger where it is off the ground."""
    over, size = 4, 1.3 if high else 1.0
    grid = (np.arange(SHIP_SIDE * over) + 0.5) / over - SHIP_SIDE / 2
    y, x = np.meshgrid(grid / size, (grid - subpixel / SUBPIXELS) / size, indexing="ij")
    x = x + y * tilt / TILTS * 0.45
    hull = (y > -13) & (y < 9) & (np.abs(x) < 1 + (y + 13) * 0.42) & (y < 9 - 4 * (1 - np.abs(x) / 10))
    cabin = (x / 2.6) ** 2 + ((y + 1) / 5) ** 2 < 1
    flame = (y > 6) & (np.abs(x) < 3.4 * (1 - (y - 6) / 13)) & (y < 19)
    glow = np.exp(-(x**2 + (y - 1) ** 2) / 110) * 0.5
    picture = np.zeros((*x.shape, 4), np.float32)
    picture[..., :3], picture[..., 3] = BLUE, glow
    for mask, colour in ((flame, AMBER), (hull, WHITE), (hull & (x > 0), (196, 204, 236)), (cabin, (40, 90, 210))):
        picture[mask] = (*colour, 1)
    return np.asarray(picture.reshape(SHIP_SIDE, over, SHIP_SIDE, over, 4).mean((1, 3)), np.float32)


@cache
def shadow() -> Mask:
    """Return the opacity (14, 36) of the shadow of a ship that is off the ground."""
    y, x = np.mgrid[-6.5:7, -17.5:18]
    return np.asarray(np.exp(-((x / 11) ** 2 + (y / 4) ** 2)) * 0.7, np.float32)


@cache
def shield() -> Mask:
    """Return the opacity (52, 52) of the bubble around a shielded ship."""
    y, x = np.mgrid[-25.5:26, -25.5:26]
    radius = np.hypot(x, y)
    return np.asarray(np.minimum(np.exp(-((radius - 21) ** 2) / 5) + 0.25 * (radius < 21), 1), np.float32)


@cache
def bar() -> Sprite:
    """Return the bar to jump (24, 256, 4): stripes with a glow."""
    y, x = np.mgrid[-11.5:12, 0.0:SIDE]
    stripes = ((x + y) // 12 % 2 == 0)[..., None]
    opacity = np.maximum(np.abs(y) < 6, 0.45 * np.exp(-((np.abs(y) - 6) ** 2) / 10))
    return _strip(np.where(stripes, AMBER, (120, 58, 10)), opacity * _inside(x))


@cache
def wave() -> Sprite:
    """Return the wave to shield against (44, 256, 4): two crests with a glow."""
    y, x = np.mgrid[-21.5:22, 0.0:SIDE]
    crests = [y - 7 * np.sin(x / 9) - 2, y - 7 * np.sin(x / 9 + 1.6) + 7]
    core = np.maximum(*(np.exp(-(crest**2) / 7) for crest in crests))
    glow = np.exp(-(y**2) / 130) * 0.55
    colour = np.array(BLUE) + (np.array(WHITE) - np.array(BLUE)) * core[..., None]
    return _strip(colour, np.maximum(core, glow) * _inside(x))


def _inside(x: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(x + 0.5 - MIDDLE) < WALL + 9)


def _strip(colour: npt.NDArray[np.generic], opacity: npt.NDArray[np.float64]) -> Sprite:
    return np.concatenate([colour, opacity[..., None]], -1).astype(np.float32)
