"""An X display with nothing on it."""

from tests.real.fixtures import bare_display

__all__ = ["bare_display"]
