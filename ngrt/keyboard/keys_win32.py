"""Which keys are held on Windows, whatever has the focus; keys that ngrt itself presses show up as well.

Has not been run on Windows.
"""

from ngrt.errors import SourceError
from ngrt.keyboard.names import KEYS, known
from ngrt.resource import Resource
from ngrt.win32.user32 import User32, load_user32

HELD, TAPPED = 0x8000, 0x0001


class Win32Keys(Resource):
    """Asks Windows at every call. ``user32``: stands in for its own.

    What was pressed since the last call is known as well, unless another program asked in between. While a window of a
    program with more rights has the focus, Windows shows no keys.

    :raises SourceError: this is not Windows
    """

    def __init__(self, user32: User32 | None = None) -> None:
        self._user32 = user32 or load_user32(SourceError)
        self._watched: set[str] = set()

    def pressed(self, name: str) -> bool:
        """Return whether the key is held, or was since the last call.

        :raises ngrt.errors.SettingsError: there is no such key
        """
        state = self._user32.GetAsyncKeyState(KEYS[known(name)].virtual)
        asked = HELD | TAPPED if name in self._watched else HELD  # a tap before the first poll was not for us
        self._watched.add(name)
        return bool(state & asked)

    def close(self) -> None:
        """Nothing to let go of."""
