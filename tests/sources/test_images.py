"""Still images as the screen, and the reader behind `ngrt predict`."""

import os
import struct
import time
import zlib
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from ngrt.errors import SourceError
from ngrt.messages import Image
from ngrt.sources import images
from ngrt.sources.images import ImageSource, read_image
from tests.sources.playing import START, pictures, play


def save(path: Path, image: Image) -> Path:
    """Write an RGB image."""
    assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


def refusal(path: Path) -> str:
    """Return the message with which ``path`` is refused: one line that names the file."""
    with pytest.raises(SourceError) as caught:
        read_image(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "bild-ä-画.png"])
def test_an_image_is_read_as_rgb(tmp_path: Path, name: str) -> None:
    (image,) = pictures(1)
    np.testing.assert_array_equal(read_image(save(tmp_path / name, image)), image)


def test_grey_sixteen_bit_and_transparent_images_become_rgb(tmp_path: Path) -> None:
    (image,) = pictures(1)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    cv2.imwrite(str(tmp_path / "gray.png"), gray)
    np.testing.assert_array_equal(read_image(tmp_path / "gray.png"), np.repeat(gray[:, :, None], 3, axis=2))
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(tmp_path / "deep.png"), bgr.astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png"), image)
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([bgr, np.full_like(gray, 128)]))
    np.testing.assert_array_equal(read_image(tmp_path / "alpha.png"), image)


def test_a_missing_image_is_refused(tmp_path: Path) -> None:
    assert "is not a file; check the path" in refusal(tmp_path / "none.png")
    assert "is not a file; check the path" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert "is not a picture that can be decoded; save it again as PNG or JPEG" in refusal(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_truncated_image_is_refused_rather_than_shown_half(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, pictures(1, height=480, width=640)[0])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "is not a picture that can be decoded" in refusal(path)


def test_an_image_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", pictures(1)[0])
    monkeypatch.setattr(images, "PIXEL_LIMIT", 3000)
    assert "is 64 x 48; the limit is 3000 pixels; scale it down" in refusal(path)
    monkeypatch.setattr(images, "FILE_LIMIT", 10)
    assert "bytes; the limit is 10" in refusal(path)


@pytest.mark.parametrize("kind", ["jpg", "tiff", "jp2", "gif", "ppm"])
def test_opencv_says_nothing_itself_of_a_broken_image(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    if not cv2.haveImageWriter(f".{kind}"):
        pytest.skip(f"this OpenCV writes no {kind}")
    whole = save(tmp_path / f"whole.{kind}", pictures(1, height=120, width=160)[0]).read_bytes()
    for size in range(0, len(whole), len(whole) // 40):
        (tmp_path / f"a.{kind}").write_bytes(whole[:size])
        with suppress(SourceError):
            read_image(tmp_path / f"a.{kind}")
    assert capfd.readouterr() == ("", "")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(kind: str, side: int) -> bytes:
    """Return a picture of ``side`` x ``side`` pixels in far fewer bytes."""
    if kind == "png":
        packer = zlib.compressobj(9)
        rows = b"".join(packer.compress(bytes(1 + (side + 7) // 8)) for _ in range(side)) + packer.flush()
        header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            png_chunk(*part) for part in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
        )
    if kind == "bmp":
        return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, side, side, 1, 24, *[0] * 6) + bytes(999)
    if kind == "gif":
        return (
            b"GIF89a"
            + struct.pack("<HH", side, side)
            + b"\x80\0\0\0\0\0\xff\xff\xff,"
            + struct.pack("<HHHH", 0, 0, side, side)
            + b"\0\x02\x02\x44\x01\0;"
        )
    if kind == "ppm":
        return b"P6\n%d %d\n255\n" % (side, side) + bytes(999)
    encoded = bytearray(cv2.imencode(f".{kind}", pictures(1)[0])[1].tobytes())
    at = encoded.index(b"\xff\xc0") + 5
    encoded[at : at + 4] = struct.pack(">HH", side, side)
    return bytes(encoded)


@pytest.mark.parametrize("side", [10_000, 30_000, 65_000])
@pytest.mark.parametrize("kind", ["png", "jpg", "bmp", "gif", "ppm"])
def test_a_small_file_with_a_huge_picture_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, side: int
) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(bomb(kind, side))
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    assert f"of at most {images.LARGEST} pixels" in refusal(path)


def test_a_picture_that_takes_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", pictures(1)[0])
    monkeypatch.setattr(images, "PATIENCE", 0.05)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: time.sleep(0.2))
    assert "takes longer than 0.05 s to decode" in refusal(path)
    time.sleep(0.3)


def test_too_many_images_are_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="10001 images were given; the limit is 10000; give fewer"):
        ImageSource([tmp_path / "none.png"] * 10_001)


@pytest.mark.parametrize("name", ["12:30:00.png", "http:/a/b.png", "J\udcfcrgen.png", "a\nb.png", "-.png", "%d.png"])
def test_any_name_is_a_file_s_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (image,) = pictures(1)
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.rename(save(tmp_path / "made.png", image), path)
    np.testing.assert_array_equal(read_image(path), image)
    assert ImageSource([path]).name.isprintable()


def test_images_follow_each_other_and_start_again(tmp_path: Path) -> None:
    images = pictures(3)
    paths = [save(tmp_path / f"{number}.png", image) for number, image in enumerate(images)]
    source = ImageSource(paths, seconds_each=0.5)
    shown, end = play(source, seconds=4.0, step=0.125)
    assert source.name == "3 images"
    assert end is None
    assert [time for time, _ in shown] == [number * 0.5 for number in range(8)]
    np.testing.assert_array_equal([image for _, image in shown], [images[number % 3] for number in range(8)])


def test_a_single_image_is_held(tmp_path: Path) -> None:
    (image,) = pictures(1)
    source = ImageSource([save(tmp_path / "a.png", image)])
    shown, end = play(source, seconds=100.0)
    assert source.name == "image a.png"
    assert end is None
    assert len(shown) == 1
    np.testing.assert_array_equal(shown[0][1], image)


def test_a_bad_image_among_good_ones_is_found_before_play(tmp_path: Path) -> None:
    good = save(tmp_path / "good.png", pictures(1)[0])
    with pytest.raises(SourceError, match=r"bad\.png is not a file"):
        ImageSource([good, tmp_path / "bad.png"])


def test_no_image_at_all_is_refused() -> None:
    with pytest.raises(SourceError, match="no image was given"):
        ImageSource([])


def test_images_that_together_are_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [save(tmp_path / f"{number}.png", image) for number, image in enumerate(pictures(3))]
    monkeypatch.setattr(images, "PIXEL_LIMIT", 64 * 48 * 2)
    with pytest.raises(SourceError, match="the first 3 of 3 images have 9216 pixels; the limit is 6144 in all"):
        ImageSource(paths)
    source = ImageSource(paths[:2])
    assert source.grab(START) is not None
