"""Counters and percentiles."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ngrt.control.percentiles import WINDOW, RecentSamples
from ngrt.messages import NEUTRAL, Rumble, Tick
from ngrt.pipeline.telemetry import Telemetry


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.floats(0, 100))
def test_a_percentile_is_a_sample_with_that_share_at_or_below_it(samples: list[float], percent: float) -> None:
    window = RecentSamples()
    for sample in samples:
        window.add(sample)
    found = window.percentile(percent)
    assert found in samples
    assert np.mean(np.array(samples) <= found) * 100 >= percent - 1e-9


def test_an_empty_window_has_no_percentile() -> None:
    assert RecentSamples().percentile(50) is None


def test_old_samples_leave_the_window() -> None:
    window = RecentSamples()
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


def test_a_log_has_one_line_where_the_policy_loses_the_pad_and_one_where_it_may_play_again() -> None:
    telemetry = Telemetry()
    telemetry.note("the screen is gone; opening it again")
    for index, note in enumerate(["", "", "lost the focus", "lost the focus", "a person plays", "", ""]):
        tick = Tick(index, index / 10, 5 + index / 10, NEUTRAL, "x", None, None, None, None, note=note)
        telemetry.tick(tick, missed=0)
    telemetry.note("")
    readings = telemetry.read()
    assert readings.recent == (
        "0.0 s  the screen is gone; opening it again",
        "0.2 s  lost the focus",
        "0.4 s  a person plays",
        "0.5 s  the policy may play again",
    )
    assert readings.events == 4


def test_however_much_happens_little_of_it_is_kept_and_all_is_counted() -> None:
    telemetry = Telemetry()
    for number in range(1000):
        telemetry.note(f"failure {number}")
    readings = telemetry.read()
    assert (readings.events, len(readings.recent), readings.recent[-1]) == (1000, 20, "0.0 s  failure 999")


def test_force_feedback_is_counted_when_it_changes_and_told_as_it_is() -> None:
    telemetry = Telemetry()
    for index, strength in enumerate([0.0, 0.5, 0.5, 1.0, 0.0, 0.0, 0.5]):
        rumble = Rumble(strength, 0.0)
        telemetry.tick(Tick(index, 0.0, 0.0, NEUTRAL, "x", None, None, None, None, rumble), missed=0)
    readings = telemetry.read()
    assert (readings.rumbles, readings.rumble) == (3, Rumble(0.5, 0.0))


def test_the_rate_held_is_that_of_the_ticks_that_were_sent() -> None:
    telemetry = Telemetry()
    for index in range(100):
        telemetry.tick(Tick(index, 0.0, index / 50, NEUTRAL, "neutral", None, None, None, None), missed=0)
    rate = telemetry.read().rate
    assert rate is not None
    assert abs(rate - 50) < 1e-6
