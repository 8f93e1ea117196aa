"""When frames are shown whose time stamps jump, and what has another range of light than a screen."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorTrc

from ngrt.sources import video_colours
from ngrt.sources.video import VideoSource
from tests.sources.playing import START, pictures, play, write_video

FAST = 0.001
HOURS = 3 * 3600.0


@pytest.mark.parametrize("jump", [11.0, 600.0, HOURS, 100 * HOURS])
def test_a_clock_that_jumps_ahead_shows_no_still_picture_meanwhile_and_it_is_told(tmp_path: Path, jump: float) -> None:
    times = [number / 10 + (jump if number >= 5 else 0) for number in range(10)]
    with VideoSource(write_video(tmp_path / "clip.mkv", pictures(10), rate=10, times=times)) as source:
        step = source.interval
        shown, end = play(source, seconds=5.0, step=FAST)
        assert [time for time, _ in shown] == pytest.approx(
            [number / 10 if number < 5 else (number - 1) / 10 + step for number in range(10)], abs=0.002
        )
        assert end is not None
        assert source.name == f"video clip.mkv ({jump + 0.1 - step:.0f} s without pictures left out)"


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.ts", "clip.flv"])
def test_a_leap_costs_one_frame_in_every_container(tmp_path: Path, name: str) -> None:
    times = [number / 30 + (HOURS if number >= 30 else 0) for number in range(60)]
    path = write_video(tmp_path / name, pictures(60), codec="libx264", pix_fmt="yuv420p", times=times)
    with VideoSource(path) as source:
        shown, end = play(source, seconds=10.0, step=0.01)
    assert len(shown) == 60
    assert end == pytest.approx(2.0, abs=0.05)


def test_a_clock_that_jumps_ahead_and_back_plays_on(tmp_path: Path) -> None:
    times = [0.0, 0.1, HOURS, HOURS + 0.1, HOURS + 0.2, 2 * HOURS]
    with VideoSource(write_video(tmp_path / "clip.mkv", pictures(6), rate=10, times=times)) as source:
        shown, end = play(source, seconds=5.0, step=FAST)
    assert len(shown) == 6
    assert end is not None


def test_a_picture_that_stands_still_for_seconds_stays_that_long(tmp_path: Path) -> None:
    times = [0.0, 0.1, 8.0, 8.1]
    with VideoSource(write_video(tmp_path / "clip.mkv", pictures(4), rate=10, times=times)) as source:
        shown, _ = play(source, seconds=20.0, step=0.01)
        assert source.name == "video clip.mkv"
    assert [time for time, _ in shown] == pytest.approx(times, abs=0.02)


def test_a_show_of_slides_takes_its_time(tmp_path: Path) -> None:
    path = tmp_path / "slides.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(1, 20))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, image in enumerate(pictures(3)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with VideoSource(path) as source:
        shown, end = play(source, seconds=100.0, step=0.1)
    assert [time for time, _ in shown] == pytest.approx([0.0, 20.0, 40.0], abs=0.2)
    assert end == pytest.approx(60.0, abs=0.2)


def pq(nits: float) -> float:
    """Return the signal of SMPTE ST 2084 for a luminance."""
    power = (nits / 10000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def write_hdr(
    path: Path, signals: list[float], trc: ColorTrc, said: bool = True, size: tuple[int, int] = (64, 48)
) -> Path:
    """Write a video of uniform grey pictures of these signals in 10 bits of BT.2020; return ``path``.

    ``said``: whether the file names primaries and matrix, too.
    """
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        assert isinstance(stream, av.VideoStream)
        (stream.width, stream.height), stream.pix_fmt = size, "yuv420p10le"
        kind = {"color_trc": int(trc), "color_primaries": 9 if said else 2, "colorspace": 9 if said else 2}
        for signal in signals:
            frame = av.VideoFrame(*size, "yuv420p10le")
            for plane, value in zip(frame.planes, (round(64 + 876 * signal), 512, 512), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
            for target in (stream.codec_context, frame):
                for name, value in kind.items():
                    setattr(target, name, value)
                target.color_range = 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize(
    ("trc", "signals"),
    [
        (ColorTrc.SMPTE2084, [pq(0), pq(10), pq(50), pq(203), pq(1000)]),
        (ColorTrc.ARIB_STD_B67, [0.0, 0.2, 0.4, 0.75, 1.0]),
    ],
)
def test_white_is_white_and_dark_is_dark_in_hdr_and_it_is_told(
    tmp_path: Path, trc: ColorTrc, signals: list[float], said: bool
) -> None:
    with VideoSource(write_hdr(tmp_path / "clip.mkv", signals, trc, said)) as source:
        assert source.name == "video clip.mkv (HDR, shown as SDR)"
        shown, _ = play(source)
    levels = [int(image.mean().round()) for _, image in shown]
    assert levels[0] == 0
    assert levels == sorted(levels)
    assert 30 < levels[1] < levels[2] < 160
    assert levels[3] > 235
    assert levels[4] == 255
    assert all(np.ptp(image) <= 2 for _, image in shown), "grey stays grey"


def test_large_hdr_pictures_are_shrunk_before_their_tones_are_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_colours, "TONED", 32 * 24)
    path = write_hdr(tmp_path / "clip.mkv", [pq(203)] * 2, ColorTrc.SMPTE2084)
    with VideoSource(path) as source:
        image = source.grab(START)
    assert image is not None
    assert image.shape == (24, 32, 3)


def test_hdr_that_changes_its_size_on_the_way_goes_on(tmp_path: Path) -> None:
    colours = video_colours.Colours(tmp_path)
    for size in ((64, 48), (32, 24)):
        path = write_hdr(tmp_path / "clip.mkv", [pq(203)], ColorTrc.SMPTE2084, size=size)
        with av.open(path) as container:
            assert colours.picture(next(container.decode(video=0))).shape == (*size[::-1], 3)
