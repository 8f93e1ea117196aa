"""The windows of an X server, told by it directly, and one that paints itself: neither knows how ngrt asks."""

from contextlib import suppress

from Xlib import X
from Xlib.error import ConnectionClosedError, XError

from ngrt.interfaces import Window
from ngrt.resource import Resource
from ngrt.x11.link import open_link


class PlainDesktop(Resource):
    """A desktop for tests: windows with a name, at the top or just below it, in a window manager's frame."""

    def __init__(self, display: str) -> None:
        self._link = open_link(display)
        self.asked = 0

    def windows(self) -> list[Window]:
        """Return the windows that have a name."""
        numbers: list[int] = []
        for window in self._link.screen().root.query_tree().children:
            with suppress(XError):  # closed meanwhile
                numbers += [window.id, *(child.id for child in window.query_tree().children)]
        found = [self.window(number) for number in numbers]
        return [window for window in found if window is not None and window.title]

    def window(self, number: int) -> Window | None:
        """Return one window."""
        self.asked += 1
        window = self._link.create_resource_object("window", number)
        try:
            size, place = window.get_geometry(), self._link.screen().root.translate_coords(window, 0, 0)
            shown = window.get_attributes().map_state == X.IsViewable
            title = str(window.get_wm_name() or "")
        except XError:
            return None
        return Window(number, title, None, "xgalaga++", place.x, place.y, size.width, size.height, shown)

    def focused(self) -> int | None:
        """Return nothing: nobody asks here."""
        return None

    def close(self) -> None:
        """Disconnect."""
        with suppress(ConnectionClosedError):
            self._link.close()


class Painter(Resource):
    """A window at ``place`` (left, top, width, height), over all others, that shows one colour."""

    def __init__(self, display: str, place: tuple[int, int, int, int]) -> None:
        self._link = open_link(display)
        screen = self._link.screen()
        self._window = screen.root.create_window(*place, 0, screen.root_depth, override_redirect=1)
        self._window.map()
        self.paint(0x336699)

    def paint(self, color: int) -> None:
        """Show ``color``, 0xRRGGBB; the server has drawn it when this returns."""
        self._window.change_attributes(background_pixel=color)
        self._window.clear_area()
        self._link.sync()

    def close(self) -> None:
        """Take it away."""
        self._link.close()
