"""A part of a screen."""

from typing import NamedTuple


class Region(NamedTuple):
    """A rectangle of the whole desktop, in pixels."""

    left: int
    top: int
    width: int
    height: int

    def meets(self, other: "Region") -> bool:
        """Return whether the two share a pixel."""
        return self.within(other).area > 0

    def within(self, other: "Region") -> "Region":
        """Return the part that lies in ``other``; its area is 0 where there is none."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        right = min(self.left + self.width, other.left + other.width)
        bottom = min(self.top + self.height, other.top + other.height)
        return Region(left, top, max(0, right - left), max(0, bottom - top))

    @property
    def area(self) -> int:
        """Pixels."""
        return self.width * self.height
