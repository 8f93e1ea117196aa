"""The one line that a person reads of an error. Only what no user, machine or library can cause is a fault in ngrt."""

import errno
from types import ModuleType

from cyclopts import CycloptsError
from pydantic import ValidationError

from ngrt.errors import NgrtError
from ngrt.packages import OURS, reinstall
from ngrt.shortage import Shortage, shortage
from ngrt.text import MOST_OF_A_VALUE, cut, one_line, short

MOST_FAULTS = 4
"""Wrong options that are told at once."""

FREE_DISK = "free some, or name a folder on another disk"
REMEDIES = {
    errno.ENOSPC: FREE_DISK,
    errno.EDQUOT: FREE_DISK,
    errno.EROFS: "name a folder on another disk",
    errno.EACCES: "see that you may read and write there",
    errno.EPERM: "see that you may read and write there",
    errno.EIO: "see whether the disk or the network is in order",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EINTR: "run the command again",
}
"""What helps against an error of the system, where it is not the path that is wrong."""


def error_line(error: BaseException) -> str:
    """Return an error in one line, with what helps."""
    if isinstance(error, BaseExceptionGroup):
        return error_line(_first(error))
    if isinstance(error, CycloptsError):
        return usage_line(error)
    lack = _lack(error)
    if lack is not None and lack.what not in str(error):
        told = error.problem if isinstance(error, NgrtError) else one_line(error)
        return f"{told}: {lack.what}; {lack.remedy}" if told else f"{lack.what}; {lack.remedy}"
    if isinstance(error, NgrtError):
        return str(error)
    said = one_line(error) if str(error).strip() else ""
    return _of_the_machine(error, said) or _of_the_installation(error, said) or _fault(error, said)


def _lack(error: BaseException) -> Shortage | None:
    """Return what has run out, if that is why ``error`` was raised, by ngrt or by anything else."""
    cause = error.__cause__ if isinstance(error, NgrtError) else error
    return shortage(cause) if isinstance(cause, Exception) else None


def usage_line(error: CycloptsError) -> str:
    """Return an error of usage in one line, with the command that shows the right usage."""
    if isinstance(error.__cause__, ValidationError):
        faults = error.__cause__.errors(include_url=False)[:MOST_FAULTS]
        text = "; ".join(
            f"--{cut(str(fault['loc'][0])).replace('_', '-')} {_given(fault['input'])}: {fault['msg']}"
            for fault in faults
        )
    else:
        text = cut(" ".join(str(error).split()))
    return f"{text} (see: ngrt {' '.join([*(error.command_chain or ()), '--help'])})"


def _given(value: object) -> str:
    """Return a value as it was given on the command line."""
    return cut(value, MOST_OF_A_VALUE) if isinstance(value, str) else short(value)


def _of_the_machine(error: BaseException, said: str) -> str:
    """Return what this machine lacks or refuses, empty if it is not that."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        remedy = REMEDIES.get(error.errno or 0, "check the path, its permissions and the space on the disk")
        return f"{where}{error.strerror or said or type(error).__name__}; {remedy}"
    if isinstance(error, ValueError) and "embedded null" in said:
        return f"a name holds a character that no name can have, NUL ({said}); give it without"
    if isinstance(error, UnicodeError):
        return f"a name or a text is not UTF-8 ({said}); save it as UTF-8, or rename it"
    return ""


def _of_the_installation(error: BaseException, said: str) -> str:
    """Return which library is missing or broken, empty if it is not that."""
    if isinstance(error, ImportError):
        name = error.name or ""
    elif isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        name = error.obj.__name__  # the empty folder that `pip uninstall` of another package left, or another version
    else:
        return ""
    library = name.partition(".")[0]
    what = "this installation of ngrt is not whole" if library in (*OURS, "") else f"{library} is missing or broken"
    return f"{what} ({said}); {reinstall(name)}"


def _fault(error: BaseException, said: str) -> str:
    return f"{type(error).__name__}{said and f': {said}'} (a fault in ngrt; `ngrt --debug` shows where)"


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error of a group that says most: one of ngrt's own where there is one."""
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves.append(_first(error) if isinstance(error, BaseExceptionGroup) else error)
    return next((leaf for leaf in leaves if isinstance(leaf, NgrtError)), leaves[0])
