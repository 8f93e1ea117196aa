"""A video as the screen: times, shapes and colours, and files that cannot be played."""

import threading
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ngrt.errors import SourceError
from ngrt.interfaces import EndOfSource
from ngrt.sources import video, video_file
from ngrt.sources.video import VideoSource
from tests.patience import HANG
from tests.sources.playing import START, pictures, play, write_video

FAST = 0.001


def refusal(path: Path) -> str:
    """Return the message with which ``path`` is refused: one line that names the file."""
    with pytest.raises(SourceError) as caught:
        VideoSource(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_every_frame_is_shown_at_its_time_in_its_colours(tmp_path: Path) -> None:
    images = pictures(12)
    source = VideoSource(write_video(tmp_path / "clip.mkv", images, rate=25))
    shown, end = play(source)
    source.close()
    assert source.name == "video clip.mkv"
    assert source.interval == pytest.approx(0.04)
    assert [time for time, _ in shown] == pytest.approx([number * 0.04 for number in range(12)])
    np.testing.assert_array_equal([image for _, image in shown], images)
    assert end == pytest.approx(12 * 0.04)


def test_a_slow_looker_sees_the_newest_frame_and_skips_the_rest(tmp_path: Path) -> None:
    images = pictures(30)
    shown, end = play(VideoSource(write_video(tmp_path / "clip.mkv", images, rate=30)), step=0.25)
    np.testing.assert_array_equal([image for _, image in shown], [images[number] for number in (0, 7, 15, 22)])
    assert end == pytest.approx(1.0)


def test_a_video_that_decodes_slower_than_it_plays_is_shown_late_but_without_long_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "CATCH_UP", 0.0)
    images = pictures(10)
    shown, end = play(VideoSource(write_video(tmp_path / "clip.mkv", images, rate=30)), step=0.25)
    np.testing.assert_array_equal([image for _, image in shown], images)
    assert end == pytest.approx(2.5)


def test_closing_does_not_touch_a_file_that_is_being_decoded_nor_wait_for_it_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "PATIENCE", 0.1)
    source = VideoSource(write_video(tmp_path / "clip.mkv", pictures(6), rate=30))
    decoding, enough, closed = threading.Event(), threading.Event(), threading.Event()

    class Opened:
        def close(self) -> None:
            closed.set()

    def slow(frame: object) -> None:
        decoding.set()
        enough.wait(HANG)

    monkeypatch.setattr(source, "_open", Opened())
    monkeypatch.setattr(source._colours, "picture", slow)
    grabbing = threading.Thread(target=source.grab, args=(START,))
    grabbing.start()
    assert decoding.wait(HANG)
    source.close()
    assert not closed.is_set()
    enough.set()
    grabbing.join(HANG)
    with pytest.raises(EndOfSource):
        source.grab(START + 1)
    source.close()
    assert closed.is_set()


def test_a_fast_looker_sees_each_frame_once(tmp_path: Path) -> None:
    shown, end = play(VideoSource(write_video(tmp_path / "clip.mkv", pictures(6), rate=30)), step=FAST)
    assert len(shown) == 6
    assert end == pytest.approx(0.2, abs=2 * FAST)


def test_frames_of_uneven_length_keep_their_times(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.2, 0.5, 0.51]
    shown, end = play(VideoSource(write_video(tmp_path / "clip.mkv", pictures(5), times=times)), step=FAST)
    assert [time for time, _ in shown] == pytest.approx(times, abs=2 * FAST)
    assert end is not None
    assert end > 0.51


def test_a_stream_without_times_plays_at_the_rate_it_is_read_with(tmp_path: Path) -> None:
    video = write_video(tmp_path / "clip.h264", pictures(10), codec="libx264", pix_fmt="yuv420p")
    with av.open(video) as container:
        assert next(container.decode(video=0)).pts is None
    shown, end = play(VideoSource(video))
    assert len(shown) == 10
    assert end == pytest.approx(10 / 25)


def test_recordings_joined_together_play_on_where_the_time_jumps_back(tmp_path: Path) -> None:
    part = write_video(tmp_path / "part.ts", pictures(10), codec="libx264", pix_fmt="yuv420p")
    both = tmp_path / "both.ts"
    both.write_bytes(part.read_bytes() * 2)
    shown, end = play(VideoSource(both))
    assert len(shown) == 20
    assert end == pytest.approx(20 / 30)


def test_the_end_stays_the_end(tmp_path: Path) -> None:
    source = VideoSource(write_video(tmp_path / "clip.mkv", pictures(3)))
    assert play(source)[1] == pytest.approx(0.1)
    for later in (0.2, 5.0, 500.0):
        with pytest.raises(EndOfSource):
            source.grab(START + later)
    source.close()


