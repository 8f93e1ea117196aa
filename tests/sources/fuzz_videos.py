"""Reads videos and pictures that are damaged at random, each in a process of its own with bounded time and memory.

By hand, from the repository: ``python -m tests.sources.fuzz_videos --count 1000`` prints how many were read, refused,
crashed and hung; ``--keep FOLDER`` keeps what crashed or hung. ``tests/sources/test_fuzz_videos.py`` has a short form.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

from ngrt.errors import SourceError
from ngrt.interfaces import EndOfSource
from ngrt.messages import Image
from ngrt.sources.images import read_image
from ngrt.sources.video import VideoSource
from tests.sources.playing import pictures, write_video

if sys.platform == "win32":
    FORKS = multiprocessing.get_context("spawn")
else:
    FORKS = multiprocessing.get_context("forkserver")  # copies of a process that has ngrt loaded, and no threads

SECONDS = 60.0
"""Seconds of one file, after which it hangs; the machine may be busy."""

MEMORY = 1536 * 2**20
"""Bytes that reading one file may take, beside the program."""

OUTCOMES = ("read", "refused", "crash", "hang")

VIDEOS = {
    "h264.mp4": ("libx264", "yuv420p"),
    "h264.ts": ("libx264", "yuv420p"),
    "h264.flv": ("libx264", "yuv420p"),
    "raw.h264": ("libx264", "yuv420p"),
    "hevc.mkv": ("libx265", "yuv420p10le"),
    "vp8.webm": ("libvpx", "yuv420p"),
    "ffv1.mkv": ("ffv1", "bgr0"),
    "mjpeg.avi": ("mjpeg", "yuvj420p"),
    "png.mov": ("png", "rgb24"),
    "mpeg2.mpg": ("mpeg2video", "yuv420p"),
    "mpeg4.avi": ("mpeg4", "yuv420p"),
    "clip.gif": ("gif", "rgb8"),
}
"""Files to damage, with their codecs and pixels."""

IMAGES = ("png", "jpg", "bmp", "webp", "tiff", "gif", "ppm", "jp2", "avif")
WORDS = (b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\x80\0", b"\x01\0\0\0", b"http", b"moov")
"""What is written over a place, beside random bytes."""


@dataclass(frozen=True)
class Case:
    """A damaged file, and what came of reading it: one of `OUTCOMES`, and the error if there was one."""

    name: str
    outcome: str
    said: str


def seeds(folder: Path) -> list[Path]:
    """Write whole videos and pictures; return their paths. A codec or format that is not built in is left out."""
    made: list[Path] = []
    shown = pictures(8)
    for name, (codec, pix_fmt) in VIDEOS.items():
        with suppress(OSError, ValueError):
            made.append(write_video(folder / name, shown, codec=codec, pix_fmt=pix_fmt))
    for kind in IMAGES:
        with suppress(cv2.error):
            encoded = cv2.imencode(f".{kind}", shown[0])[1].tobytes()
            path = folder / f"still.{kind}"
            path.write_bytes(encoded)
            made.append(path)
    return made


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """Return ``data`` damaged in one to eight places, mostly near its start, where the headers are."""
    changed = bytearray(data)
    for _ in range(int(random.integers(1, 9))):
        size = len(changed)
        if not size:
            break
        at = int(random.integers(min(size, 600) if random.random() < 0.7 else size))
        length = int(random.integers(1, 17))
        match int(random.integers(6)):
            case 0:
                changed[at] ^= 1 << int(random.integers(8))
            case 1:
                changed[at : at + length] = random.bytes(length)
            case 2:
                word = WORDS[int(random.integers(len(WORDS)))]
                changed[at : at + len(word)] = word
            case 3:
                del changed[at : at + length]
            case 4:
                changed[at:at] = changed[int(random.integers(size)) :][: length * 8]
            case _:
                del changed[max(at, size // 8) :]
    return bytes(changed)


def read(path: Path) -> str:
    """Read ``path`` as ngrt does; return whether it was read or refused.

    :raises Exception: anything but what a person may be told
    """
    shown = 0
    try:
        if path.suffix[1:] in IMAGES and path.stem.endswith("still"):
            check(read_image(path))
            return "read"
        with VideoSource(path) as source, suppress(EndOfSource):
            for tick in range(60):
                image = source.grab(100 + tick * source.interval)
                shown += image is not None
                if image is not None:
                    check(image)
    except SourceError as error:
        if "\n" in str(error):
            raise ValueError("an error has one line") from error
        return "read" if shown else "refused"
    return "read"


def check(image: Image) -> None:
    """Assert that ``image`` is one that the pipeline takes."""
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3


def child(path: Path, answers: Connection) -> None:
    """Read ``path`` in this process, which has bounded memory; send the outcome and what was said."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)  # OpenCV and the like say what is wrong with a picture
    bound_memory()
    try:
        answers.send((read(path), ""))
    except BaseException as error:  # noqa: BLE001  (each is a fault to be counted)
        answers.send(("crash", f"{type(error).__name__}: {error}"))


def bound_memory() -> None:
    """Let this process take `MEMORY` more than it has."""
    if sys.platform != "win32":
        own = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (own + MEMORY, own + MEMORY))


def tried(path: Path) -> Case:
    """Read ``path`` in a process of its own."""
    ours, theirs = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=child, args=(path, theirs))
    process.start()
    theirs.close()
    try:
        outcome, said = ours.recv() if ours.poll(SECONDS) else ("hang", f"nothing for {SECONDS:g} s")
    except EOFError:  # a signal ended it
        process.join()
        outcome, said = "crash", f"exit code {process.exitcode}"
    finally:
        ours.close()
    process.join(5)
    if process.is_alive():
        process.kill()
        process.join()
    return Case(path.name, outcome, said)


def cases(count: int, seed: int, folder: Path) -> Iterator[tuple[Path, Case]]:
    """Damage ``count`` files in turn and read them; yield each file, which is removed afterwards, and its outcome."""
    FORKS.set_forkserver_preload(["tests.sources.fuzz_videos"])  # not __main__, which is not loaded ahead
    whole, random = seeds(folder), np.random.default_rng(seed)
    for number in range(count):
        source = whole[number % len(whole)]
        path = folder / f"{number}-{source.name}"
        path.write_bytes(mutated(source.read_bytes(), random))
        yield path, tried(path)
        path.unlink()


def main(arguments: Sequence[str]) -> int:
    """Print the counts; return 1 where something crashed or hung."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that crash or hang")
    asked = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for path, case in cases(asked.count, asked.seed, Path(folder)):
            counts[case.outcome] += 1
            if case.outcome in {"crash", "hang"}:
                print(f"{case.outcome}: {case.name}: {case.said}", flush=True)  # noqa: T201
                if asked.keep is not None:
                    asked.keep.mkdir(parents=True, exist_ok=True)
                    (asked.keep / path.name).write_bytes(path.read_bytes())
    print(", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES))  # noqa: T201
    return int(bool(counts["crash"] or counts["hang"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
