"""What the window that flips tells the process that started it: `READY` once it is shown, then its flips in JSON."""

from dataclasses import dataclass

READY = "ready"


@dataclass(frozen=True, slots=True)
class Flip:
    """One change of colour: when the server had drawn it, and when the key was here, None where it never was.

    Seconds on the machine's monotonic clock, which all processes share.
    """

    white: bool
    shown: float
    answered: float | None
