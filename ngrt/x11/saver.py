"""Holds off the screen saver of an X server, which counts keys and mice as use, but no gamepads."""

from Xlib import X
from Xlib.display import Display
from Xlib.ext import screensaver
from Xlib.protocol import rq

from ngrt.errors import SourceError
from ngrt.resource import Resource
from ngrt.text import one_line
from ngrt.x11.errors import map_xlib_errors, unanswered
from ngrt.x11.link import connect, display_name, end

PATIENCE = 5.0
"""Seconds that a server may take to let a program in."""


class Suspend(rq.Request):
    """Hold the saver off, or let go; python-xlib lacks this request (MIT-SCREEN-SAVER 1.1)."""

    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(5), rq.RequestLength(), rq.Card32("suspend"))


class X11Saver(Resource):
    """The saver of ``display``. The server lets go by itself when the connection ends, however that comes.

    :raises SourceError: the display cannot be reached, or its saver cannot be held off
    """

    def __init__(self, display: str | None) -> None:
        self._name = display_name(display, SourceError)
        self._held = False
        self._link: Display = connect(
            self._name, PATIENCE, gone=self._gone, silent=lambda: unanswered(self._name, PATIENCE)
        )
        if not self._link.has_extension(screensaver.extname):
            self.close()
            raise SourceError(f"display {self._name} has no {screensaver.extname}")

    def hold(self) -> None:
        """Hold the saver off. Call it again now and then: desktops have savers of their own, which ask how long ago
        something was used. The first time the screen is lit; one that is made dark on purpose later stays so.

        :raises SourceError: the connection is gone
        """
        with map_xlib_errors(self._gone):
            shows = self._link.screen().root.screensaver_query_info().state == screensaver.StateOff
            if shows or not self._held:
                self._link.force_screen_saver(X.ScreenSaverReset)
            if not self._held:  # the server counts how often it was asked
                self._suspend(1)
            self._held = True
            self._link.sync()

    def let_go(self) -> None:
        """Leave the saver to itself.

        :raises SourceError: the connection is gone
        """
        with map_xlib_errors(self._gone):
            if self._held:
                self._suspend(0)
            self._held = False
            self._link.sync()

    def close(self) -> None:
        """Disconnect, and let go with that. May be called twice, and while another thread waits for an answer."""
        end(self._link)

    def _suspend(self, suspend: int) -> None:
        shared = self._link.display
        Suspend(display=shared, opcode=shared.get_extension_major(screensaver.extname), suspend=suspend)

    def _gone(self, error: Exception) -> SourceError:
        return SourceError(f"display {self._name} cannot be asked ({one_line(error)})")
