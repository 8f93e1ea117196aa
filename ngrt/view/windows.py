"""The windows that can be played, as a table and as JSON, with the commands that play them."""

import shlex
from collections.abc import Collection, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from ngrt.desktop.matching import choices, selection
from ngrt.interfaces import Window
from ngrt.text import printable


def listed(windows: Sequence[Window], own_line: Collection[int], everything: bool) -> list[Window]:
    """Return the windows to list, the likeliest game first.

    ``own_line``: ids of the processes that started this one, whose terminal is no game; ``everything``: list helpers,
    tiny windows and these terminals too, at the end.
    """
    playable = sorted(choices(windows), key=lambda window: window.pid in own_line)
    rest = [window for window in windows if window not in playable]
    return [*playable, *rest] if everything else [window for window in playable if window.pid not in own_line]


def play_command(windows: Sequence[Window], window: Window, display: str | None = None) -> str | None:
    """Return the command that plays ``window`` on ``display``, None if it has no name of its own."""
    asked = selection(windows, window)
    if asked is None:
        return None
    options = zip(("--process", "--window", "--display"), (*asked, display), strict=True)
    return " ".join(["ngrt play ENGINE", *(f"{option} {_quoted(value)}" for option, value in options if value)])


def windows_table(
    windows: Sequence[Window], shown: Sequence[Window], focused: int | None, display: str | None = None
) -> RenderableType:
    """Return a table of ``shown``, which are some of all ``windows``, and the command that plays the first of them."""
    table = Table(
        Column("process", overflow="fold"),
        Column("pid", justify="right", no_wrap=True),
        Column("title"),
        Column("size", justify="right", no_wrap=True),
        Column("at", justify="right", no_wrap=True),
        Column("state", no_wrap=True),
    )
    for window in shown:
        table.add_row(
            Text(printable(window.process) or "?"),
            str(window.pid or "?"),
            Text(printable(window.title), no_wrap=True, overflow="ellipsis"),  # the column gives way, not the others
            f"{window.width} x {window.height}",
            f"{window.left}, {window.top}",
            _state(window, focused),
        )
    command = play_command(windows, shown[0], display)
    if not shown[0].playable or command is None:
        return table
    return Group(table, Text(f"play the first: {command}", no_wrap=True))


def windows_json(
    windows: Sequence[Window], shown: Sequence[Window], focused: int | None, display: str | None = None
) -> list[dict[str, Any]]:
    """Return the same as plain values for JSON."""
    return [
        {
            "process": window.process,
            "pid": window.pid,
            "title": window.title,
            **{"left": window.left, "top": window.top, "width": window.width, "height": window.height},
            **{"shown": window.shown, "focused": window.number == focused, "helper": not window.playable},
            "number": window.number,
            "play": play_command(windows, window, display),
        }
        for window in shown
    ]


def _state(window: Window, focused: int | None) -> str:
    if not window.playable:
        return "helper"
    if not window.shown:
        return "hidden"
    return "focused" if window.number == focused else "shown"


def _quoted(value: str) -> str:
    """Return ``value`` quoted as one word for a shell, in double quotes if they will do: Windows knows those too."""
    if shlex.quote(value) == value:
        return value
    return shlex.quote(value) if set(value) & set('"$`\\!%') else f'"{value}"'
