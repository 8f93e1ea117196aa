"""`ngrt play`, and `ngrt windows`, which lists what can be played."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ngrt.cli.app import app, err, out, tell
from ngrt.cli.groups import group_options
from ngrt.cli.output import print_json
from ngrt.ending import at_once, came
from ngrt.session.settings import PlaySettings
from ngrt.session.snapshot import Snapshot

group_options(PlaySettings)


@app.command
def play(
    engine: Path | None = None,
    /,
    *,
    settings: Annotated[PlaySettings | None, Parameter(name="*")] = None,
) -> None:
    """Play a game in real time: capture, infer and actuate, without ever stopping the game.

    With no argument: the built-in arcade game, with the small engine that ships with ngrt. Ctrl-C ends the session and
    leaves the pad neutral.

    Parameters
    ----------
    engine
        Engine bundle, made by `ngrt export`.
    """
    from ngrt.policy.shipped import arcade_engine
    from ngrt.session import play as sessions
    from ngrt.session.choices import source_kind
    from ngrt.session.policies import from_bundle
    from ngrt.view.live import NEXT_STEPS, open_view

    settings = settings or PlaySettings()
    kind = source_kind(settings, engine)
    opens = from_bundle(engine or arcade_engine(), settings)
    figures = _Figures()
    with at_once(figures.tell):
        with open_view(err) as view:
            outcome = sessions.play(opens, kind, settings, view, begun=figures.begin)
        figures.tell()
    if outcome.failure is not None:
        raise outcome.failure
    if not outcome.snapshot.played and outcome.snapshot.blocked:
        tell(f"nothing was played: {outcome.snapshot.message or 'a guard kept the pad neutral'}")
    if engine is None:
        for line in NEXT_STEPS.splitlines():
            tell(line)
    if outcome.interrupted or came():
        raise KeyboardInterrupt


class _Figures:
    """Prints a session's figures, once: at its end, or before ngrt ends at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot: Callable[[], Snapshot] | None = None

    def begin(self, snapshot: Callable[[], Snapshot]) -> None:
        """Take the figures from ``snapshot`` from now on."""
        self._snapshot = snapshot

    def tell(self) -> None:
        """Print them, if play has begun and they were not printed before."""
        from ngrt.view.dashboard import summary

        with self._lock:
            if self._snapshot is not None:
                out.print(summary(self._snapshot()))
            self._snapshot = None


@app.command
def windows(
    *,
    display: str | None = None,
    every: Annotated[bool, Parameter(name="--all")] = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """List the windows that can be played, the likeliest game first, with the command that plays it.

    Parameters
    ----------
    display
        The X11 display, such as :0; the one that $DISPLAY names if not given.
    every
        List helpers, overlays, tiny windows and this terminal too.
    as_json
        Print them as JSON.
    """
    out.wants_json = as_json
    from ngrt.desktop.open import blind_spot, open_desktop
    from ngrt.desktop.processes import own_line
    from ngrt.view.windows import listed, windows_json, windows_table

    with open_desktop(display) as desktop:
        found, focused = desktop.windows(), desktop.focused()
    shown = listed(found, own_line(), every)
    if as_json:
        print_json(windows_json(found, shown, focused, display))
    elif shown:
        out.print(windows_table(found, shown, focused, display))
    else:
        tell("no window is open that could be a game's; start the game, or list all windows: ngrt windows --all")
    if unseen := blind_spot(display):
        tell(unseen)
