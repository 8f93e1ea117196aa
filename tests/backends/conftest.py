"""The display with a game on it, for the contract suite; skipped where its programs are not installed."""

from tests.real.fixtures import game_display

__all__ = ["game_display"]
