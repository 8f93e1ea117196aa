"""The game, its clip and screens, for the tests of this folder."""

from tests.real.fixtures import bare_display, game_clip, game_display, machine, screen, window

__all__ = ["bare_display", "game_clip", "game_display", "machine", "screen", "window"]
