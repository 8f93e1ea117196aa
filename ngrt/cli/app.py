"""Runs one command line: reads the settings file, prints an error in one line, returns the exit code.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 an error in one line, 2 wrong
usage, 130 interrupted.
"""

import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from cyclopts.config import Dict

from ngrt import ending
from ngrt.cli.groups import OUTPUT, default_shown
from ngrt.cli.output import answer_with_error, err, out, page, tell
from ngrt.cli.stages import stage
from ngrt.cli.wording import error_line, usage_line
from ngrt.errors import SettingsError
from ngrt.reading import parse_toml, read_whole
from ngrt.session.settings import SOURCES
from ngrt.text import MOST_SAID, cut, printable, short
from ngrt.view.console import guarded_errors

__all__ = ["app", "err", "out", "run", "stage", "tell"]

MOST_SETTINGS = 64 * 2**10
"""Bytes of a settings file; all settings there are take one or two thousand."""

app = App(
    name="ngrt",
    help="Play games with the NitroGen vision-to-gamepad policy in real time.",
    help_epilogue=(
        "Start with `ngrt play`: the built-in arcade, no weights needed. Then `ngrt export nvidia/NitroGen --out "
        "engines/nitrogen` and `ngrt play engines/nitrogen --process game.exe`."
    ),
    default_parameter=Parameter(negative=(), show_default=default_shown),
    version_flags=["--version"],
    console=page,
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)
"""The root, to which the other files here add their commands. What a command returns, if anything, is its exit code."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    app.config = ()  # known only once --config has been read
    out.wants_json, out.answered = _asks_for_json(arguments), False
    with ending.minded(), guarded_errors():
        try:
            return int(app.meta(arguments) or 0)  # help and version return nothing
        except CycloptsError as error:
            return _fail(error, usage_line(error), 2)


@app.meta.default
def run_command(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    config: Annotated[Path | None, Parameter(group=OUTPUT)] = None,
    debug: Annotated[bool, Parameter(group=OUTPUT)] = False,
) -> int:
    """Run one command.

    Parameters
    ----------
    config
        Settings file; `ngrt.toml` in the working folder if not given. Flags win over it.
    debug
        Show the traceback of an error.
    """
    try:
        if nul := next((token for token in tokens if "\0" in token), None):
            raise SettingsError(f"{nul!r} holds a NUL, which no name can have", value=nul, remedy="give it without")
        app.config = _settings_file(config, tokens)
        return int(app(tokens) or 0)
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:  # noqa: BLE001  (every error is printed in one line)
        if _caused_by_interrupt(error):
            return _interrupted()
        if debug:
            traceback.print_exception(error, file=sys.stderr)
        return _fail(error, error_line(error), 2 if isinstance(error, CycloptsError) else 1)


def _settings_file(chosen: Path | None, tokens: Sequence[str]) -> Dict:
    """Return the settings in the chosen file, or in ngrt.toml, which need not exist.

    A game named among ``tokens`` replaces the file's game, of whatever kind; but a window or display alone may only
    narrow down where the file's game is.

    :raises SettingsError: the file does not exist, or is not TOML
    """
    path = chosen or Path("ngrt.toml")
    if chosen is not None and not chosen.is_file():
        raise SettingsError(f"settings file {chosen} does not exist", remedy="name one with --config, or leave it out")
    try:
        content = parse_toml(read_whole(path, MOST_SETTINGS)) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"settings file {path} is not TOML ({error})", remedy="correct it or leave it out"
        ) from error
    commands = sorted(name for name in app if not name.startswith("-"))
    if unknown := [key for key in content if key not in commands]:
        tables = ", ".join(f"[{command}]" for command in commands)
        raise SettingsError(
            f"settings file {path} has {short(unknown[0])}", remedy=f"settings belong under one of {tables}"
        )
    chosen_games = {token.partition("=")[0].removeprefix("--") for token in tokens} & {*SOURCES}
    if chosen_games:
        # a window or display narrows down where the file's process is
        kept = {"process", "window", "display"} if chosen_games <= {"window", "display"} else set()
        settings = content.get("play", {})
        content["play"] = {key: value for key, value in settings.items() if key not in SOURCES or key in kept}
    config = Dict(content)
    config.source = str(path)
    return config


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Return whether standard output is to be JSON: `--json`, or, for results that can go to a file, `--json -`."""
    command = next((word for word in arguments if not word.startswith("-")), "")
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, joined, value = word.partition("=")
        if option == "--json" and (command != "bench" or (value if joined else following) == "-"):
            return True
    return False


def _caused_by_interrupt(error: BaseException | None) -> bool:
    """Return whether an interrupt caused ``error``: a library that was being imported may have replaced it."""
    seen: list[BaseException] = []  # a chain of causes may be a circle
    while error is not None and not isinstance(error, KeyboardInterrupt) and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt)


def _fail(error: Exception, line: str, code: int) -> int:
    line = printable(cut(line, 3 * MOST_SAID))
    with suppress(OSError):  # a log on a disk that is full must not change the exit code
        err.print(f"ngrt: {line}", style="red", markup=False, highlight=False, soft_wrap=True)
    answer_with_error(error, line)
    return code


def _interrupted() -> int:
    ending.taken()
    answer_with_error(KeyboardInterrupt(), "interrupted")
    return ending.INTERRUPTED
