"""From captured frame to graph input."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ngrt.errors import ObservationError
from ngrt.preprocess import check_frame, observation, shrink

sides = st.integers(1, 900)


def picture(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


@given(height=sides, width=sides)
@settings(max_examples=60, deadline=None)
def test_a_picture_is_averaged_over_areas_whatever_its_size(height: int, width: int) -> None:
    image = picture(height, width)
    expected = cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(shrink(image), expected)


@given(height=sides, width=sides)
@settings(max_examples=120, deadline=None)
def test_a_helper_changes_no_bit(height: int, width: int) -> None:
    image = picture(height, width)
    with ThreadPoolExecutor(1) as helper:
        np.testing.assert_array_equal(shrink(image, helper), shrink(image))


@pytest.mark.parametrize("size", [(720, 1280), (1080, 1920), (1440, 2560), (2160, 3840)])
def test_a_helper_takes_half_of_a_screen_and_changes_no_bit(size: tuple[int, int]) -> None:
    image = picture(*size)
    with ThreadPoolExecutor(1) as helper:
        np.testing.assert_array_equal(shrink(image, helper), shrink(image))
        assert len(helper._threads) == 1


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
