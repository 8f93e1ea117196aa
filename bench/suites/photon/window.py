"""A window that turns white and black at random moments, and notes when the key comes that answers it.

A process of its own, as a game is: ``python -m bench.suites.photon.window --display :7 --flips 700``. It says ``ready``
once it is shown and has the focus, starts when a line comes in, and prints what it saw as JSON.
"""

import argparse
import json
import random
import select
import sys
import time
from dataclasses import asdict

from Xlib import XK, X
from Xlib.display import Display

from bench.suites.photon.flips import READY, Flip

WHITE_KEY, BLACK_KEY = "space", "x"
"""What the keyboard pad presses for SOUTH and EAST where nobody says otherwise."""

GIVEN_UP = 1.0
"""Seconds after which a flip counts as not answered."""

MOST_UNANSWERED = 20
"""Flips in a row without an answer, after which there will be none."""

GAPS = (0.04, 0.09)
"""Seconds between an answer and the next flip, at random: no phase of ticks or grabs is met more often than another."""


class Flasher:
    """A window over all of ``display``, black at first, with the focus."""

    def __init__(self, display: str) -> None:
        self._link = Display(display)
        screen = self._link.screen()
        self._width, self._height = screen.width_in_pixels, screen.height_in_pixels
        self._window = screen.root.create_window(
            0,
            0,
            self._width,
            self._height,
            0,
            screen.root_depth,
            background_pixel=screen.black_pixel,
            override_redirect=True,
            event_mask=X.KeyPressMask | X.ExposureMask,
        )
        self._brushes = {
            white: self._window.create_gc(foreground=screen.white_pixel if white else screen.black_pixel)
            for white in (False, True)
        }
        self._codes = {
            white: self._link.keysym_to_keycode(XK.string_to_keysym(name))
            for white, name in ((True, WHITE_KEY), (False, BLACK_KEY))
        }
        self._window.map()
        self._link.sync()
        self._wait(X.Expose, None, time.perf_counter() + GIVEN_UP)
        self._window.set_input_focus(X.RevertToParent, X.CurrentTime)
        self._link.sync()

    def flip(self, white: bool) -> Flip:
        """Change the colour; return when that was shown and when its key came."""
        self._window.fill_rectangle(self._brushes[white], 0, 0, self._width, self._height)
        self._link.sync()  # the answer to a question that was asked after it
        shown = time.perf_counter()
        return Flip(white, shown, self._wait(X.KeyPress, self._codes[white], shown + GIVEN_UP))

    def _wait(self, kind: int, detail: int | None, until: float) -> float | None:
        """Return when an event of ``kind`` was here, None if it was not ``until`` then."""
        while (left := until - time.perf_counter()) > 0:
            while self._link.pending_events():
                now = time.perf_counter()
                event = self._link.next_event()
                if event.type == kind and (detail is None or event.detail == detail):
                    return now
            select.select([self._link.fileno()], [], [], left)
        return None


def flips(flasher: Flasher, count: int, seed: int) -> list[Flip]:
    """Return ``count`` flips, fewer where nothing answers any more."""
    chance, done, unanswered = random.Random(seed), list[Flip](), 0  # noqa: S311
    for number in range(count):
        time.sleep(chance.uniform(*GAPS))
        done.append(flasher.flip(number % 2 == 0))
        unanswered = unanswered + 1 if done[-1].answered is None else 0
        if unanswered >= MOST_UNANSWERED:
            break
    return done


def main(arguments: list[str] | None = None) -> None:
    """Show, wait for a line, flip, tell."""
    parser = argparse.ArgumentParser(prog="bench.suites.photon.window", description=__doc__)
    parser.add_argument("--display", required=True)
    parser.add_argument("--flips", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    flasher = Flasher(chosen.display)
    print(READY, flush=True)  # noqa: T201
    if sys.stdin.readline():
        done = flips(flasher, chosen.flips, chosen.seed)
        print(json.dumps([asdict(flip) for flip in done]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
