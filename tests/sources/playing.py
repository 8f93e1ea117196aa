"""Sources played in virtual time, and videos to play."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ngrt.interfaces import EndOfSource, FrameSource
from ngrt.messages import Image

START = 100.0
"""A clock's zero means nothing; sources must not take it for their own."""


def play(
    source: FrameSource, seconds: float = 60.0, step: float | None = None
) -> tuple[list[tuple[float, Image]], float | None]:
    """Grab every ``step`` (the source's interval) for ``seconds`` at most.

    Return the pictures with their times since the first grab, and when the source ended (None: it did not).
    """
    shown: list[tuple[float, Image]] = []
    grabs = 0
    step = step or source.interval
    while (time := grabs * step) < seconds:
        try:
            image = source.grab(START + time)
        except EndOfSource:
            return shown, time
        if image is not None:
            shown.append((time, image))
        grabs += 1
    return shown, None


def pictures(count: int, height: int = 48, width: int = 64) -> list[Image]:
    """Return pictures that all differ: a colour ramp with a bar further right in each."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    base = np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 40)], axis=-1).astype(np.uint8)
    made = []
    for number in range(count):
        image = base.copy()
        left = number * 5 % (width - 4)
        image[:, left : left + 4] = (255, 30 * (number % 8), 200)
        made.append(image)
    return made


def write_video(
    path: Path,
    images: Sequence[Image],
    rate: int = 30,
    codec: str = "ffv1",
    pix_fmt: str = "bgr0",
    times: Sequence[float] | None = None,
    rotation: int = 0,
) -> Path:
    """Write ``images`` (lossless by default) at ``rate``, or each at its time in ``times``; return ``path``."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = images[0].shape[:2] if images else (48, 64)
        stream.pix_fmt = pix_fmt
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number if times is None else round(times[number] * 1000)
            frame.time_base = Fraction(1, rate) if times is None else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        if images:
            container.mux(stream.encode())
        else:
            container.start_encoding()  # writes the header alone
    return path
