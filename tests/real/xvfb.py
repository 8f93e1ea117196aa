"""An X server without a screen, a game from Debian's packages on it, and clips recorded from it."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from Xlib import X

from ngrt.messages import Image
from ngrt.sources.x11 import X11Source
from ngrt.x11.link import open_link
from tests.patience import HANG, until

GAME = "/usr/games/xgalaga++"
PROGRAMS = {
    "Xvfb": "xvfb",
    GAME: "xgalaga++",
    "xdotool": "xdotool",
    "openbox": "openbox",
    "wine": "wine wine64",
    "/usr/games/lbreakout2": "lbreakout2",
    "xrandr": "x11-xserver-utils",
    "twm": "twm",
    "setxkbmap": "x11-xkb-utils",
    "weston": "weston",
    "Xwayland": "xwayland",
}
"""What the tests run, and the Debian packages that bring it."""


@dataclass(frozen=True)
class Screen:
    """A running X server; ``framebuffer`` is the file it draws into, in the X window dump format."""

    display: str
    server: subprocess.Popen[bytes]
    framebuffer: Path

    def drawn(self) -> Image:
        """Return what is on the screen, read from the server's own memory by the X window dump's header."""
        data = self.framebuffer.read_bytes()
        header = np.frombuffer(data, ">u4", 25)
        size, width, height, stride = (int(header[field]) for field in (0, 4, 5, 12))
        masks, colors = header[14:17], int(header[19])
        pixels = np.frombuffer(data, "<u4", height * stride // 4, size + 12 * colors)
        pixels = pixels.reshape(height, stride // 4)[:, :width]
        shifts = [int(mask).bit_length() - 8 for mask in masks]
        return np.stack([(pixels & mask) >> shift for mask, shift in zip(masks, shifts, strict=True)], -1).astype(
            np.uint8
        )

    def run(self, *command: object) -> None:
        """Run a program on the screen to its end."""
        require(str(command[0]))
        environment = {**os.environ, "DISPLAY": self.display}
        subprocess.run([str(word) for word in command], env=environment, check=True, timeout=HANG)


def require(*programs: str) -> None:
    """Skip the test, saying why, where a program is not installed."""
    missing = [PROGRAMS[program] for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed; apt-get install {' '.join(missing)}")


@contextmanager
def x_server(
    folder: Path,
    size: str = "640x480",
    display: str | None = None,
    *options: str,
    extensions_off: Sequence[str] = (),
    depth: int = 24,
) -> Iterator[Screen]:
    """Run Xvfb on a free display, or on ``display``, with its own ``options``, until the block ends."""
    require("Xvfb")
    ready, told = os.pipe()
    command = ["Xvfb", "-displayfd", str(told), "-screen", "0", f"{size}x{depth}", "-noreset", "-nolisten", "tcp"]
    command += ["-fbdir", str(folder), *options]
    for extension in extensions_off:
        command += ["-extension", extension]
    if display is not None:
        command.insert(1, display)
    server = subprocess.Popen(command, pass_fds=[told], stderr=subprocess.DEVNULL)
    os.close(told)
    try:
        with os.fdopen(ready) as pipe:
            number = pipe.readline().strip()  # ends with the server, if it cannot start
        assert number, f"Xvfb did not start: exit code {server.wait()}"
        yield Screen(f":{number}", server, folder / "Xvfb_screen0")
    finally:
        end(server)


@contextmanager
def window_manager(display: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run openbox on ``display`` until the block ends."""
    require("openbox")
    environment, quiet = {**os.environ, "DISPLAY": display}, subprocess.DEVNULL
    with tempfile.TemporaryDirectory() as home:
        environment |= {"HOME": home, "XDG_CACHE_HOME": home, "XDG_CONFIG_HOME": home}
        command = ["openbox", "--sm-disable"]
        with ended(subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)) as manager:
            with closing(open_link(display)) as link:
                probe = link.screen().root.create_window(0, 0, 9, 9, 0, X.CopyFromParent)
                framed = link.get_atom("_NET_FRAME_EXTENTS")

                def manages() -> bool:
                    probe.map()  # again and again: while it starts, openbox forgets what it was asked
                    return probe.get_full_property(framed, X.AnyPropertyType) is not None

                until(manages, "openbox does not start")
                probe.destroy()
                link.sync()
            yield manager


@contextmanager
def game_on(display: str, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Play xgalaga++ on ``display``, firing all the time, until the block ends."""
    require(GAME, "xdotool")
    environment = {**os.environ, "DISPLAY": display, "HOME": str(home)}
    game = subprocess.Popen([GAME], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_moves(display)
        for keys in (["key", "s"], ["keydown", "space"]):
            subprocess.run(["xdotool", *keys], env=environment, check=True, timeout=HANG)
        yield game
    finally:
        end(game)


def wait_until_it_moves(display: str) -> None:
    """Return once the picture changes from grab to grab."""
    with X11Source(display) as source:
        for _ in range(5):
            until(lambda: source.grab(time.monotonic()) is not None, f"nothing moves on display {display}", 0.02)


def record_clip(display: str, path: Path, seconds: float, rate: int = 30) -> None:
    """Record ``seconds`` of ``display`` to an H.264 file at ``rate`` frames a second."""
    source = X11Source(display, rate)
    start = time.monotonic()
    image = source.grab(start)
    assert image is not None
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "18"})
        stream.height, stream.width = (length // 2 * 2 for length in image.shape[:2])
        stream.pix_fmt = "yuv420p"
        for number in range(round(seconds * rate)):
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
            newer = source.grab(time.monotonic())
            image = image if newer is None else newer
            even = np.ascontiguousarray(image[: stream.height, : stream.width])
            frame = av.VideoFrame.from_ndarray(even, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    source.close()


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End ``process`` with the block."""
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, by force if it must be."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
