"""The game of a session: its source, pad and guards, opened from the settings and closed whatever happens."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from ngrt.clock import GameClock, MonotonicClock
from ngrt.deadline import Late, within
from ngrt.ending import still
from ngrt.errors import PadError, SettingsError
from ngrt.interfaces import FrameSource, Note, Pad, Watch
from ngrt.pads.held import HeldPad
from ngrt.pipeline.workers import PATIENCE
from ngrt.session.devices import after_display, open_pad, open_source
from ngrt.session.guards import check_names, open_person, open_watches
from ngrt.session.settings import PlaySettings, SourceKind
from ngrt.session.wake import wake_up


@dataclass
class Game:
    """An open source with the pad that plays it, and its score if it keeps one.

    ``open_again``: opens the source anew, None for a source that would fail again. ``watches``: guards that may take
    the pad from the policy. ``wake``: presses the buttons that make the game notice the pad.
    """

    source: FrameSource
    pad: Pad
    score: Callable[[], str | None] = lambda: None
    open_again: Callable[[], FrameSource] | None = None
    watches: Sequence[Watch] = ()
    wake: Callable[[], None] = lambda: None

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
def session_clock(kind: SourceKind, settings: PlaySettings) -> Iterator[MonotonicClock]:
    """Open the session's clock: in lockstep one that stands still, with the game, while the policy thinks.

    :raises SettingsError: the game cannot be stopped
    """
    if settings.chunking != "lockstep":
        yield MonotonicClock()
        return
    if kind not in {"display", "window"}:  # the other games go by the session's clock
        yield GameClock()
        return
    if settings.freeze is None:
        raise SettingsError(
            f"--chunking lockstep stops the game while the policy thinks, and a {kind} cannot be stopped",
            remedy="name the game's process with --freeze PID (Windows), or choose another --chunking",
        )
    from ngrt.win32.speedhack import SpeedHook

    with SpeedHook(settings.freeze) as hook:
        yield GameClock(hook.freeze, hook.thaw)


@contextmanager
def session_game(kind: SourceKind, settings: PlaySettings, clock: MonotonicClock, note: Note) -> Iterator[Game]:
    """Open a game; close its pad, source and guards afterwards. ``note`` is told what ngrt waits for.

    :raises ngrt.errors.NgrtError: it cannot be opened, or its pad does not close
    """
    game = open_game(kind, settings, clock, note)
    game.pad = pad = HeldPad(game.pad)
    with still(pad):
        try:
            yield game
        except BaseException:
            with suppress(Exception):  # the first failure says more
                close_game(game)
            raise
        close_game(game)


def open_game(kind: SourceKind, settings: PlaySettings, clock: MonotonicClock, note: Note) -> Game:
    """Return the chosen game, open.

    :raises ngrt.errors.NgrtError: it cannot be opened
    """
    check_names(settings)
    with ExitStack() as undo:
        if (person := open_person(settings)) is not None:
            undo.callback(person.close)
        game = _open_arcade(settings, clock, note) if kind == "arcade" else _open_other(kind, settings, note, undo)
        undo.callback(game.pad.close)
        game.watches = open_watches(kind, settings, lambda: game.source, game.pad, person)
        undo.pop_all()
    game.wake = lambda: wake_up(settings, lambda: game.source, game.pad, game.watches, note)
    return game


def _open_arcade(settings: PlaySettings, clock: MonotonicClock, note: Note) -> Game:
    from ngrt.arcade.game import Arcade

    arcade = Arcade(settings.seed or 0, clock.now)
    pad = arcade.pad if settings.pad == "auto" else open_pad("arcade", settings, note)
    return Game(arcade.source, pad, arcade.describe_score)


def _open_other(kind: SourceKind, settings: PlaySettings, note: Note, undo: ExitStack) -> Game:
    settings = after_display(kind, settings, note)
    early = settings.wait > 0  # a game that has not started yet may look for pads only as it starts
    pad = open_pad(kind, settings, note) if early else None
    if pad is not None:
        undo.callback(pad.close)
    source = open_source(kind, settings, note)
    undo.callback(source.close)
    pad = pad or open_pad(kind, settings, note)
    game, at_once = Game(source, pad), settings.model_copy(update={"wait": 0.0})
    if kind in {"display", "window"}:
        game.open_again = lambda: open_source(kind, at_once, note)
    return game


def close_game(game: Game) -> None:
    """Close pad, source and guards, each whatever happens to the others, in at most `PATIENCE` seconds each.

    :raises ngrt.errors.PadError: the pad hangs
    """
    failures: list[Exception] = []
    devices: list[Pad | FrameSource | Watch] = [game.pad, game.source, *game.watches]
    for device in devices:
        try:
            within(PATIENCE, device.close, name="ngrt-close")
        except Late:
            if device is game.pad:
                failures.append(
                    PadError(f"pad {game.pad.name} does not close; it may not be neutral", remedy="unplug it")
                )
        except Exception as error:  # noqa: BLE001  (raised below, once all are closed)
            failures.append(error)
    if failures:
        raise failures[0]
