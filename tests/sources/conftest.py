"""An X display with a game on it."""

from tests.real.fixtures import game_display

__all__ = ["game_display"]
