"""How fast a frame is shrunk, told by what the straightforward call takes in the same run."""

import pytest

from bench.suites.shrink import measure


@pytest.mark.timing
def test_a_full_hd_frame_is_shrunk_at_least_twice_as_fast_as_by_opencv_in_one_thread() -> None:
    (size,) = measure(((1920, 1080),), samples=15).sizes
    assert min(size.opencv.samples) >= 2 * min(size.alone.samples)
    assert size.opencv.p50 >= 2 * size.alone.p50


@pytest.mark.timing
def test_frames_of_other_sizes_are_not_slower_than_by_opencv() -> None:
    for size in measure(((640, 480), (1280, 720), (2560, 1440)), samples=10).sizes:
        assert min(size.alone.samples) < min(size.opencv.samples), size.size


def test_the_result_tells_of_each_size_how_many_times_faster_it_is() -> None:
    result = measure(((640, 480),), samples=2)
    assert [name for name, _ in result.facts()] == ["640x480", "  OpenCV", "  ngrt", "  ngrt, two threads"]
    assert result.facts()[0][1].endswith("times faster")
