"""Windows of our own on an X display, and a window manager to look after them."""

from collections.abc import Sequence

from Xlib import X, Xatom, Xutil
from Xlib.display import Display
from Xlib.protocol.event import ClientMessage
from Xlib.xobject.drawable import Window as XWindow

from tests.patience import until


class Windows:
    """Opens windows on ``display`` and does to them what people and programs do; they belong to this process."""

    def __init__(self, display: str, managed: bool = False) -> None:
        self.display = Display(display)
        self.root = self.display.screen().root
        self.managed = managed

    def open(
        self,
        title: str = "",
        place: tuple[int, int, int, int] = (0, 0, 320, 240),
        kinds: Sequence[str] = (),
        past_manager: bool = False,
        inside: XWindow | None = None,
    ) -> XWindow:
        """Show a window at left, top, width, height; ``kinds`` are EWMH's window types."""
        left, top, width, height = place
        screen = self.display.screen()
        window = (inside or self.root).create_window(
            *(left, top, width, height, 0, screen.root_depth, X.InputOutput, X.CopyFromParent),
            background_pixel=screen.white_pixel,
            override_redirect=past_manager,
        )
        window.change_property(
            self.display.get_atom("_NET_WM_NAME"), self.display.get_atom("UTF8_STRING"), 8, title.encode()
        )
        window.set_wm_normal_hints(flags=Xutil.USPosition | Xutil.USSize)
        if kinds:
            self.set_atoms(window, "_NET_WM_WINDOW_TYPE", [f"_NET_WM_WINDOW_TYPE_{kind}" for kind in kinds])
        window.map()
        until(lambda: window.get_attributes().map_state == X.IsViewable)
        return window

    def set_atoms(self, window: XWindow, name: str, values: Sequence[str]) -> None:
        """Set a property to the atoms called ``values``."""
        atoms = [self.display.get_atom(value) for value in values]
        window.change_property(self.display.get_atom(name), Xatom.ATOM, 32, atoms)
        self.display.sync()

    def ask_manager(self, window: XWindow, name: str, values: Sequence[int]) -> None:
        """Send the window manager a message about ``window``."""
        data = (32, [*values, *[0] * (5 - len(values))])
        message = ClientMessage(window=window, client_type=self.display.get_atom(name), data=data)
        self.root.send_event(message, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        self.display.sync()

    def minimise(self, window: XWindow) -> None:
        """Put ``window`` away, as a person does."""
        if self.managed:
            self.ask_manager(window, "WM_CHANGE_STATE", [Xutil.IconicState])
        else:
            window.unmap()
            self.display.sync()

    def focus(self, window: XWindow) -> None:
        """Give ``window`` the keyboard."""
        if self.managed:
            self.ask_manager(window, "_NET_ACTIVE_WINDOW", [2])
        else:
            window.set_input_focus(X.RevertToParent, X.CurrentTime)
            self.display.sync()

    def close(self) -> None:
        """Close all of them."""
        self.display.close()
