"""Real games, seen by the X11 backend and played by the keyboard pad: what the pad does is what the screen shows."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ngrt.messages import NEUTRAL, PadState
from ngrt.pads.keyboard import KeyboardPad
from ngrt.sources.x11 import X11Source
from tests.patience import until
from tests.real.games import GAMES, KEYS, Game, picture_of, steer
from tests.real.xvfb import x_server

pytestmark = pytest.mark.machine
RATE = 20.0
LEFT, RIGHT = PadState(left=(-1.0, 0.0)), PadState(left=(1.0, 0.0))


@dataclass
class Played:
    """A game in play, with the pad and the source."""

    game: Game
    display: str
    pad: KeyboardPad
    source: X11Source

    def place(self) -> float:
        """Return the column that the hero is in."""
        return until(lambda: self.game.where(picture_of(self.display)), "something else flies there")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a mapping file for the games."""
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    path.write_text(KEYS, "utf-8")
    return path


@pytest.fixture(params=GAMES, ids=lambda game: f"{game.toolkit}-{Path(game.program).name}")
def played(request: pytest.FixtureRequest, tmp_path: Path, keys: Path) -> Iterator[Played]:
    """Yield each game, begun."""
    game: Game = request.param
    with x_server(tmp_path) as screen, game.running(screen.display, tmp_path):
        pad = KeyboardPad(keys, screen.display)
        game.begin(pad, screen.display)
        source = X11Source(screen.display, RATE)
        yield Played(game, screen.display, pad, source)
        source.close()
        pad.close()


def test_the_hero_goes_where_the_stick_points_and_stays_where_it_does_not(played: Played) -> None:
    at = played.place()
    for state, sign in ((LEFT, -1), (NEUTRAL, 0), (RIGHT, 1), (RIGHT, 1), (NEUTRAL, 0), (LEFT, -1)):
        steer(played.pad, played.source, state, 0.4)
        time.sleep(0.2)  # a paddle glides on
        before, at = at, played.place()
        moved = at - before
        assert abs(moved) < 3 if sign == 0 else moved * sign > 15, (state, before, at)


@pytest.mark.timing
def test_frames_arrive_at_the_asked_rate_and_at_most_twice_as_often(played: Played) -> None:
    seen = 0
    for step in range(4):
        seen += len(steer(played.pad, played.source, RIGHT if step % 2 else LEFT, 0.5))
    asked = RATE * 2.0
    assert 0.7 * asked < seen <= 2 * asked + 4
