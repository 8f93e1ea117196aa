"""How late ticks are: that it is measured right. What it is on a machine is the benchmark's to say."""

import pytest

from bench.suites.control import measure, naive, ticking
from ngrt.fakes import FakePolicy


def test_every_tick_is_either_late_by_something_or_missed() -> None:
    result, chunks = ticking(FakePolicy(), 1.0, 60)
    assert result.ticks == 60
    assert len(result.late.samples) + result.missed == 60
    assert min(result.late.samples) >= 0
    assert chunks > 0


def test_a_naive_loop_drifts_and_its_lost_ticks_are_counted() -> None:
    result = naive(1.0, 200)
    assert result.late.samples[-1] > result.late.samples[1]
    assert len(result.late.samples) + result.missed >= 200


@pytest.mark.timing
def test_under_the_same_load_ngrt_is_less_late_than_the_naive_loop() -> None:
    result = measure(None, seconds=3.0)
    assert result.loaded.late.p50 < result.loaded_naive.late.p50
    assert result.idle.late.p50 < result.idle_naive.late.p50
    assert result.chunks > 10
    assert "engine flat out, ngrt" in dict(result.facts())
