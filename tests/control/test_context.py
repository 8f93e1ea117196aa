"""Which frames a policy with a memory sees."""

import numpy as np

from ngrt.control.context import Context
from ngrt.messages import Frame

PICTURE = np.zeros((256, 256, 3), np.uint8)


def ids(frames: list[Frame]) -> list[int]:
    return [frame.id for frame in frames]


def test_a_policy_without_memory_sees_the_newest_frame_alone() -> None:
    context = Context(1, 0.3)
    context.observe(Frame(0, 0.0, PICTURE))
    assert ids(context.observe(Frame(1, 1.0, PICTURE))) == [1]


def test_frames_are_a_spacing_apart_and_oldest_first() -> None:
    context = Context(3, 0.3)
    picked: list[Frame] = []
    for number in range(100):
        picked = context.observe(Frame(number, number * 0.01, PICTURE))
    assert ids(picked) == [39, 69, 99]


def test_frames_that_are_not_there_yet_are_left_out() -> None:
    context = Context(3, 0.3)
    context.observe(Frame(0, 0.0, PICTURE))
    assert ids(context.observe(Frame(1, 0.1, PICTURE))) == [1]
    assert ids(context.observe(Frame(2, 0.35, PICTURE))) == [0, 2]


def test_no_more_frames_are_kept_than_the_span_needs() -> None:
    context = Context(2, 0.1)
    for number in range(1000):
        context.observe(Frame(number, number * 0.01, PICTURE))
    assert len(context._past) <= 12


def test_memory_is_bounded_however_far_apart_the_frames_are_and_the_picks_stay_near() -> None:
    context = Context(4, 100.0)
    picked: list[Frame] = []
    for number in range(60_000):
        picked = context.observe(Frame(number, number / 60, PICTURE))
        assert len(context._past) <= 4 * 32 + 2
    wanted = [59_999 / 60 - back * 100 for back in (3, 2, 1, 0)]
    assert np.abs(np.array([frame.captured for frame in picked]) - wanted).max() <= 100 / 64 + 1 / 60
    assert picked[-1].id == 59_999
