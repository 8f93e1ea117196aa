"""From captured frame to graph input."""

from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ngrt.errors import ObservationError
from ngrt.policy.preprocess import check_frame, observation, shrink

sides = st.integers(1, 900)
Picture = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Exact = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def picture(height: int, width: int) -> Picture:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


def by_opencv(image: Picture) -> Picture:
    return np.asarray(cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)


def averaged(values: Exact) -> Exact:
    """Return the means of 256 equal parts of the first axis, a pixel that lies across an edge counted by its shares."""
    side = len(values)
    upto = np.concatenate([np.zeros_like(values[:1]), values.cumsum(0)])  # sum before each pixel
    edges = np.arange(257) * side / 256
    whole = np.minimum(edges.astype(int), side - 1)
    rest = (edges - whole).reshape(-1, *[1] * (values.ndim - 1))
    sums: Exact = upto[whole] + rest * values[whole]
    return (sums[1:] - sums[:-1]) * (256 / side)


def by_definition(image: Picture) -> Exact:
    return averaged(averaged(image.astype(np.float64)).swapaxes(0, 1)).swapaxes(0, 1)


def differ(one: Picture, other: Picture | Exact) -> float:
    return float(abs(one.astype(np.float64) - other).max())


def hostile(height: int, width: int) -> dict[str, Picture]:
    """Return pictures in which rounding, and pixels at the edge of a part, weigh the most."""
    y, x = np.indices((height, width))
    cut_x, cut_y = np.isin(np.arange(width), edge_pixels(width)), np.isin(np.arange(height), edge_pixels(height))
    grey = {
        "checkerboard": (x + y) % 2 * 255,
        "columns": (x % 7 == 0) * 255,
        "rows": (y % 4 == 0) * 255,
        "one pixel": ((x == width // 2) & (y == height // 2)) * 255,
        "edges": (cut_x[None] | cut_y[:, None]) * 255,
        "all but edges": (~(cut_x[None] | cut_y[:, None])) * 255,
        "gradient": (x * 255 // max(1, width - 1) + y * 255 // max(1, height - 1)) // 2,
        "white": np.full_like(x, 255),
        "black": np.zeros_like(x),
        "noise of two values": np.random.default_rng(0).integers(0, 2, (height, width)) * 255,
    }
    return {name: np.stack([plane, 255 - plane, plane // 2], -1).astype(np.uint8) for name, plane in grey.items()}


def edge_pixels(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the pixels that lie across the edges of the 256 parts: libswscale leaves out what weighs too little."""
    return np.unique(np.arange(1, 256) * side // 256)


@given(height=sides, width=sides)
@settings(max_examples=60, deadline=None)
def test_a_picture_is_averaged_over_areas_whatever_its_size(height: int, width: int) -> None:
    image = picture(height, width)
    assert differ(shrink(image), by_opencv(image)) <= (0 if min(height, width) <= 256 else 1)


@given(height=st.integers(257, 1300), width=st.integers(257, 2000))
@settings(max_examples=10, deadline=None)
@example(height=1541, width=2055)  # pixels at the edges of the parts weigh least where a side is little over 256 n
@example(height=1080, width=1920)
@example(height=257, width=511)
def test_whatever_it_shows_no_value_is_off_by_more_than_one(height: int, width: int) -> None:
    for name, image in hostile(height, width).items():
        small = shrink(image)
        assert differ(small, by_opencv(image)) <= 1, name
        assert differ(small, by_definition(image)) < 0.75, name


@pytest.mark.parametrize("size", [(720, 1280), (1080, 1920), (1440, 2560), (2160, 3840), (480, 640), (1920, 1080)])
def test_screens_are_averaged_to_the_nearest_value(size: tuple[int, int]) -> None:
    image = picture(*size)
    assert differ(shrink(image), by_definition(image)) < 0.6


def test_a_part_of_a_picture_and_a_flipped_one_are_averaged_as_their_copies_are() -> None:
    image = picture(800, 1300)
    for view in (image[37:761, 11:1200], image[::-1, ::-1], image[..., ::-1], image.swapaxes(0, 1)):
        np.testing.assert_array_equal(shrink(view), shrink(np.ascontiguousarray(view)))


def test_pictures_of_changing_sizes_from_several_threads_are_kept_apart() -> None:
    images = [picture(300 + 10 * number % 70, 400 + number % 3) for number in range(60)]
    expected = [shrink(image) for image in images]
    with ThreadPoolExecutor(4) as threads:
        for small, alone in zip(threads.map(shrink, images), expected, strict=True):
            np.testing.assert_array_equal(small, alone)


@given(height=sides, width=sides)
@settings(max_examples=120, deadline=None)
def test_a_helper_changes_no_bit(height: int, width: int) -> None:
    image = picture(height, width)
    with ThreadPoolExecutor(1) as helper, mock.patch("ngrt.policy.preprocess.SHARED", 0):
        shared = shrink(image, helper)
    np.testing.assert_array_equal(shared, shrink(image))


@pytest.mark.parametrize(
    ("size", "helpers"), [((1080, 1920), 0), ((1440, 2560), 1), ((2160, 3840), 1), ((1441, 2560), 0)]
)
def test_a_helper_takes_half_of_a_large_screen_and_changes_no_bit(size: tuple[int, int], helpers: int) -> None:
    image = picture(*size)
    with ThreadPoolExecutor(1) as helper:
        np.testing.assert_array_equal(shrink(image, helper), shrink(image))
        assert len(helper._threads) == helpers


def test_a_picture_of_the_right_size_is_not_copied() -> None:
    image = picture(256, 256)
    assert shrink(image) is image


def test_an_observation_is_frames_in_their_order_at_the_towers_size() -> None:
    old, new = np.zeros((90, 160, 3), np.uint8), np.full((720, 1280, 3), 200, np.uint8)
    found = observation([old, new], 96)
    assert found.shape == (1, 2, 96, 96, 3)
    assert found.dtype == np.uint8
    assert (found[0, 0] == 0).all()
    assert (found[0, 1] == 200).all()


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ("a picture", "frame is str; it must be a numpy array"),
        (np.zeros((4, 4, 3), np.float32), "dtype float32; it must be uint8"),
        (np.zeros((4, 4), np.uint8), r"shape \(4, 4\); it must be \(height, width, 3\)"),
        (np.zeros((4, 4, 4), np.uint8), r"shape \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"shape \(0, 4, 3\)"),
    ],
)
def test_what_is_no_picture_is_refused_with_what_it_must_be(frame: object, words: str) -> None:
    with pytest.raises(ObservationError, match=words):
        check_frame(frame)
