"""Presses keys on an X11 display through XTEST. They stay down in the server when this process ends."""

from collections.abc import Iterable

from ngrt.errors import PadError
from ngrt.keyboard.x11 import X11Keyboard
from ngrt.resource import Resource


class X11Sender(Resource):
    """Presses ``names`` on ``display`` (None: the one that $DISPLAY names).

    :raises PadError: the display cannot be reached, or lacks XTEST
    :raises ngrt.errors.SettingsError: its keyboard has no such key
    """

    def __init__(self, display: str | None, names: Iterable[str]) -> None:
        self._keyboard = X11Keyboard(display, PadError)
        self.name = f"keyboard of display {self._keyboard.display}"
        try:
            self._keyboard.check_presses()
            self._codes = {name: self._keyboard.code(name) for name in names}
        except BaseException:
            self._keyboard.close()
            raise

    @property
    def lost(self) -> bool:
        """Whether the server is gone for good."""
        return self._keyboard.lost

    def put(self, up: Iterable[str], down: Iterable[str]) -> None:
        """Send all releases and presses in one write, without waiting for the server.

        :raises PadError: the server is gone, refuses, or hangs
        """
        self._keyboard.put((self._codes[name] for name in up), (self._codes[name] for name in down))

    def settle(self) -> None:
        """Return once the server has done all of it.

        :raises PadError: the server is gone, or hangs
        """
        self._keyboard.settle()

    def any_down(self, names: Iterable[str]) -> bool:
        """Return whether one of the keys is down.

        :raises PadError: the server is gone, or hangs
        """
        return not self._keyboard.down().isdisjoint(self._codes[name] for name in names)

    def close(self) -> None:
        """Disconnect."""
        self._keyboard.close()
