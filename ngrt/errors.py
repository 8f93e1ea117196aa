"""Every error ngrt raises on purpose.

Each is one line: the value found, the limit it broke, the remedy; and has them as fields. What comes from outside, such
as a file's name, is made harmless in them (`ngrt.text`). ::

    NgrtError
    ├── SettingsError      an option or settings file that cannot be used
    ├── CheckpointError    a checkpoint that is missing, damaged, unsafe or not NitroGen's
    ├── ExportError        an engine that cannot be built, or disagrees with the model it was built from
    ├── BundleError        an engine bundle that is missing, changed or not meant for this version
    ├── ObservationError   a frame, noise or game that the policy cannot take
    ├── EngineError        an engine that failed or hangs while it thinks
    ├── SourceError        a video, screen or image that cannot be read
    ├── PadError           a gamepad that cannot be opened or driven
    ├── FeasibilityError   a control rate that this policy cannot hold on this machine
    └── MissingExtraError  an optional dependency that is not installed
"""

import sys

from ngrt.text import cut, printable


class NgrtError(Exception):
    """Base of the tree; ``str()`` is a single line fit for standard error, made of the fields that there are.

    ``problem``: what went wrong, with the value found in its words; ``limit``: what would have been right, in words;
    ``remedy``: what to do about it, often a command; ``value``: the value found, as it is, for programs.
    """

    def __init__(self, problem: str, *, value: object = None, limit: str = "", remedy: str = "") -> None:
        self.problem, self.limit, self.remedy = (printable(cut(part)) for part in (problem, limit, remedy))
        self.value = value
        super().__init__("; ".join(part for part in (self.problem, self.limit, self.remedy) if part))


class SettingsError(NgrtError):
    """An option or a settings file cannot be used."""


class CheckpointError(NgrtError):
    """A checkpoint is missing, damaged, unsafe or not in NitroGen's format."""


class ExportError(NgrtError):
    """An engine cannot be built, or disagrees with the model it was built from."""


class BundleError(NgrtError):
    """An engine bundle is missing, changed or not meant for this version."""


class ObservationError(NgrtError):
    """A frame, noise array or game name does not fit the policy."""


class EngineError(NgrtError):
    """An engine failed, or hangs, while it thinks."""


class SourceError(NgrtError):
    """A video, screen or image cannot be read."""


class PadError(NgrtError):
    """A gamepad cannot be opened or driven."""


class FeasibilityError(NgrtError):
    """The policy is too slow on this machine for the rate that was asked."""


class MissingExtraError(NgrtError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed", value=what, remedy=f"install it with: {install(extra)}")


def install(extra: str, *, again: bool = False) -> str:
    """Return the command that installs what ``extra`` of ngrt brings, as this system's shells quote it."""
    quote = '"' if sys.platform == "win32" else "'"  # cmd.exe would take the others as part of the name
    return f"pip install {'--force-reinstall ' if again else ''}{quote}ngrt[{extra}]{quote}"
