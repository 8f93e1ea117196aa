"""A stand-in for dxcam and the monitors of Windows, with their quirks.

- One camera a display and way: a second `create` returns the first, whatever it is given, until that is released.
- `create` takes SIGTERM over.
- A camera that is started shows a picture at once only if it is new; stopped and started again, when something moves.
- While it captures, `grab` returns the newest picture again and again, and refuses another region.
- While it does not, `grab` waits for a display that is away.
- A display that is away is searched for in its thread; the ring stays as it was.
- The pointer gives a new time to the same picture.
- Edges are right, bottom; those beyond the display are refused.
"""

import signal
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ngrt.interfaces import FrameSource, Window
from ngrt.messages import Image
from ngrt.sources import dxcam_displays
from tests.patience import until

Edges = tuple[int, int, int, int]
LEFT, MAIN, HIGH = "\\\\.\\DISPLAY2", "\\\\.\\DISPLAY1", "\\\\.\\DISPLAY3"
RATE = 100
"""Ticks a second at which something happens on a display: every third the pointer alone moves."""


class Machine:
    """Two adapters; three monitors: one to the left of the primary one, one above it on the other adapter."""

    def __init__(self) -> None:
        self.monitors: dict[str, Edges] = {
            LEFT: (-1280, 100, 0, 820),
            MAIN: (0, 0, 1920, 1080),
            HIGH: (0, -1440, 2560, 0),
        }
        self.refused: dict[tuple[str, str], Exception] = {}
        self.dark: set[str] = set()
        self.still = False
        self.made: list[Camera] = []
        self.created = 0
        self.cameras: dict[tuple[int, int, str], Camera] = {}
        self.outputs = [[SimpleNamespace(devicename=name) for name in names] for names in ((LEFT, MAIN), (HIGH,))]

    def create(
        self,
        device_idx: int = 0,
        output_idx: int | None = None,
        region: Edges | None = None,
        output_color: str = "RGB",
        max_buffer_len: int = 8,
        backend: str = "dxgi",
        processor_backend: str = "cv2",
    ) -> "Camera":
        assert output_idx is not None
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda number, frame: None)
        name = self.outputs[device_idx][output_idx].devicename
        if (name, backend) in self.refused:
            raise self.refused[name, backend]
        key = (device_idx, output_idx, backend)
        known = self.cameras.get(key)
        if known is not None and not known.is_released:
            return known
        self.made.append(Camera(self, name, backend))
        self.cameras[key] = self.made[-1]
        return self.made[-1]

    def open(self) -> list["Camera"]:
        """The cameras that nobody has released."""
        return [camera for camera in self.made if not camera.is_released]

    def enum_display_monitors(self) -> list[tuple[int, int, Edges]]:
        return [(number, 0, edges) for number, edges in enumerate(self.monitors.values(), 100)]

    def get_monitor_info(self, handle: int) -> dict[str, Any]:
        name, edges = list(self.monitors.items())[handle - 100]
        return {"Monitor": edges, "Work": edges, "Flags": int(name == MAIN), "Device": name}


class Camera:
    """What ngrt uses of ``DXCamera``."""

    def __init__(self, machine: Machine, name: str, backend: str) -> None:
        self.name, self.backend = name, backend
        self.is_capturing = self.is_released = False
        self.region: Edges | None = None
        self.target_fps = 0
        self._machine = machine
        held = "duplicator" if backend == "dxgi" else "_session"
        self._duplicator = SimpleNamespace(**{held: "held"})
        self._began = time.perf_counter()
        self._starts = 0
        self._shown: tuple[int, Image] | None = None

    def start(
        self, region: Edges | None = None, target_fps: int = 60, video_mode: bool = False, delay: int = 0
    ) -> None:
        if self.is_released or self.is_capturing:
            raise RuntimeError("Capture is already running. Call stop() first.")
        left, top, right, bottom = self._machine.monitors[self.name]
        region = region or (0, 0, right - left, bottom - top)
        if not (right - left >= region[2] > region[0] >= 0 and bottom - top >= region[3] > region[1] >= 0):
            raise ValueError(f"Invalid Region: Region should be in {right - left}x{bottom - top}")
        assert target_fps > 0, "0 would use a whole core"
        assert not video_mode, "it makes old pictures new"
        self.region, self.target_fps, self.is_capturing = region, target_fps, True
        self._starts += 1
        self._shown = None
        self._began = time.perf_counter()

    def grab(self, region: Edges | None = None, copy: bool = True, new_frame_only: bool = True) -> Image | None:
        assert self.is_capturing, "this would wait until the display is back"
        assert region is None
        assert copy, "the ring is written over"
        self._pump()
        return None if self._shown is None else self._shown[1].copy()

    @property
    def latest_frame_ticks(self) -> int | None:
        self._pump()
        return None if self._shown is None else self._shown[0]

    @property
    def latest_frame_time(self) -> float | None:
        ticks = self.latest_frame_ticks
        return None if ticks is None else ticks / 1e7

    def lose(self) -> None:
        """Let dxcam's thread end by an error."""
        self.is_capturing = False

    def away(self) -> None:
        """Let dxcam search for the display: it has let go of it, and captures on."""
        for held in vars(self._duplicator):
            setattr(self._duplicator, held, None)

    def back(self) -> None:
        """Let it be found: what it shows is new to a new duplicator."""
        for held in vars(self._duplicator):
            setattr(self._duplicator, held, "held")
        self._began = time.perf_counter()

    def release(self) -> None:
        self.is_released, self.is_capturing = True, False

    def _pump(self) -> None:
        if not self.is_capturing or self.name in self._machine.dark or self.region is None:
            return
        step = 0 if self._machine.still else int((time.perf_counter() - self._began) * RATE)
        if step == 0 and self._starts > 1:
            return
        left, top, right, bottom = self.region
        image = np.zeros((bottom - top, right - left, 3), np.uint8)
        image[..., 0] = 200  # red comes first
        image[:, (step - (step % 3 == 2)) * 5 % (right - left)] = 255
        self._shown = int((self._began + step / RATE) * 1e7), image


def standing_in(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Let ngrt find a machine with Windows and dxcam."""
    machine = Machine()
    module = SimpleNamespace(create=machine.create, **{dxcam_displays.FACTORY: machine})
    windows = SimpleNamespace(
        EnumDisplayMonitors=machine.enum_display_monitors, GetMonitorInfo=machine.get_monitor_info
    )
    monkeypatch.setattr(dxcam_displays, "ON_WINDOWS", True)
    monkeypatch.setitem(sys.modules, "dxcam", module)
    monkeypatch.setitem(sys.modules, "win32api", windows)
    return machine


def game(left: int = 100, top: int = 50, width: int = 640, height: int = 360, **more: Any) -> Window:
    return Window(7, "A Game", None, "game.exe", left, top, width, height, **more)


def grab(source: FrameSource, now: float) -> Image:
    """Return the next picture, waited for."""
    return until(lambda: source.grab(now), "no picture", 0.002)
