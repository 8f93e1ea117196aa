"""What an X11 server says unasked: where something was drawn (DAMAGE), that a window moved, or the screen changed."""

from Xlib import X
from Xlib.error import ConnectionClosedError, DisplayError, XauthError, XError
from Xlib.ext import damage

from ngrt.sources.region import Region
from ngrt.x11.link import open_link

LOST = (ConnectionClosedError, DisplayError, XauthError, XError, AssertionError, OSError)
"""What python-xlib raises where a connection cannot be had, or ends."""


class Changes:
    """Listens to ``display`` on a connection of its own.

    Root's damage holds what is drawn in any window on the screen, also over the one that is watched. The server tells
    of it when its bounding box grows, and goes on doing so from nothing after `take`: whoever takes before each
    picture loses no change.

    ``moved``: a window of `follow` changed its place, size or state; whoever reads it takes it back. ``resized``: the
    screen changed its size.

    :raises LOST: the display cannot be reached, or has no DAMAGE extension
    """

    def __init__(self, display: str) -> None:
        self.moved = self.resized = False
        self._areas: list[Region] = []
        self._heard: int | None = None
        self._link = open_link(display)
        self._link.set_error_handler(lambda *error: None)  # a window that was closed meanwhile: not worth a word
        try:
            if not self._link.has_extension(damage.extname):
                raise DisplayError(display)
            self._link.damage_query_version()
            self._told = self._link.extension_event.DamageNotify
            self._root = self._link.screen().root
            self._root.change_attributes(event_mask=X.StructureNotifyMask)
            self._damage = self._listening()
            self._link.sync()
        except BaseException:
            self._link.close()
            raise

    def follow(self, window: int) -> None:
        """Listen to ``window``, too."""
        self._link.create_resource_object("window", window).change_attributes(event_mask=X.StructureNotifyMask)
        self._link.flush()

    def listen_to(self, window: int | None) -> None:
        """Let `drawn` be about what is drawn in ``window``, counted from its corner; None: about the screen."""
        if window == self._heard:
            return
        self._heard = window
        self._areas.clear()
        self._link.damage_destroy(self._damage)
        self._damage = self._listening()
        self._link.sync()

    def read(self) -> None:
        """Take in what was said, without waiting.

        :raises LOST: the connection is gone
        """
        for _ in range(self._link.pending_events()):
            event = self._link.next_event()
            if event.type == self._told and event.damage == self._damage:
                area = event.area
                self._areas.append(Region(area.x, area.y, area.width, area.height))
            elif getattr(event, "window", None) == self._root:
                self.resized |= event.type == X.ConfigureNotify
            elif event.type != self._told:
                self.moved = True

    def drawn(self, region: Region) -> bool:
        """Return whether anything was drawn in ``region`` since `take`, as far as it was read."""
        return any(region.meets(area) for area in self._areas)

    def take(self) -> None:
        """Begin anew; what was drawn before this returns is in a picture that is made now.

        :raises LOST: the connection is gone
        """
        self._areas.clear()
        self._link.damage_subtract(self._damage)
        self.settle()

    def settle(self) -> None:
        """Wait until all that was drawn before this call has been said."""
        self._link.sync()

    def _listening(self) -> int:
        heard = self._root if self._heard is None else self._link.create_resource_object("window", self._heard)
        return damage.damage_create(heard, damage.DamageReportBoundingBox)

    def close(self) -> None:
        """Disconnect."""
        self._link.close()
