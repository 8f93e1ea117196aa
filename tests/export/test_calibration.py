"""Where the observations come from that a lossy engine is held to."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from export.calibration import MOST, Calibration
from ngrt.errors import SourceError
from tests.sources.playing import pictures, write_video


def test_synthetic_frames_are_the_same_for_everyone_and_never_twice() -> None:
    one, two = Calibration.generated(2), Calibration.generated(2)
    assert one.source == "generated"
    assert len(one.observations) == MOST
    assert {len(frames) for frames in one.observations} == {2}
    np.testing.assert_array_equal(one.observations, two.observations)
    assert len({frame.tobytes() for frames in one.observations for frame in frames}) == 2 * MOST


def test_frames_of_a_video_are_spread_over_all_of_it(tmp_path: Path) -> None:
    shades = [np.full((64, 64, 3), 2 * number, np.uint8) for number in range(120)]
    found = Calibration.of_files([write_video(tmp_path / "clip.mkv", shades, rate=30)], 1)
    assert found.source == "clip.mkv"
    means = [float(frames[0].mean()) for frames in found.observations]
    assert len(means) == MOST
    assert means == sorted(means)
    assert means[0] < 10
    assert means[-1] > 220
    assert {frames[0].shape for frames in found.observations} == {(256, 256, 3)}


def test_images_and_videos_may_be_mixed_and_all_of_few_are_taken(tmp_path: Path) -> None:
    still = tmp_path / "still.PNG"
    assert cv2.imwrite(str(still), np.full((100, 200, 3), 7, np.uint8))
    clip = write_video(tmp_path / "clip.mkv", pictures(3), rate=30)
    found = Calibration.of_files([still, clip], 1)
    assert found.source == "still.PNG, clip.mkv"
    assert len(found.observations) == 4
    assert (found.observations[0][0] == 7).all()


def test_a_policy_with_memory_is_held_to_frames_in_a_row(tmp_path: Path) -> None:
    shades = [np.full((64, 64, 3), 9 * number, np.uint8) for number in range(5)]
    found = Calibration.of_files([write_video(tmp_path / "clip.mkv", shades, rate=30)], 3)
    assert [len(frames) for frames in found.observations] == [1, 2, 3, 3, 3]
    np.testing.assert_array_equal(found.observations[2][0], found.observations[0][0])


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no frames here")
    with pytest.raises(SourceError, match=r"notes\.txt"):
        Calibration.of_files([tmp_path / "notes.txt"], 1)
