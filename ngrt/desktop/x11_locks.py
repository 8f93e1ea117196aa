"""Whether an X11 session is locked: who has the keyboard is not who has the focus while a screen locker grabs it."""

from Xlib import X
from Xlib.display import Display
from Xlib.xobject.drawable import Window as XWindow

from ngrt.desktop.x11_windows import resource
from ngrt.resource import Resource
from ngrt.x11.connection import X11Connection
from ngrt.x11.errors import asked

SAVER, SAVER_ON = "MIT-SCREEN-SAVER", 1


class X11Locks(Resource):
    """Asks the X server of ``display`` (None: the one that $DISPLAY names) at every call.

    :raises SourceError: the display cannot be reached
    """

    def __init__(self, display: str | None = None) -> None:
        self._connection = X11Connection(display)
        self._asking: tuple[Display, XWindow] | None = None
        self._player: int | None = None

    def reason(self, game: int | None) -> str | None:
        """Return why keys would not reach the window ``game``, None where they would.

        A game may have grabbed the keyboard itself. Where it is not known (None), it is what had the focus before, or,
        where keys go to whatever is under the pointer, the window in front. Those of lockers are out of the ordinary.

        :raises SourceError: the display is gone or does not answer
        """
        with self._connection.talking() as display:
            if self._is_saved(display):
                return "the screen saver is on"
            if game is not None:
                self._player = game
            elif self._player is None:
                self._player = _focused(display) or _topmost(display, ordinary=True)
            if self._is_grabbed(display):
                foreign = _top_level(display, self._player) != _topmost(display)
                return "another program has grabbed the keyboard: the screen may be locked" if foreign else None
            self._player = _focused(display) if game is None else game
            return None

    def close(self) -> None:
        """Disconnect. May be called twice."""
        self._connection.close()

    def _is_saved(self, display: Display) -> bool:
        if not display.has_extension(SAVER):
            return False
        saver = asked(lambda: display.screen().root.screensaver_query_info(), None)
        return saver is not None and saver.state == SAVER_ON

    def _is_grabbed(self, display: Display) -> bool:
        """Return whether a client has grabbed the keyboard.

        The server looks for another's grab first, then whether the window can be seen. This one cannot, so nothing is
        ever grabbed by the question.
        """
        if self._asking is None or self._asking[0] is not display:  # it was connected again
            self._asking = display, display.screen().root.create_window(-1, -1, 1, 1, 0, 0, X.InputOnly)
        status = self._asking[1].grab_keyboard(False, X.GrabModeAsync, X.GrabModeAsync, X.CurrentTime)
        if status == X.GrabSuccess:
            display.ungrab_keyboard(X.CurrentTime)
        return bool(status in {X.AlreadyGrabbed, X.GrabFrozen})


def _focused(display: Display) -> int | None:
    """Return the window with the focus; None where it is the pointer's to say."""
    focus = display.get_input_focus().focus
    return None if isinstance(focus, int) or focus == display.screen().root else int(focus.id)


def _top_level(display: Display, number: int | None) -> int | None:
    """Return the window at the top level that holds window ``number``; None for the root and for closed windows."""
    root = display.screen().root.id
    while number is not None and number != root:
        tree = asked(resource(display, number).query_tree, None)
        if tree is None or not tree.parent:
            return None
        if tree.parent.id == root:
            return number
        number = tree.parent.id
    return None


def _topmost(display: Display, *, ordinary: bool = False) -> int | None:
    """Return the window at the top level that is in front of all others, or of those that window managers may touch."""
    for child in reversed(display.screen().root.query_tree().children):
        attributes = asked(child.get_attributes, None)
        if attributes is None or (ordinary and attributes.override_redirect):
            continue
        if attributes.map_state == X.IsViewable:
            return int(child.id)
    return None
