"""Which keys are held on an X11 display, whatever has the focus; keys that ngrt itself presses show up as well."""

from ngrt.errors import SourceError
from ngrt.keyboard.names import known
from ngrt.keyboard.x11 import X11Keyboard
from ngrt.resource import Resource


class X11Keys(Resource):
    """Asks for the keymap of ``display`` (None: the one that $DISPLAY names) at every call.

    A keymap tells what is held, not what was: a tap shorter than the time between two calls is not seen. Under Wayland
    an X server sees only the keys that go to X11 windows.

    :raises SourceError: the display cannot be reached
    """

    def __init__(self, display: str | None = None) -> None:
        self._keyboard = X11Keyboard(display, SourceError)
        self._codes: dict[str, int] = {}

    def pressed(self, name: str) -> bool:
        """Return whether the key is held.

        :raises ngrt.errors.SettingsError: there is no such key
        :raises SourceError: the server is gone, or has not answered for a second
        """
        if name not in self._codes:
            self._codes[name] = self._keyboard.code(known(name))
        return self._codes[name] in self._keyboard.down()

    def close(self) -> None:
        """Disconnect."""
        self._keyboard.close()
