"""A real pad on Linux, read through libevdev and grabbed, so that the game sees the virtual pad alone."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ngrt.clock import MonotonicClock
from ngrt.errors import PadError
from ngrt.messages import PadState
from ngrt.pads.person.evdev_layout import ABS, AXES, BUTTONS, KEY, SOUTH, Layout, X
from ngrt.resource import Resource

SYSTEM, NODES = Path("/sys/class/input"), Path("/dev/input")

SEARCH_EVERY = 1.0
"""Seconds between two searches while there is no pad."""

UINPUT_NAME = 2 << 30 | 64 << 16 | ord("U") << 8 | 44
"""The request UI_GET_SYSNAME(64) of the kernel's `uinput.h`: what it calls the device that was made through a file."""

ALLOW_READING = "sudo usermod -aG input $USER, then log in again"
INSTALL_LIBEVDEV = "sudo apt-get install libevdev2"


@dataclass(frozen=True, slots=True)
class FoundPad:
    """A gamepad as the kernel describes it.

    ``node``: the file to open; ``number``: such as input7; ``virtual``: made by a program, through uinput; ``swapped``:
    see `Layout`.
    """

    node: Path
    number: str
    name: str
    virtual: bool
    swapped: bool


def gamepads(system: Path = SYSTEM, nodes: Path = NODES) -> list[FoundPad]:
    """Return the gamepads that are there, real ones before those that programs made; none has to be opened for it."""
    found = []
    for entry in sorted(system.glob("event*"), key=lambda path: int(path.name[5:])):
        device = entry / "device"
        if not (_has(device / "capabilities/key", SOUTH) and _has(device / "capabilities/abs", X)):
            continue
        place = device.resolve()
        driver = (device / "device/driver").resolve().name
        swapped = driver == "xpad" or _text(device / "id/vendor") == "045e"
        virtual = "/devices/virtual/input/" in f"{place}/"
        found.append(FoundPad(nodes / entry.name, place.name, _text(device / "name"), virtual, swapped))
    return sorted(found, key=lambda pad: pad.virtual)


def made_by_this_process(files: Path = Path("/proc/self/fd")) -> set[str]:
    """Return what the kernel calls the devices that this process made through uinput, such as input7."""
    numbers: set[str] = set()
    if sys.platform != "win32":
        import fcntl

        for entry in files.iterdir():
            with suppress(OSError):  # closed meanwhile, or nothing made through it yet
                if os.readlink(entry) in ("/dev/uinput", "/dev/input/uinput"):
                    answer = fcntl.ioctl(int(entry.name), UINPUT_NAME, bytes(64))
                    numbers.add(answer.split(b"\0")[0].decode())
    return numbers


class EvdevPad(Resource):
    """The first real pad of this machine, or one that another program made; searched for again when it is unplugged.

    :raises ngrt.errors.PadError: there is one, and it may not be read or is held by another program
    """

    def __init__(self, system: Path = SYSTEM, nodes: Path = NODES) -> None:
        self._system, self._nodes, self._clock = system, nodes, MonotonicClock()
        self._held: GrabbedPad | None = None
        self._search()

    @property
    def name(self) -> str:
        """What the pad calls itself; "" while there is none."""
        return self._held.found.name if self._held is not None else ""

    def state(self) -> PadState | None:
        """Return what the pad does now, None while there is none."""
        if self._held is None and self._clock.now() - self._searched > SEARCH_EVERY:
            try:
                self._search()
            except PadError:  # one that was plugged in just now may not be readable yet
                return None
        if self._held is None:
            return None
        try:
            return self._held.read()
        except OSError:  # unplugged
            self.close()
            return None

    def _search(self) -> None:
        self._searched = self._clock.now()
        own = made_by_this_process()
        for found in gamepads(self._system, self._nodes):
            if found.number not in own:
                self._held = GrabbedPad(found)
                return

    def close(self) -> None:
        """Give the pad back to everybody."""
        if self._held is not None:
            self._held.close()
            self._held = None


class GrabbedPad(Resource):
    """One pad, open and grabbed.

    :raises ngrt.errors.PadError: it may not be read, or is held by another program
    """

    def __init__(self, found: FoundPad) -> None:
        library = _libevdev()
        self.found = found
        self._dropped = library.EventsDroppedException
        with ExitStack() as undo:
            self._file = undo.enter_context(_opened(found))
            with map_libevdev_errors(library, found):
                self._device = library.Device(self._file)
                self._device.grab()
            self._keys = {code: key for code in BUTTONS if self._device.has(key := library.evbit(KEY, code))}
            self._moved: dict[int, int] = {}
            infos = {code: self._device.absinfo[library.evbit(ABS, code)] for code in AXES}
            ranges = {code: (one.minimum, one.maximum) for code, one in infos.items() if one}
            self._layout = Layout(ranges, found.swapped)
            undo.pop_all()

    def read(self) -> PadState:
        """Return what the pad does now.

        An axis counts from when it first moves: until then some drivers say that it is at its end.

        :raises OSError: it was unplugged
        """
        while not self._drained():
            pass
        pressed = {code for code, key in self._keys.items() if self._device.value[key]}
        return self._layout.state(pressed, self._moved)

    def _drained(self) -> bool:
        """Take note of the events that wait; return whether those were all."""
        try:
            self._note(self._device.events())
        except self._dropped:  # there were more than the kernel keeps
            self._note(self._device.sync())
            return False
        except AssertionError:  # the library's answer to a code newer than itself, which it has passed over now
            return False
        return True

    def _note(self, events: Iterable[Any]) -> None:
        for event in events:
            if event.type.value == ABS:
                self._moved[event.code.value] = event.value

    def close(self) -> None:
        """Let go; the kernel ends the grab with the file."""
        self._file.close()


def _libevdev() -> Any:
    """Return the package, which loads the library.

    :raises ngrt.errors.PadError: one of them is missing
    """
    try:
        import libevdev
    except (ImportError, OSError) as error:
        raise PadError(f"libevdev cannot be loaded ({error})", remedy=INSTALL_LIBEVDEV) from error
    return libevdev


@contextmanager
def map_libevdev_errors(library: Any, found: FoundPad) -> Iterator[None]:
    """Raise a `PadError` where ``found`` cannot be read, or is held by another program."""
    try:
        yield
    except library.device.DeviceGrabError as error:
        raise PadError(
            f"{found.name} at {found.node} is held by another program", remedy="close that, or leave out --takeover pad"
        ) from error
    except OSError as error:
        raise PadError(f"libevdev cannot read {found.name} ({error})", remedy=INSTALL_LIBEVDEV) from error


def _opened(found: FoundPad) -> IO[bytes]:
    """Return a pad's file, which is not waited for.

    :raises ngrt.errors.PadError: it may not be read, or is gone
    """
    try:
        return os.fdopen(os.open(found.node, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb", buffering=0)
    except PermissionError as error:
        raise PadError(
            f"no permission to read {found.name} at {found.node}", remedy=f"allow it with: {ALLOW_READING}"
        ) from error
    except OSError as error:
        raise PadError(
            f"{found.name} at {found.node} cannot be opened: {error.strerror}", remedy="plug it in again"
        ) from error


def _has(mask: Path, bit: int) -> bool:
    """Return whether a bit is set in a mask as the kernel writes it: words in hexadecimal, the greatest first."""
    words = _text(mask).split()
    size = 64 if sys.maxsize > 2**32 else 32
    place = len(words) - 1 - bit // size
    return place >= 0 and bool(int(words[place], 16) >> bit % size & 1)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace").strip()  # a device calls itself what it likes
    except OSError:
        return ""
