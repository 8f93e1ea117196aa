"""Runs one command line: reads the settings file, prints an error in one line, returns the exit code.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 an error in one line, 2 wrong
usage, 130 interrupted.
"""

import importlib
import sys
import tomllib
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from cyclopts.config import Dict
from pydantic import ValidationError
from rich.console import Console

from ngrt import ending
from ngrt.errors import MissingExtraError, NgrtError, SettingsError
from ngrt.session.settings import SOURCES
from ngrt.text import printable

out = Console(soft_wrap=True)
err = Console(stderr=True)

app = App(
    name="ngrt",
    help="Play games with the NitroGen vision-to-gamepad policy in real time.",
    help_epilogue=(
        "Start with `ngrt play`: the built-in arcade, no weights needed. Then `ngrt export nvidia/NitroGen --out "
        "engines/nitrogen` and `ngrt play engines/nitrogen --process game.exe`."
    ),
    default_parameter=Parameter(negative=()),
    version_flags=["--version"],
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)
"""The root, to which the other files here add their commands. What a command returns, if anything, is its exit code."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    app.config = ()  # known only once --config has been read
    with ending.minded():
        try:
            return int(app.meta(arguments) or 0)  # help and version return nothing
        except CycloptsError as error:
            return _fail(_usage(error), 2, None)


def tell(text: str) -> None:
    """Print ``text`` to standard error, unwrapped: a log or a pipe gets whole lines."""
    with suppress(OSError):  # a log on a disk that is full
        err.print(text, markup=False, highlight=False, soft_wrap=True)


def stage(module: str) -> ModuleType:
    """Import a module of ``export`` or ``bench``, the only packages that need torch.

    :raises MissingExtraError: something that it needs is not installed
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or module, "export") from error


@app.meta.default
def run_command(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    config: Path | None = None,
    debug: bool = False,
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
        app.config = _settings_file(config, tokens)
        return int(app(tokens) or 0)
    except KeyboardInterrupt:
        ending.taken()
        return ending.INTERRUPTED
    except Exception as error:  # noqa: BLE001  (every error is printed in one line)
        if _caused_by_interrupt(error):
            ending.taken()
            return ending.INTERRUPTED
        return _fail(_error_line(error), 2 if isinstance(error, CycloptsError) else 1, error if debug else None)


def _error_line(error: Exception) -> str:
    """Return an error in one line."""
    if isinstance(error, CycloptsError):
        return _usage(error)
    if isinstance(error, NgrtError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}; check the path, its permissions and the space on the disk"
    return f"{type(error).__name__}: {' '.join(str(error).split())} (a fault in ngrt; `ngrt --debug` shows where)"


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
        content = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"settings file {path} is not TOML ({error})", remedy="correct it or leave it out"
        ) from error
    commands = sorted(name for name in app if not name.startswith("-"))
    if unknown := [key for key in content if key not in commands]:
        tables = ", ".join(f"[{command}]" for command in commands)
        raise SettingsError(f"settings file {path} has {unknown[0]!r}", remedy=f"settings belong under one of {tables}")
    chosen_games = {token.partition("=")[0].removeprefix("--") for token in tokens} & {*SOURCES}
    if chosen_games:
        # a window or display narrows down where the file's process is
        kept = {"process", "window", "display"} if chosen_games <= {"window", "display"} else set()
        settings = content.get("play", {})
        content["play"] = {key: value for key, value in settings.items() if key not in SOURCES or key in kept}
    config = Dict(content)
    config.source = str(path)
    return config


def _caused_by_interrupt(error: BaseException | None) -> bool:
    """Return whether an interrupt caused ``error``: a library that was being imported may have replaced it."""
    seen: list[BaseException] = []  # a chain of causes may be a circle
    while error is not None and not isinstance(error, KeyboardInterrupt) and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt)


def _fail(message: str, code: int, traceback_of: Exception | None) -> int:
    if traceback_of is not None:
        traceback.print_exception(traceback_of, file=sys.stderr)
    with suppress(OSError):  # a log on a disk that is full must not change the exit code
        err.print(f"ngrt: {printable(message)}", style="red", markup=False, highlight=False, soft_wrap=True)
    return code


def _usage(error: CycloptsError) -> str:
    """Return an error of usage in one line, with the command that shows the right usage."""
    if isinstance(error.__cause__, ValidationError):
        faults = error.__cause__.errors(include_url=False)
        text = "; ".join(
            f"--{str(fault['loc'][0]).replace('_', '-')} {fault['input']}: {fault['msg']}" for fault in faults
        )
    else:
        text = " ".join(str(error).split())
    return f"{text} (see: ngrt {' '.join([*(error.command_chain or ()), '--help'])})"
