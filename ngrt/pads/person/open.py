"""The real pad in a person's hands, for `--takeover pad`."""

import sys
from typing import Protocol

from ngrt.interfaces import PersonPad
from ngrt.resource import Resource


class OpenedPersonPad(PersonPad, Resource, Protocol):
    """A real pad that works in a ``with``."""


def open_person_pad() -> OpenedPersonPad:
    """Return the real pad of this machine. Call it before a virtual pad is made.

    :raises ngrt.errors.PadError: none can be read
    """
    if sys.platform == "win32":
        from ngrt.pads.person.xinput import XInputPad, xinput

        return XInputPad(xinput())
    else:
        from ngrt.pads.person.evdev import EvdevPad

        return EvdevPad()
