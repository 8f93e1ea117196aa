"""Which window is the game's: names compared as people type them, helpers and overlays left out.

Pure: what there is comes in as arguments. `ngrt.desktop.waiting` waits for a game that has not started yet.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

from ngrt.desktop.reading import as_read, bytes_of, title_as_read
from ngrt.errors import SourceError
from ngrt.interfaces import Window

COMM = 15
"""Bytes of a program's name that Linux keeps; tools that read no more show it cut off."""

HALVES = "".join(map(chr, range(0xDC80, 0xDD00)))
"""Bytes that are no character, as Python keeps them."""

SUFFIXES = (".exe", ".x86_64", ".x86")
"""What people leave out of a program's file name."""

NAMED = 3
"""Names of a list that an error spells out."""

START = "start the game, or wait for it: --wait 60"

NONE_RUNNING: Mapping[int, str] = {}


def file_name(path: str) -> str:
    r"""Return the last part of a path of Windows, Wine (``Z:\\home\\me\\game.exe``) or Linux."""
    return re.split(r"[/\\]", path.strip().strip("\"'"))[-1]


def names_match(asked: str, process: str) -> bool:
    """Return whether a person who asks for ``asked`` means the program ``process``.

    Without regard to case, folders, a missing ``.exe`` and what nobody sees; either may be cut off as Linux does.
    """
    one, other = file_name(asked), file_name(process)
    if not one or not other:
        return False
    return _stem(one) == _stem(other) or _cut_from(one, other) or _cut_from(other, one)


def process_matches(asked: str, window: Window) -> bool:
    """Return whether ``window`` belongs to the program named ``asked``, or to the process with that number."""
    named = any(names_match(asked, name) for name in (window.process, *window.also))
    return named or (_is_pid(asked) and window.pid == int(asked))


def title_matches(asked: str, title: str) -> bool:
    """Return whether people read ``asked`` in ``title``, without regard to case."""
    read = title_as_read(asked)
    return asked.casefold() in title.casefold() or (read != "" and read in title_as_read(title))


def choices(windows: Iterable[Window], process: str | None = None, title: str | None = None) -> list[Window]:
    """Return the windows that are meant, the best one first.

    That is: one with exactly the title asked for, then one that is shown, then the largest; of equals the one in front,
    which comes first in ``windows``. Helpers and tiny windows are left out, unless ``title`` fits nothing else.

    :raises SourceError: the title alone does not say which process is meant
    """
    found = [window for window in windows if _meant(window, process, title)]
    playable = [window for window in found if window.playable]
    if title is not None and not playable:
        playable = found
    best = sorted(playable, key=lambda window: (not _exact(window, title), not window.shown, -window.area))
    if process is None and title is not None:
        _check_one_process(best, title)
    return best


def find(
    windows: Iterable[Window],
    process: str | None = None,
    title: str | None = None,
    running: Mapping[int, str] = NONE_RUNNING,
) -> Window:
    """Return the best window that is meant.

    ``running``: names of the processes on this machine by their ids, for a better error.

    :raises SourceError: there is none, or the title alone does not say which process is meant
    """
    windows = list(windows)
    found = choices(windows, process, title)
    if not found:
        raise _absence(windows, process, title, running)
    return found[0]


def selection(windows: Sequence[Window], window: Window) -> tuple[str | None, str | None] | None:
    """Return a process and a title, each perhaps None, by which `choices` finds ``window`` first; None if none do."""
    pid = None if window.pid is None else str(window.pid)
    # what cannot be printed cannot be typed either
    process, title = (name if name.isprintable() and name else None for name in (window.process, window.title))
    for asked in ((process, None), (process, title), (None, title), (pid, None), (pid, title)):
        try:
            if asked != (None, None) and choices(windows, *asked)[:1] == [window]:
                return asked
        except SourceError:
            continue
    return None


