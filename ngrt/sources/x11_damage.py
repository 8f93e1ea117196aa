"""What an X11 server says unasked: where something was drawn (DAMAGE), that a window moved, or the screen changed."""

from contextlib import AbstractContextManager, suppress

from Xlib import X
from Xlib.error import XError
from Xlib.ext import damage

from ngrt.errors import SourceError
from ngrt.resource import Resource
from ngrt.sources.region import Region
from ngrt.sources.x11_screen import unwatchable
from ngrt.x11.errors import LOST, map_xlib_errors, unanswered
from ngrt.x11.link import connect, end

PATIENCE = 5.0
"""Seconds that a server may take to let a program in."""


class ScreenEvents(Resource):
    """Listens to ``display`` on a connection of its own.

    Root's damage holds what is drawn in any window on the screen, also over the one that is watched. The server tells
    of it when its bounding box grows, and goes on doing so from nothing after `forget_drawn`: whoever forgets before
    each picture loses no change.

    ``moved``: a window of `follow` changed its place, size or state; whoever reads it takes it back. ``resized``: the
    screen changed its size.

    :raises SourceError: the display cannot be reached, does not answer, or has no DAMAGE extension
    """

    def __init__(self, display: str) -> None:
        self.moved = self.resized = False
        self._display = display
        self._areas: list[Region] = []
        self._window: int | None = None
        self._damage: int
        self._link = connect(display, PATIENCE, gone=self._gone, silent=lambda: unanswered(display, PATIENCE))
        self._link.set_error_handler(lambda *error: None)  # a window that was closed meanwhile: not worth a word
        try:
            with self._asking():
                self._listen()
        except BaseException:
            self.close()
            raise

    def follow(self, window: int) -> None:
        """Listen to ``window``, too.

        :raises SourceError: the connection is gone
        """
        with self._asking():
            self._link.create_resource_object("window", window).change_attributes(event_mask=X.StructureNotifyMask)
            self._link.flush()

    def listen_to(self, window: int | None) -> None:
        """Let `drawn` be about what is drawn in ``window``, counted from its corner; None: about the screen.

        :raises SourceError: the connection is gone
        """
        if window == self._window:
            return
        self._window = window
        self._areas.clear()
        with self._asking():
            self._link.damage_destroy(self._damage)
            self._damage = self._new_damage()
            self._link.sync()

    def read(self) -> None:
        """Take in what was said, without waiting.

        :raises SourceError: the connection is gone
        """
        with self._asking():
            for _ in range(self._link.pending_events()):
                event = self._link.next_event()
                if event.type == self._drawing and event.damage == self._damage:
                    area = event.area
                    self._areas.append(Region(area.x, area.y, area.width, area.height))
                elif getattr(event, "window", None) == self._root:
                    self.resized |= event.type == X.ConfigureNotify
                elif event.type != self._drawing:
                    self.moved = True

    def drawn(self, region: Region) -> bool:
        """Return whether anything was drawn in ``region`` since `forget_drawn`, as far as it was read."""
        return any(region.meets(area) for area in self._areas)

    def forget_drawn(self) -> None:
        """Begin anew; what was drawn before this returns is in a picture that is made now.

        :raises SourceError: the connection is gone
        """
        self._areas.clear()
        with self._asking():
            self._link.damage_subtract(self._damage)
        self.settle()

    def settle(self) -> None:
        """Wait until all that was drawn before this call has been said.

        :raises SourceError: the connection is gone
        """
        with self._asking():
            self._link.sync()

    def close(self) -> None:
        """Disconnect. May be called twice."""
        with suppress(*LOST, XError):
            self._link.close()
        end(self._link)

    def _asking(self) -> AbstractContextManager[None]:
        return map_xlib_errors(self._gone)

    def _gone(self, error: Exception) -> SourceError:
        return unwatchable(self._display, error)

    def _listen(self) -> None:
        if not self._link.has_extension(damage.extname):
            raise SourceError(f"display {self._display} does not tell what is drawn: it has no {damage.extname}")
        self._link.damage_query_version()
        self._drawing = self._link.extension_event.DamageNotify
        self._root = self._link.screen().root
        self._root.change_attributes(event_mask=X.StructureNotifyMask)
        self._damage = self._new_damage()
        self._link.sync()

    def _new_damage(self) -> int:
        heard = self._root if self._window is None else self._link.create_resource_object("window", self._window)
        return damage.damage_create(heard, damage.DamageReportBoundingBox)
