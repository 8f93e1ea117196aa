"""The picture of a state: 256 x 256, everything a player needs in one frame, well under a millisecond each."""

import numpy as np
import numpy.typing as npt

from ngrt.arcade import sprites
from ngrt.arcade.level import BAR, FORK, GATE, NONE, NOTICE, TICKS
from ngrt.arcade.sprites import MIDDLE, PANEL, SIDE, Colour, Mask
from ngrt.arcade.world import (
    AIRBORNE,
    GATE_HALF,
    JUMP_CYCLE,
    PILLAR_HALF,
    SHIELD_CYCLE,
    SHIELDED,
    SPEED,
    STATE,
    WALL,
    State,
)
from ngrt.messages import Image

SHIP_ROW = 190
FIRST_ROW = 14
"""Row at which events come into sight."""

SHIP_HALF = 9
"""Half the ship's width, which the picture takes off a pillar and adds to a gate's gap."""

GATE_REACH = 16
GATE_ROWS = np.abs(np.arange(-GATE_REACH, GATE_REACH + 1))[:, None]
BEAM = np.where(GATE_ROWS < 6, 0.85, 0.4 * np.exp(-((GATE_ROWS - 5.0) ** 2) / 12))
"""Opacity of a gate's beam by row, brightest in the middle."""

COLUMNS = np.arange(SIDE) + 0.5 - MIDDLE
GAUGE = 40.0
"""Pixels of the longest bar of speed or wind."""


def render(state: State, out: npt.NDArray[np.uint8] | None = None) -> npt.NDArray[np.uint8]:
    """Return the pictures (E, 256, 256, 3) uint8 RGB of ``state`` (E,), in ``out`` where given."""
    pictures = np.empty((len(state), SIDE, SIDE, 3), np.uint8) if out is None else out
    for picture, values in zip(pictures, state.tolist(), strict=True):
        _draw(picture, dict(zip(STATE.names or (), values, strict=True)))
    return pictures


def _draw(picture: Image, s: dict[str, float]) -> None:
    top = -int(s["tick"]) * sprites.SCROLL % SIDE
    picture[:] = sprites.background()[top : top + SIDE]
    _draw_wind(picture, int(s["tick"]), s["wind"])
    if s["past_kind"] != NONE:
        tint = sprites.GREEN if s["past_cleared"] else sprites.RED
        _draw_event(picture, int(s["past_kind"]), s["past_left"], s["past_where"], tint)
    airborne = s["jump"] > JUMP_CYCLE - AIRBORNE
    # a ship off the ground is drawn over what it jumps
    if not airborne:
        _draw_ship(picture, s, airborne)
    if s["kind"] != NONE:
        _draw_event(picture, int(s["kind"]), s["left"], s["where"], None)
    if airborne:
        _draw_ship(picture, s, airborne)
    _draw_panel(picture, s)
    _draw_score(picture, s)


def _draw_wind(picture: Image, tick: int, wind: float) -> None:
    if wind == 0:
        return
    length = int(10 + 26 * abs(wind))
    for i in range(10):
        row = (i * 97 + 3 * tick) % PANEL
        column = 8 + int(i * 61 + tick * wind * 7) % (SIDE - 16 - length)
        part = picture[row, column : column + length]
        part[:] = part // 2 + np.array((50, 64, 84), np.uint8)


