"""Displays and keyboards for the contract suites; skipped where the programs for them are not installed."""

from tests.backends.keyboard_pads import win32_keyboard_pad, x11_keyboard_pad
from tests.real.fixtures import bare_display, game_display

__all__ = ["bare_display", "game_display", "win32_keyboard_pad", "x11_keyboard_pad"]
