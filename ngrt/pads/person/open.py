"""The real pad in a person's hands, for `--takeover pad`."""

import sys

from ngrt.interfaces import PersonPad


def open_person_pad() -> PersonPad:
    """Return the real pad of this machine. Call it before a virtual pad is made.

    :raises ngrt.errors.PadError: none can be read
    """
    if sys.platform == "win32":
        from ngrt.pads.person.xinput import XInputPad, xinput

        return XInputPad(xinput())
    else:
        from ngrt.pads.person.evdev import EvdevPad

        return EvdevPad()