def _draw_event(picture: Image, kind: int, left: float, where: float, tint: Colour | None) -> None:
    row = round(SHIP_ROW - left * (SHIP_ROW - FIRST_ROW) / NOTICE[kind])
    if kind == GATE:
        _draw_gate(picture, row, where, tint or sprites.TEAL)
    elif kind == FORK:
        _draw_pillar(picture, row, where, tint or sprites.MAGENTA)
    else:
        sprite = sprites.bar() if kind == BAR else sprites.wave()
        colour = sprite[..., :3]
        if tint is not None:
            colour = colour * 0.4 + np.array(tint, np.float32) * 0.6
        _blend(picture, row - sprite.shape[0] // 2, 0, colour, sprite[..., 3])


def _draw_gate(picture: Image, row: int, where: float, colour: Colour) -> None:
    off = np.abs(COLUMNS - where) - GATE_HALF - SHIP_HALF
    inside = np.abs(COLUMNS) < WALL + 9
    beam = np.clip(off + 0.5, 0, 1) * inside
    post = np.exp(-((off - 4) ** 2) / 14) * inside
    opacity = np.maximum(beam * BEAM, post * (GATE_ROWS < 14))
    # the middle rows are lit, the others alike: two rows of colour are enough
    light = np.clip(np.array([[0.0], [0.6]]) + 0.8 * post, 0, 1)[..., None]
    rows = np.array(colour) * (1 - light) + np.array(sprites.WHITE) * light
    _blend(picture, row - GATE_REACH, 0, rows.astype(np.float32)[(GATE_ROWS[:, 0] < 2).astype(int)], opacity)


def _draw_pillar(picture: Image, row: int, where: float, colour: Colour) -> None:
    half = PILLAR_HALF - SHIP_HALF
    low = max(int(where + MIDDLE - half) - 14, 0)
    columns = COLUMNS[low : int(where + MIDDLE + half) + 16]
    off = np.abs(columns - where) - half
    down = np.abs(np.arange(-30, 31))[:, None] - 18.0
    core = np.clip(0.5 - off, 0, 1) * np.clip(0.5 - down, 0, 1)
    glow = 0.5 * np.exp(-(np.maximum(off, 0) ** 2 + np.maximum(down, 0) ** 2) / 40)
    light = (np.exp(-((off + 2) ** 2) / 3) * (down < -1) + np.exp(-((down + 2) ** 2) / 3) * (off < -1))[..., None]
    light = np.clip(light, 0, 1) * 0.8
    shade = np.array(colour) * (0.72 + 0.28 * (np.abs(off + half) < half / 2))[:, None]
    _blend(picture, row - 30, low, shade * (1 - light) + np.array(sprites.WHITE) * light, np.maximum(core, glow))


def _draw_ship(picture: Image, s: dict[str, float], airborne: bool) -> None:
    middle = MIDDLE + s["x"]
    whole = int(np.floor(middle))
    subpixel = int((middle - whole) * sprites.SUBPIXELS)
    tilt = round(float(np.clip(s["v"] / SPEED, -1, 1)) * sprites.TILTS)
    row = SHIP_ROW
    if airborne:
        _blend(picture, SHIP_ROW + 12, whole - 18, np.zeros(3), sprites.shadow())
        row -= 8
    sprite = sprites.ship(tilt, subpixel, airborne)
    half = sprites.SHIP_SIDE // 2
    _blend(picture, row - half, whole - half, sprite[..., :3], sprite[..., 3])
    if s["shield"] > SHIELD_CYCLE - SHIELDED:
        half = sprites.SHIELD_SIDE // 2
        _blend(picture, row - half, whole - half, np.array((130, 235, 255)), sprites.shield())


def _draw_panel(picture: Image, s: dict[str, float]) -> None:
    picture[PANEL:] = sprites.panel()
    _draw_timer(picture, 10, s["jump"], JUMP_CYCLE, AIRBORNE, sprites.AMBER)
    _draw_timer(picture, 186, s["shield"], SHIELD_CYCLE, SHIELDED, sprites.BLUE)
    for row, value, most, colour in (
        (PANEL + 4, s["v"], SPEED, sprites.WHITE),
        (PANEL + 15, s["wind"], 1.0, sprites.TEAL),
    ):
        picture[row : row + 9, 128 - int(GAUGE) : 128 + int(GAUGE)] = (34, 34, 62)
        end = float(np.clip(value / most, -1, 1)) * GAUGE
        # the outermost column shares its light, so that a shrunk picture still tells fine differences
        share = np.clip(np.minimum(COLUMNS - min(end, 0.0), max(end, 0.0) - COLUMNS) + 0.5, 0, 1)
        share = share[128 - int(GAUGE) : 128 + int(GAUGE)] * (end != 0)
        _blend(picture, row, 128 - int(GAUGE), np.array(colour), np.tile(share.astype(np.float32), (9, 1)))
        picture[row : row + 9, 127:129] = (120, 124, 160)


def _draw_timer(picture: Image, column: int, left: float, cycle: int, active: int, colour: Colour) -> None:
    """Draw how much of a jump or shield is left (white), how far it has recovered (dim), or that it is ready."""
    width, cooling = 60, cycle - active
    part = picture[PANEL + 4 : PANEL + 15, column : column + width]
    part[:] = (34, 34, 62)
    if left == 0:
        part[:] = colour
    elif left > cooling:
        part[:, : round(width * (left - cooling) / active)] = sprites.WHITE
    else:
        part[:, : round(width * (1 - left / cooling))] = np.array(colour) // 3


def _draw_score(picture: Image, s: dict[str, float]) -> None:
    picture[:3, : round(SIDE * min(s["tick"] / TICKS, 1))] = (150, 160, 220)
    dots = sprites.text(f"{int(s['cleared'])}/{int(s['passed'])}").repeat(2, 0).repeat(2, 1)
    colour = sprites.GREEN if s["cleared"] == s["passed"] else sprites.WHITE
    picture[7 : 7 + dots.shape[0], 12 : 12 + dots.shape[1]][dots] = colour


def _blend(picture: Image, row: int, column: int, colour: npt.NDArray[np.generic], opacity: Mask) -> None:
    """Lay ``colour`` (h, w, 3) or (3,) with ``opacity`` (h, w) over ``picture``, cut off at its edges."""
    height, width = opacity.shape
    up, side = max(-row, 0), max(-column, 0)
    down, across = min(height, PANEL - row if row < PANEL else SIDE - row), min(width, SIDE - column)
    if down <= up or across <= side:
        return
    part = picture[row + up : row + down, column + side : column + across]
    if colour.ndim == 3:
        colour = colour[up if len(colour) > 1 else 0 : down, side:across]
    share = opacity[up:down, side:across, None].astype(np.float32)
    under = part.astype(np.float32)
    part[:] = under + (colour.astype(np.float32) - under) * share
