"""What is opened as a video: files whatever their names are, and nothing else, whatever the file says."""

import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from ngrt.errors import SourceError
from ngrt.sources import video, video_file
from ngrt.sources.images import read_image
from ngrt.sources.video import VideoSource
from tests.closing import closes_with_its_block, either_way
from tests.sources.playing import START, pictures, play, write_video


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Return a socket to which nobody may connect."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server
        with pytest.raises(TimeoutError):
            server.accept()


def refusal(path: Path) -> str:
    """Return the message with which ``path`` is refused."""
    with pytest.raises(SourceError) as caught:
        VideoSource(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


NAMES = [
    *("2026-05-01T12:30:00.mp4", "Celeste:chapter1.mp4", "C:clip.mp4", "-clip.mp4", "%d.mp4", "clip.mp4?x#y"),
    *("pipe:0", "fd:0", "concat:a.mp4|b.mp4", "data:video,AAAA", "file:clip.mp4", "subfile,,start,0,end,9,,:clip.mp4"),
    *("rtsp:x", "tcp:127.0.0.1:{port}", "udp:127.0.0.1:{port}", "http:/127.0.0.1:{port}/clip.mp4", "a\nb.mp4"),
    *("J\udcfcrgen.mp4", "クリップ.mp4", "rtmp:/127.0.0.1:{port}/clip.mp4"),
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_the_name_of_a_file_and_opens_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: socket.socket, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(name.format(port=listener.getsockname()[1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    os.rename(write_video(tmp_path / "made.mkv", pictures(3)), path)
    with VideoSource(path) as source:
        assert len(play(source)[0]) == 3
        assert source.name.isprintable()


CONTENTS = [
    (b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nclip.mp4\n", "a playlist"),
    (b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:PORT/clip.ts\n#EXT-X-ENDLIST\n", "a playlist"),
    (b"\xef\xbb\xbf\n#EXTM3U\n#EXTINF:9,\nclip.ts\n#EXT-X-ENDLIST\n", "a playlist"),
    (b"ffconcat version 1.0\nfile tcp://127.0.0.1:PORT\n", "a list of other files"),
    (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n", "a stream"),
    (b"<?xml version='1.0'?><MPD><BaseURL>http://127.0.0.1:PORT/</BaseURL></MPD>", "download"),
    (b"<!DOCTYPE html><html>sign in</html>", "a web page"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
    (b"", "empty"),
]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.m3u8", "clip.sdp", "clip.mpd"])
@pytest.mark.parametrize(("content", "called"), CONTENTS)
def test_what_only_names_other_files_and_addresses_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: socket.socket, content: bytes, called: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "made.mp4", pictures(3), codec="libx264", pix_fmt="yuv420p")
    path = tmp_path / name
    path.write_bytes(content.replace(b"PORT", str(listener.getsockname()[1]).encode()))
    assert called in refusal(path)


def playlist(path: Path, *lines: str, ends: bool = True) -> Path:
    """Write a playlist of ``lines``; return ``path``."""
    end = ["#EXT-X-ENDLIST"] if ends else []
    path.write_text("\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:5", "#EXT-X-MEDIA-SEQUENCE:1", *lines, *end, ""]))
    return path


def test_a_playlist_of_files_beside_it_is_played(tmp_path: Path) -> None:
    write_video(tmp_path / "a.ts", pictures(10), codec="mpeg2video", pix_fmt="yuv420p")
    with VideoSource(playlist(tmp_path / "a.m3u8", *["#EXTINF:1,", "a.ts"] * 2)) as source:
        assert len(play(source)[0]) == 20


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/a.ts", "tcp://127.0.0.1:{port}/a.ts", "crypto+file:a.ts"])
def test_addresses_in_a_playlist_are_left_alone(tmp_path: Path, listener: socket.socket, address: str) -> None:
    write_video(tmp_path / "a.ts", pictures(30), codec="mpeg2video", pix_fmt="yuv420p")
    named = address.format(port=listener.getsockname()[1])
    path = playlist(
        tmp_path / "a.m3u8", "#EXTINF:1,", "a.ts", "#EXTINF:1,", named, f'#EXT-X-KEY:METHOD=AES-128,URI="{named}"'
    )
    with VideoSource(path) as source, suppress(SourceError):
        play(source)
    assert "a playlist" in refusal(playlist(tmp_path / "b.m3u8", "#EXTINF:1,", named))


@pytest.mark.parametrize("name", ["a.m3u8", "./a.m3u8", "file:a.m3u8"])
def test_a_playlist_that_names_itself_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert "a playlist" in refusal(playlist(Path("a.m3u8"), "#EXT-X-STREAM-INF:BANDWIDTH=1", name))


def test_a_playlist_that_is_still_written_is_waited_for_no_longer_than_for_other_videos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_file, "OPENING", 0.5)
    write_video(tmp_path / "a.ts", pictures(2), codec="mpeg2video", pix_fmt="yuv420p")
    assert "a playlist" in refusal(playlist(tmp_path / "a.m3u8", "#EXTINF:1,", "a.ts", ends=False))


def test_a_recording_without_its_index_is_told(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", pictures(20), codec="libx264", pix_fmt="yuv420p")
    path.write_bytes(path.read_bytes()[:-600])
    assert "cannot be read (its index is missing or damaged); record as mkv" in refusal(path)


@either_way
def test_a_with_closes_a_videos_files(tmp_path: Path, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "clip.mkv", pictures(1))
    closes_with_its_block(lambda: video_file.Bounded(path, 1.0), fails, monkeypatch)


def test_a_still_picture_is_sent_to_the_option_for_stills(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_video(path, pictures(1), codec="png", pix_fmt="rgb24")
    assert "a still picture); give it with --image" in refusal(path)


@pytest.mark.parametrize("opens", [VideoSource, read_image])
def test_what_is_no_file_is_called_what_it_is_with_what_to_do_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opens: type[VideoSource]
) -> None:
    def said(path: Path) -> str:
        with pytest.raises(SourceError) as caught:
            opens(path)
        return str(caught.value)

    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")
        assert "is not a file but a pipe" in said(tmp_path / "pipe")
        assert "--window" in said(tmp_path / "pipe")
    assert "is not a file but a device, such as a capture card" in said(Path("/dev/null"))
    assert "--window" in said(Path("/dev/null"))
    if sys.platform != "win32":
        with socket.socket(socket.AF_UNIX) as server:
            monkeypatch.chdir(tmp_path)
            server.bind("socket")
            assert "is not a file but a socket" in said(Path("socket"))
    assert "this is a folder" in said(tmp_path)
    assert "is not a file but an address; only files are opened; download it first" in said(Path("https://a.b/c.mp4"))
    assert "is not a file but standard input" in said(Path("-"))
    assert "is not a file; check the path" in said(Path("a\0b"))
    assert "is not a file; check the path" in said(Path("x" * 5000))
    (tmp_path / "circle").symlink_to("circle")
    assert "is not a file; check the path" in said(tmp_path / "circle")


def test_a_disk_and_a_file_that_may_not_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "clip.mkv", pictures(1))

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", forbidden)
        assert "cannot be opened (Permission denied); check its permissions" in refusal(path)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", forbidden)
        assert "cannot be opened (Permission denied); check its permissions" in refusal(path)
    mode = os.stat_result((stat.S_IFBLK, *[0] * 9))
    monkeypatch.setattr(Path, "stat", lambda *_, **__: mode)
    assert "is not a file but a disk" in refusal(path)


def test_tags_that_are_no_utf_8_do_not_matter(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", pictures(3), codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    data[data.index(b"ISFT") + 8] = 0xE9
    path.write_bytes(data)
    with VideoSource(path) as source:
        assert len(play(source)[0]) == 3


def write_streams(path: Path, covers: int = 0, sound: bool = False, moving: tuple[int, ...] = (64,)) -> Path:
    """Write a file with sound first, then covers, then moving pictures of these widths; return ``path``."""
    with av.open(path, "w") as container:
        audio = container.add_stream("aac", rate=8000) if sound else None
        streams = [container.add_stream("mjpeg", rate=30) for _ in range(covers)]
        for stream in streams:
            stream.disposition = Disposition.attached_pic
        streams += [container.add_stream("mjpeg", rate=30) for _ in moving]
        for stream, width in zip(streams, (*[512] * covers, *moving), strict=True):
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = width, 48, "yuvj420p"
        if audio is not None:
            assert isinstance(audio, av.AudioStream)
            heard = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), layout="mono")
            heard.sample_rate = 8000
            container.mux(audio.encode(heard))
        for number in range(5):
            for index, stream in enumerate(streams):
                if index >= covers or not number:
                    frame = av.VideoFrame.from_ndarray(pictures(6, 48, stream.width)[number], format="rgb24")
                    frame.pts = number
                    container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("covers", "sound", "moving"), [(1, False, (64,)), (1, True, (64,)), (0, True, (32, 64, 48))])
def test_the_picture_is_found_among_sound_covers_and_smaller_pictures(
    tmp_path: Path, covers: int, sound: bool, moving: tuple[int, ...]
) -> None:
    with VideoSource(write_streams(tmp_path / "clip.mp4", covers, sound, moving)) as source:
        shown, _ = play(source)
    assert [image.shape for _, image in shown] == [(48, 64, 3)] * 5


def test_music_with_a_cover_is_no_video(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "song.mp4", covers=1, moving=())
    assert "has a cover, but no video stream; give a file with a moving picture" in refusal(path)


def test_a_broadcast_that_was_joined_on_the_way_plays_from_its_first_whole_picture(tmp_path: Path) -> None:
    path = tmp_path / "clip.h264"
    write_video(path, pictures(60), codec="libx264", pix_fmt="yuv420p")  # a whole picture, then changes
    data = path.read_bytes()
    second = data.index(b"\x00\x00\x01\x41")
    path.write_bytes(data[second - 1 :] + data)
    with VideoSource(path) as source:
        assert source.grab(START) is not None


def test_a_frame_size_that_changes_on_the_way_is_followed(tmp_path: Path) -> None:
    paths = [
        write_video(tmp_path / f"{width}.h264", pictures(5, 48, width), codec="libx264", pix_fmt="yuv420p")
        for width in (64, 96)
    ]
    both = tmp_path / "both.h264"
    both.write_bytes(b"".join(path.read_bytes() for path in paths))
    with VideoSource(both) as source:
        shown, _ = play(source)
    assert [image.shape[1] for _, image in shown] == [64] * 5 + [96] * 5


def test_a_file_that_gives_no_picture_in_time_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "clip.mkv", pictures(3))
    monkeypatch.setattr(video, "OPENING", -0.95)
    monkeypatch.setattr(video, "open_container", lambda *_: time.sleep(0.2))
    assert "has shown no picture for" in refusal(path)
    time.sleep(0.3)


def test_reads_end_with_the_time_for_opening(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mkv", pictures(3))
    with video_file.Bounded(path, -1.0) as bounded:
        with pytest.raises(TimeoutError):
            bounded.read(1)
        bounded.opened()
        assert bounded.read(1)
