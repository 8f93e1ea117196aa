"""Counters and percentiles."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ngrt.messages import NEUTRAL, Tick
from ngrt.percentiles import WINDOW, Window
from ngrt.telemetry import Telemetry


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.floats(0, 100))
def test_a_percentile_is_a_sample_with_that_share_at_or_below_it(samples: list[float], percent: float) -> None:
    window = Window()
    for sample in samples:
        window.add(sample)
    found = window.percentile(percent)
    assert found in samples
    assert np.mean(np.array(samples) <= found) * 100 >= percent - 1e-9


def test_an_empty_window_has_no_percentile() -> None:
    assert Window().percentile(50) is None


def test_old_samples_leave_the_window() -> None:
    window = Window()
    window.add(1e9)
    for _ in range(WINDOW):
        window.add(1.0)
    assert window.percentile(100) == 1.0
    assert len(window) == WINDOW


def test_ticks_are_counted_by_what_they_did() -> None:
    telemetry = Telemetry()
    for index, source in enumerate(["neutral", "played", "played", "held"]):
        telemetry.tick(Tick(index, index / 60, index / 60, NEUTRAL, source, None, None, None, None), missed=index % 2)
    readings = telemetry.read()
    assert (readings.played, readings.held, readings.neutral, readings.missed) == (2, 1, 1, 2)


def test_the_rate_held_is_that_of_the_ticks_that_were_sent() -> None:
    telemetry = Telemetry()
    for index in range(100):
        telemetry.tick(Tick(index, 0.0, index / 50, NEUTRAL, "neutral", None, None, None, None), missed=0)
    rate = telemetry.read().rate
    assert rate is not None
    assert abs(rate - 50) < 1e-6
