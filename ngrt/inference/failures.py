"""What libraries raise, as errors of ngrt. Each library has one table: a row a kind of call."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ngrt.errors import BundleError, MissingExtraError, NgrtError, install
from ngrt.shortage import Shortage, shortage
from ngrt.text import one_line


def first_line(error: BaseException) -> str:
    """Return the first line of what a library's error says, the name of its kind where it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of call: what it raises, and the error that is raised in its stead.

    ``problem`` has places for ``{what}`` was used and the ``{reason}`` that the library gives. ``remedy``: where the
    call knows none of its own. Where memory, threads or open files have run out, that is said, with what helps then:
    ``short`` where it is not this process's memory that is short.
    """

    raises: tuple[type[Exception], ...]
    error: type[NgrtError]
    problem: str
    remedy: str = ""
    short: str = ""
    reason: Callable[[BaseException], str] = one_line

    @contextmanager
    def translated(self, what: object = "", remedy: str = "") -> Iterator[None]:
        """Raise this failure's error for what the library raises in the block; errors of ngrt pass."""
        try:
            yield
        except NgrtError:
            raise
        except Exception as error:
            lack = shortage(error)
            if not isinstance(error, self.raises) and (lack is None or not isinstance(error, MemoryError | OSError)):
                raise
            raise self.made(self.reason(error), what, remedy, lack) from error

    def made(self, reason: str, what: object = "", remedy: str = "", lack: Shortage | None = None) -> NgrtError:
        """Return the error, for libraries that also say without raising that a call failed."""
        lack = lack or shortage(reason)
        if lack is not None:
            reason, remedy = f"{lack.what}: {reason}", self.short or lack.remedy
        return self.error(self.problem.format(what=what, reason=reason), remedy=remedy or self.remedy)


def import_library(module: str, extra: str, alternative: str = "") -> Any:
    """Return a library that ``extra`` installs. ``alternative``: what would do besides installing it again.

    :raises MissingExtraError: it is not installed
    :raises BundleError: it is installed and cannot be loaded
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or module, extra) from error
    except (ImportError, OSError, RuntimeError) as error:
        raise BundleError(
            f"{module} is installed and cannot be loaded ({one_line(error)})",
            remedy=f"install it again with: {install(extra, again=True)}{alternative}",
        ) from error