@pytest.mark.parametrize("pix_fmt", ["gray", "yuv420p", "yuv420p10le", "yuva420p", "yuv444p", "gray16le"])
def test_any_pixel_format_becomes_rgb(tmp_path: Path, pix_fmt: str) -> None:
    images = pictures(2, height=47, width=61)
    source = VideoSource(write_video(tmp_path / "clip.mkv", images, pix_fmt=pix_fmt))
    image = source.grab(START)
    source.close()
    assert image is not None
    assert image.shape == (47, 61, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    expected = images[0] if not pix_fmt.startswith("gray") else cv2.cvtColor(images[0], cv2.COLOR_RGB2GRAY)[:, :, None]
    assert np.abs(image.astype(int) - expected).mean() < 8


@pytest.mark.skipif(cv2.__version__ < "5", reason="older versions of the other reader turn no pictures of this format")
@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_video_recorded_sideways_stands_upright(tmp_path: Path, rotation: int) -> None:
    video = write_video(tmp_path / "clip.mp4", pictures(2), codec="libx264", pix_fmt="yuv444p", rotation=rotation)
    image = VideoSource(video).grab(START)
    upright, other = cv2.VideoCapture(str(video)).read()  # another reader, which turns it by itself
    assert upright
    np.testing.assert_array_equal(image, cv2.cvtColor(other, cv2.COLOR_BGR2RGB))


def test_a_rate_that_no_one_can_mean_is_bounded(tmp_path: Path) -> None:
    assert VideoSource(write_video(tmp_path / "fast.mkv", pictures(3), rate=1000)).interval == pytest.approx(1 / 240)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "is not a file; check the path" in refusal(tmp_path / "none.mp4")
    assert "is not a file; check the path" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a video", bytes(range(256)) * 64])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    assert "cannot be read" in refusal(path)


def test_a_video_cut_off_before_its_index_is_refused(tmp_path: Path) -> None:
    video = write_video(tmp_path / "clip.mp4", pictures(20), codec="libx264", pix_fmt="yuv420p")
    video.write_bytes(video.read_bytes()[:-600])
    assert "cannot be read" in refusal(video)


def test_a_video_cut_off_without_an_index_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    video = write_video(tmp_path / "clip.mkv", pictures(20))
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    shown, end = play(VideoSource(video))
    assert 2 < len(shown) < 20
    assert end == pytest.approx(len(shown) / 30)


def test_sound_without_a_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    with av.open(path, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    assert "has no video stream" in refusal(path)


def test_a_video_without_frames_is_refused(tmp_path: Path) -> None:
    assert "has no frames" in refusal(write_video(tmp_path / "clip.avi", [], codec="mjpeg", pix_fmt="yuvj420p"))
    assert "has no video stream" in refusal(write_video(tmp_path / "clip.mp4", [], codec="libx264", pix_fmt="yuv420p"))


def damage(video: Path, image: int) -> Path:
    """Overwrite one picture's data in place."""
    data = bytearray(video.read_bytes())
    at = -1
    for _ in range(image + 1):
        at = data.index(b"IDAT", at + 1)
    data[at : at + 200] = bytes(200)
    video.write_bytes(data)
    return video


def test_damage_on_the_way_ends_the_video_with_its_place(tmp_path: Path) -> None:
    video = damage(write_video(tmp_path / "clip.mov", pictures(20), codec="png", pix_fmt="rgb24"), image=12)
    source = VideoSource(video)
    with pytest.raises(
        SourceError, match=rf"{video} is damaged 0\.4 s after its start \(.+\); make it again"
    ) as caught:
        play(source)
    assert "\n" not in str(caught.value)
    with pytest.raises(EndOfSource):
        source.grab(START + 60)
    source.close()


def test_damage_at_the_start_is_found_before_play(tmp_path: Path) -> None:
    video = damage(write_video(tmp_path / "clip.mov", pictures(5), codec="png", pix_fmt="rgb24"), image=0)
    assert "is damaged 0.0 s after its start" in refusal(video)


def test_frames_too_large_to_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_file, "PIXEL_LIMIT", 3000)
    assert "has frames of 64 x 48; it must be 1 to 3000 pixels" in refusal(
        write_video(tmp_path / "clip.mkv", pictures(1))
    )


def test_decoding_says_nothing_on_standard_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    video = write_video(tmp_path / "clip.mkv", pictures(20), codec="libx264", pix_fmt="yuv420p")
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    play(VideoSource(video))
    assert capfd.readouterr().err == ""
