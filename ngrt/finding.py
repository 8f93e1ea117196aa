"""Which window is the game's: names compared as people type them, helpers and overlays left out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """A window at the top level, as it is now.

    ``left``, ``top``, ``width``, ``height``: what the game draws (its client area), in physical pixels of the whole
    desktop. ``shown``: not minimised nor hidden. ``helper``: a tool window, an overlay, a dock or the like.
    ``process``: the file name of the program that owns it, "" where nobody knows.
    """

    number: int
    title: str
    pid: int | None
    process: str
    left: int
    top: int
    width: int
    height: int
    shown: bool = True
    helper: bool = False

    @property
    def area(self) -> int:
        """Pixels."""
        return self.width * self.height
