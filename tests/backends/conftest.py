"""Displays and keyboards for the contract suites; skipped where the programs for them are not installed."""

from tests.real.fixtures import bare_display, game_display

__all__ = ["bare_display", "game_display"]
