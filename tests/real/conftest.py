"""The game and its clip, for the tests of this folder."""

from tests.real.fixtures import bare_display, game_clip, game_display, machine

__all__ = ["bare_display", "game_clip", "game_display", "machine"]
