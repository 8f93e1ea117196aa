"""Games from Debian's packages, of different toolkits: how a pad starts each, and where its hero is on the screen."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ngrt.interfaces import Pad
from ngrt.messages import NEUTRAL, Image, PadState
from ngrt.sources.x11 import X11Source
from tests.patience import until
from tests.real.xvfb import end, require

KEYS = """
[buttons]
SOUTH = "space"
WEST = "s"
START = "Return"
DPAD_DOWN = "Down"

[sticks]
left_left = "Left"
left_right = "Right"
"""
"""A mapping file for all of them."""


@dataclass(frozen=True)
class Game:
    """A game on a 640 x 480 screen.

    ``start``: buttons that lead from its title to play; ``hero``: which pixels (height, width) are of the colours that
    what the player steers has, and are where that can be.
    """

    program: str
    toolkit: str
    start: Sequence[str]
    hero: Callable[[Image], npt.NDArray[np.bool_]]

    def where(self, image: Image) -> float | None:
        """Return the column of the middle of the hero, None where it is not to be seen."""
        columns = np.nonzero(self.hero(image))[1]
        if columns.size < 60:
            return None
        left, middle, right = np.percentile(columns, (10, 50, 90))  # a star or a shot may be there, too
        return float(middle) if right - left < 80 else None  # else something else has these colours

    @contextmanager
    def running(self, display: str, home: Path) -> Iterator[None]:
        """Run the game on ``display`` until the block ends."""
        require(self.program)
        environment = {**os.environ, "DISPLAY": display, "HOME": str(home), "SDL_AUDIODRIVER": "dummy"}
        quiet = subprocess.DEVNULL
        game = subprocess.Popen([self.program], env=environment, stdout=quiet, stderr=quiet, cwd=home)
        try:
            yield
        finally:
            end(game)

    def begin(self, pad: Pad, display: str) -> None:
        """Press the pad's buttons until the hero is there."""
        until(lambda: np.count_nonzero(picture_of(display).any(-1)) >= 2000, f"{self.program} shows nothing", 0.1)
        time.sleep(1.0)  # it takes keys only after a while
        for button in self.start:
            pad.send(PadState(frozenset({button})))
            time.sleep(0.1)
            pad.send(NEUTRAL)
            time.sleep(0.3)
        until(lambda: self.where(picture_of(display)) is not None, f"{self.program} did not begin", 0.1)


def steer(pad: Pad, source: X11Source, state: PadState, seconds: float) -> list[Image]:
    """Hold ``state`` for ``seconds``, then let go; return the pictures that were new meanwhile."""
    found: list[Image] = []
    due = time.monotonic()
    ends = due + seconds
    pad.send(state)
    while due < ends:
        time.sleep(max(0.0, due - time.monotonic()))
        if (image := source.grab(time.monotonic())) is not None:
            found.append(image)
        due += source.interval
    pad.send(NEUTRAL)
    return found


def picture_of(display: str) -> Image:
    """Return what is shown on ``display`` now."""
    source = X11Source(display)
    image = source.grab(0.0)
    source.close()
    assert image is not None
    return image


def _ship(image: Image) -> npt.NDArray[np.bool_]:
    bright: npt.NDArray[np.bool_] = np.asarray(image.max(-1) > 100)
    bright[:448], bright[466:] = False, False  # below it is the line with the score
    return bright


def _paddle(image: Image) -> npt.NDArray[np.bool_]:
    red, green, blue = np.moveaxis(image, -1, 0)
    yellow: npt.NDArray[np.bool_] = np.asarray((red > 150) & (green > 120) & (blue < 80))
    yellow[:440], yellow[470:], yellow[:, :40] = False, False, False  # on the left are the lives
    return yellow


GAMES = (
    Game("/usr/games/xgalaga++", "Xlib", ["WEST"], _ship),
    Game("/usr/games/lbreakout2", "SDL", ["DPAD_DOWN", "START", "DPAD_DOWN", "DPAD_DOWN", "START"], _paddle),
)
