"""X displays: one with a game on it, one with nothing."""

from tests.real.fixtures import bare_display, game_display

__all__ = ["bare_display", "game_display"]
