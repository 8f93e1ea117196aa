"""What is played: opened from the settings, watched, driven, and closed whatever happens."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ngrt.clock import GameClock, MonotonicClock
from ngrt.errors import PadError, SettingsError
from ngrt.interfaces import FrameSource, Pad, Watch
from ngrt.settings import MOST_RATE, PlaySettings, SourceKind
from ngrt.workers import PATIENCE


@dataclass
class Game:
    """An open source with the pad that plays it, and its score if it keeps one.

    ``open_again``: opens the source anew, where what failed once may work again. ``watches`` may take the pad from the
    policy.
    """

    source: FrameSource
    pad: Pad
    score: Callable[[], str | None] = lambda: None
    open_again: Callable[[], FrameSource] | None = None
    watches: Sequence[Watch] = ()

    def reopen(self) -> FrameSource:
        """Close the source, which has failed, and open it anew.

        :raises ngrt.errors.SourceError: it cannot be opened
        """
        if self.open_again is not None:
            with suppress(Exception):
                self.source.close()
            self.source = self.open_again()
        return self.source


@contextmanager
def opened_clock(kind: SourceKind, settings: PlaySettings) -> Iterator[MonotonicClock]:
    """Open the clock that the session goes by: in lockstep one that stands still while the policy thinks.

    :raises SettingsError: the game cannot be made to stand still
    """
    if settings.chunking != "lockstep":
        yield MonotonicClock()
        return
    if kind != "display":  # the others go by the session's clock
        yield GameClock()
        return
    if settings.freeze is None:
        raise SettingsError(
            "--chunking lockstep stops the game while the policy thinks, and a display cannot be stopped; name the "
            "game's process with --freeze PID (Windows), or choose another --chunking"
        )
    from ngrt.backends.freeze_xspeedhack import SpeedHook

    hook = SpeedHook(settings.freeze)
    try:
        yield GameClock(hook.freeze, hook.thaw)
    finally:
        hook.close()


@contextmanager
def opened_game(kind: SourceKind, settings: PlaySettings, clock: MonotonicClock) -> Iterator[Game]:
    """Open a game; close its pad and source afterwards.

    :raises ngrt.errors.NgrtError: it cannot be opened, or its pad does not close
    """
    game = open_game(kind, settings, clock)
    try:
        yield game
    except BaseException:
        with suppress(Exception):  # what went wrong first says more
            close_game(game)
        raise
    close_game(game)


def open_game(kind: SourceKind, settings: PlaySettings, clock: MonotonicClock) -> Game:
    """Return the game that was chosen, open."""
    from ngrt.backends.pad_none import RecordingPad

    if kind == "arcade":
        from ngrt.arcade.game import Arcade

        arcade = Arcade(settings.seed or 0, clock.now)
        pad = arcade.pad if settings.pad == "auto" else RecordingPad()
        return Game(arcade.source, pad, arcade.describe_score)
    source = _open_source(kind, settings)
    if kind == "display":
        return Game(source, RecordingPad(), open_again=lambda: _open_source(kind, settings))
    return Game(source, RecordingPad())


def close_game(game: Game) -> None:
    """Close pad and source, both whatever happens; neither may keep the process for longer than `PATIENCE`.

    :raises ngrt.errors.PadError: the pad hangs
    """
    failures: list[Exception] = []

    def closed(close: Callable[[], None]) -> None:
        try:
            close()
        except Exception as error:  # noqa: BLE001  (raised below)
            failures.append(error)

    devices: list[Pad | FrameSource | Watch] = [game.pad, game.source, *game.watches]
    for device in devices:
        closing = threading.Thread(target=closed, args=(device.close,), name="ngrt-close", daemon=True)
        closing.start()
        closing.join(PATIENCE)
        if device is game.pad and closing.is_alive():
            failures.append(PadError(f"pad {game.pad.name} does not close; it may not be neutral; unplug it"))
    if failures:
        raise failures[0]


def _open_source(kind: SourceKind, settings: PlaySettings) -> FrameSource:
    if kind == "video" and settings.video is not None:
        from ngrt.backends.capture_video import VideoSource

        return VideoSource(settings.video)
    if kind == "image":
        from ngrt.backends.capture_images import ImageSource

        return ImageSource(settings.image)
    from ngrt.backends.capture_x11 import X11Source

    return X11Source(settings.display, MOST_RATE if settings.rate == "auto" else settings.rate)