def wanted(process: str | None, title: str | None) -> str:
    """Return what was asked for in words, such as ``process game.exe`` or ``a window titled 'Game'``."""
    if process is None:
        return f"a window titled {title!r}"
    which = f"process {_word(process)}"
    return which if title is None else f"a window titled {title!r} of {which}"


def _stem(name: str) -> str:
    name = as_read(name) or name
    ending = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")
    return name[: len(name) - len(ending)] or name


def _cut_from(cut: str, whole: str) -> bool:
    if len(bytes_of(cut)) != COMM:
        return False
    # where it cut a character in two, a part of that is left
    start = as_read(cut.rstrip(HALVES) if bytes_of(whole).startswith(bytes_of(cut)) else cut)
    return start != "" and any(name.startswith(start) for name in (as_read(whole), _stem(whole) + ".exe"))


def _is_pid(asked: str) -> bool:
    return asked.isascii() and asked.isdigit() and len(asked) < 20  # more is no number of a process


def _exact(window: Window, title: str | None) -> bool:
    return title is None or title_as_read(window.title) == title_as_read(title)


def _meant(window: Window, process: str | None, title: str | None) -> bool:
    return (process is None or process_matches(process, window)) and (
        title is None or title_matches(title, window.title)
    )


def _check_one_process(best: Sequence[Window], title: str) -> None:
    exact = [window for window in best if _exact(window, title)] or best
    rivals = {_owner(window): window for window in reversed(exact) if window.shown == exact[0].shown}
    if len(rivals) > 1:
        listed = _some(f"{window.title!r} of {_owner(window)}" for window in reversed(rivals.values()))
        raise SourceError(
            f"{len(rivals)} processes have a window titled {title!r}: {listed}",
            remedy="say which with --process NAME or its id",
        )


def _owner(window: Window) -> str:
    name = _word(window.process) if window.process else "an unknown process"
    return name if window.pid is None else f"{name} ({window.pid})"


def _absence(
    windows: Sequence[Window], process: str | None, title: str | None, running: Mapping[int, str]
) -> SourceError:
    """Return what is missing, what there is instead, and what to do about it."""
    if process is None:
        return SourceError(f"no window has {title!r} in its title", limit=_titles(windows), remedy=START)
    own = [window for window in windows if process_matches(process, window) and window.playable]
    if own:
        return SourceError(
            f"process {_word(process)} has no window titled {title!r}",
            limit=_titles(own),
            remedy="leave --window out, or name one",
        )
    pids = [str(pid) for pid, name in running.items() if names_match(process, name) or str(pid) == process]
    if pids:
        return SourceError(
            f"process {_word(process)} ({_some(pids)}) runs but has no window to play",
            remedy="wait for one with --wait 60, or see what it has: ngrt windows --all",
        )
    return SourceError(f"no {wanted(process, None)} runs here", limit=_names(windows, process), remedy=START)


def _titles(windows: Sequence[Window]) -> str:
    titles = list(dict.fromkeys(window.title for window in windows if window.playable and window.title))
    if not titles:
        return "none has a title"
    return f"there {'is' if len(titles) == 1 else 'are'} {_some(repr(title) for title in titles)}"


def _names(windows: Sequence[Window], process: str) -> str:
    names = {_stem(window.process): window.process for window in windows if window.playable and window.process}
    if not names:
        return "no window is open that could be a game's"
    if close := difflib.get_close_matches(_stem(file_name(process)), names, NAMED):
        return f"is it {_some(_word(names[name]) for name in close)}? `ngrt windows` lists what does"
    return f"windows are open of {_some(_word(name) for name in names.values())}; `ngrt windows` lists them"


def _word(name: str) -> str:
    return name if name.isprintable() and name and " " not in name else repr(name)


def _some(items: Iterable[str]) -> str:
    listed = list(items)
    more = len(listed) - NAMED
    return ", ".join(listed[:NAMED]) + (f" and {more} more" if more > 0 else "")
