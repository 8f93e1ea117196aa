"""A game as far as pads go: what SDL sees of them. Imports nothing of ngrt, which takes seconds in a guest."""

import glob
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.patience import HANG

STEP = 46
"""Of 32767: a change of a stick that the kernel's filter of small ones lets pass as it is."""

BUTTONS = {
    "SOUTH": "A", "EAST": "B", "WEST": "X", "NORTH": "Y", "BACK": "BACK", "GUIDE": "GUIDE", "START": "START",
    "LEFT_SHOULDER": "LEFTSHOULDER", "RIGHT_SHOULDER": "RIGHTSHOULDER",
    "LEFT_THUMB": "LEFTSTICK", "RIGHT_THUMB": "RIGHTSTICK",
    "DPAD_UP": "DPAD_UP", "DPAD_DOWN": "DPAD_DOWN", "DPAD_LEFT": "DPAD_LEFT", "DPAD_RIGHT": "DPAD_RIGHT",
}  # fmt: skip
"""Our names, and SDL's."""

AXES = ("LEFTX", "LEFTY", "RIGHTX", "RIGHTY", "TRIGGERLEFT", "TRIGGERRIGHT")


class Game:
    """What a game sees through SDL: one controller, and what becomes of it."""

    def __init__(self) -> None:
        os.environ.update(SDL_VIDEODRIVER="dummy", PYGAME_HIDE_SUPPORT_PROMPT="1")
        import pygame
        from pygame._sdl2 import controller

        pygame.display.init()
        pygame.joystick.init()
        controller.init()
        self._pygame, self._controller = pygame, controller
        self._buttons = {ours: getattr(pygame, f"CONTROLLER_BUTTON_{theirs}") for ours, theirs in BUTTONS.items()}
        self._axes = {name: getattr(pygame, f"CONTROLLER_AXIS_{name}") for name in AXES}

    def wait(self, kind: str) -> Any:
        """Return the next event of ``kind``, "JOYDEVICEADDED" or "JOYDEVICEREMOVED"; None if there is none in time."""
        end = time.monotonic() + HANG
        while time.monotonic() < end:
            event = self._pygame.event.wait(100)
            if event.type == getattr(self._pygame, kind):
                return event
        return None

    def plug_in(self) -> dict[str, Any]:
        """Wait for a pad and open it; return what it is."""
        if self.wait("JOYDEVICEADDED") is None:
            return {}
        found = [n for n in range(self._controller.get_count()) if self._controller.is_controller(n)]
        self.pad = self._controller.Controller(found[-1])
        self.joystick = self.pad.as_joystick()
        shape = [self.joystick.get_numaxes(), self.joystick.get_numbuttons(), self.joystick.get_numhats()]
        return {"name": self.joystick.get_name(), "shape": shape, "guid": self.joystick.get_guid()}

    def state(self) -> dict[str, Any]:
        """Return the buttons that are down and where the axes are, in [-1, 1]."""
        self._pygame.event.pump()
        down = sorted(name for name, button in self._buttons.items() if self.pad.get_button(button))
        axes = {name: self.pad.get_axis(axis) / 32767 for name, axis in self._axes.items()}
        return {"down": down, "axes": axes}

    def arrivals(self, changes: int) -> dict[int, float]:
        """Return when each step of a sweep was seen, by its number, up to the last."""
        seen: dict[int, float] = {}
        end = time.monotonic() + HANG
        while time.monotonic() < end and changes not in seen:
            event = self._pygame.event.wait(100)
            now = time.monotonic()
            if event.type == self._pygame.JOYAXISMOTION and event.axis == 0:
                seen.setdefault(round(event.value * 32768 / STEP), now)
        return seen


def devices() -> set[str]:
    """Return the input devices there are, by name."""
    found = set()
    for name in glob.glob("/sys/class/input/event*/device/name"):
        with suppress(OSError):  # unplugged just now
            found.add(Path(name).read_text().strip())
    return found
