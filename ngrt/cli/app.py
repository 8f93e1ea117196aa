"""Running one command line: its settings file, its errors in one line, its exit code.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 an error in one line, 2 wrong
usage, 130 interrupted.
"""

import importlib
import sys
import tomllib
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from cyclopts.config import Dict
from pydantic import ValidationError
from rich.console import Console

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
"""The root, to which the other files here add the commands. A command's result, where it has one, is its exit code."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    app.config = ()  # known only once --config has been read
    try:
        return int(app.meta(arguments) or 0)  # help and version return nothing
    except CycloptsError as error:
        return _fail(_usage(error), 2, None)


def tell(text: str) -> None:
    """Print what was done, as it is: a log or a pipe gets whole lines."""
    err.print(text, markup=False, highlight=False, soft_wrap=True)


def stage(module: str) -> ModuleType:
    """Import a part of the export stage or of the benchmark, which alone need torch.

    :raises MissingExtraError: something it needs is not installed
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or module, "export") from error


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    config: Path | None = None,
    debug: bool = False,
) -> int:
    """Run one command.

    Parameters
    ----------
    config
        Settings file; `ngrt.toml` in the working folder is read where none is named. Flags win over it.
    debug
        Show the traceback of an error.
    """
    try:
        app.config = _settings_file(config, tokens)
        return int(app(tokens) or 0)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  (whatever goes wrong is told in one line)
        if _was_interrupted(error):
            return 130
        return _fail(_told(error), 2 if isinstance(error, CycloptsError) else 1, error if debug else None)


def _told(error: Exception) -> str:
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
    """Return what the chosen settings file says, or ngrt.toml, which need not exist.

    A game named among ``tokens`` stands for the file's, of whatever kind that is; a window or display may only say
    more exactly where the file's is.

    :raises SettingsError: it does not exist, or is not TOML
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
        # a window, display or monitor says more exactly where the file's process is
        kept = {"process", "window", "display"} if chosen_games <= {"window", "display"} else set()
        settings = content.get("play", {})
        content["play"] = {key: value for key, value in settings.items() if key not in SOURCES or key in kept}
    config = Dict(content)
    config.source = str(path)
    return config


def _was_interrupted(error: BaseException | None) -> bool:
    """Return whether an interrupt is behind ``error``: a library that was just being imported may have changed it."""
    seen: list[BaseException] = []  # a chain may lead back to where it began
    while error is not None and not isinstance(error, KeyboardInterrupt) and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt)


def _fail(message: str, code: int, traceback_of: Exception | None) -> int:
    if traceback_of is not None:
        traceback.print_exception(traceback_of, file=sys.stderr)
    err.print(f"ngrt: {printable(message)}", style="red", markup=False, highlight=False, soft_wrap=True)
    return code


def _usage(error: CycloptsError) -> str:
    """Return a wrong usage in one line, with the help that lists what would be right."""
    if isinstance(error.__cause__, ValidationError):
        faults = error.__cause__.errors(include_url=False)
        text = "; ".join(
            f"--{str(fault['loc'][0]).replace('_', '-')} {fault['input']}: {fault['msg']}" for fault in faults
        )
    else:
        text = " ".join(str(error).split())
    return f"{text} (see: ngrt {' '.join([*(error.command_chain or ()), '--help'])})"
