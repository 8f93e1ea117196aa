"""The game and its clip, for the tests of this folder."""

from tests.real.fixtures import game_clip, game_display

__all__ = ["game_clip", "game_display"]
