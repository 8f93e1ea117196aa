"""Deadlines and the feasibility of a rate."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngrt.control.pacing import Latency, Pace, check_feasible, choose_pace, delay_ticks, next_deadline
from ngrt.errors import FeasibilityError

seconds = st.floats(0, 1e4, allow_nan=False)
intervals = st.floats(1e-3, 1.0)


@given(deadline=seconds, late=st.floats(0, 100), interval=intervals)
def test_the_next_deadline_is_never_in_the_past_nor_more_than_one_interval_away(
    deadline: float, late: float, interval: float
) -> None:
    now = deadline + late
    following, missed = next_deadline(deadline, now, interval)
    assert following > now - 1e-6
    assert following - now <= interval + 1e-6
    assert missed >= 0


def test_a_tick_that_is_on_time_misses_none() -> None:
    assert next_deadline(10.0, 10.001, 0.02) == (10.02, 0)


def test_missed_ticks_are_skipped_and_counted() -> None:
    following, missed = next_deadline(0.0, 0.35, 0.1)
    assert (round(following, 9), missed) == (0.4, 3)


def test_delay_is_the_latency_in_ticks_rounded_up() -> None:
    assert delay_ticks(0.15, 60) == 9
    assert delay_ticks(0.1501, 60) == 10


@given(latency=st.floats(1e-3, 10), rate=st.floats(1, 240), horizon=st.integers(2, 64))
def test_a_rate_is_accepted_exactly_when_twice_its_delay_fits_the_horizon(
    latency: float, rate: float, horizon: int
) -> None:
    feasible = 2 * delay_ticks(latency, rate) <= horizon
    try:
        delay = check_feasible(Latency(latency, 0), 1, horizon, rate)
    except FeasibilityError:
        assert not feasible
    else:
        assert feasible
        assert delay == delay_ticks(latency, rate)


@given(
    fixed=st.floats(1e-3, 1),
    step=st.floats(1e-4, 0.1),
    interval=st.floats(1e-3, 2),
    steps=st.integers(1, 32),
    rate=st.floats(1, 240),
    horizon=st.integers(2, 64),
)
def test_the_remedies_that_a_refusal_names_hold_even_if_chunks_then_take_a_little_longer(
    fixed: float, step: float, interval: float, steps: int, rate: float, horizon: int
) -> None:
    try:
        check_feasible(Latency(fixed, step, interval), steps, horizon, rate)
    except FeasibilityError as error:
        slower = Latency(fixed * 1.03, step * 1.03, interval)
        words = str(error).split()
        if "--rate" in words:
            check_feasible(slower, steps, horizon, float(words[words.index("--rate") + 1]))
        if "--steps" in words:
            fewer = int(words[words.index("--steps") + 1])
            assert fewer < steps
            check_feasible(Latency(fixed, step * 1.03, interval), fewer, horizon, rate)


@given(fixed=st.floats(1e-3, 1), interval=st.floats(0, 2), horizon=st.integers(4, 64))
def test_a_rate_above_the_largest_does_not_hold_and_one_below_does(fixed: float, interval: float, horizon: int) -> None:
    latency, budget = Latency(fixed, 0, interval), horizon // 2
    rate = latency.largest_rate(1, budget)
    assert delay_ticks(latency.of(1, rate * 0.999), rate * 0.999) <= budget
    assert delay_ticks(latency.of(1, rate * 1.001), rate * 1.001) > budget


def test_a_refusal_names_the_latency_the_limit_and_the_remedies() -> None:
    with pytest.raises(FeasibilityError, match=r"900 ms: 54 ticks at 60 Hz.*18 rows allow 9; try --rate 9.5$"):
        check_feasible(Latency(0.1, 0.05), 16, 18, 60)
    with pytest.raises(FeasibilityError, match=r"try --rate 32 or --steps 7$"):
        check_feasible(Latency(0.01, 0.015, 0.0167), 16, 18, 60)


@given(fixed=st.floats(0, 1), step=st.floats(0, 0.1), steps=st.integers(2, 64))
def test_two_measurements_give_the_fixed_part_and_the_step(fixed: float, step: float, steps: int) -> None:
    latency = Latency.from_two(fixed + step, steps, fixed + steps * step)
    assert math.isclose(latency.fixed, fixed, abs_tol=1e-9)
    assert math.isclose(latency.step, step, abs_tol=1e-9)


LIMIT = Pace(60, 16, 0)


@given(fixed=st.floats(1e-3, 0.5), step=st.floats(1e-4, 0.2), horizon=st.integers(4, 64))
def test_what_is_chosen_automatically_holds_and_is_within_the_limit(fixed: float, step: float, horizon: int) -> None:
    latency = Latency(fixed, step, 1 / 60)
    for rate, steps in ((None, 16), (None, None)):
        pace = choose_pace(latency, horizon, rate, steps, LIMIT)
        assert check_feasible(latency, pace.steps, horizon, pace.rate) == pace.delay
        assert 0.1 <= pace.rate <= 60
        assert 1 <= pace.steps <= 16


def test_a_fast_engine_gets_all_it_may_have() -> None:
    assert choose_pace(Latency(0.001, 0.0001), 18, None, None, LIMIT) == Pace(60, 16, 1)


def test_steps_are_as_many_as_the_rate_leaves_time_for() -> None:
    pace = choose_pace(Latency(0.03, 0.01, 1 / 60), 18, 60, None, LIMIT)
    assert pace.steps == 9
    assert choose_pace(Latency(0.03, 0.01, 1 / 60), 18, 30, None, LIMIT).steps == 16


def test_a_rate_is_as_high_as_the_steps_leave_time_for() -> None:
    assert choose_pace(Latency(0.01, 0.02, 0), 18, None, 16, LIMIT).rate == 25.9


def test_a_rate_that_not_even_one_step_holds_is_refused() -> None:
    with pytest.raises(FeasibilityError):
        choose_pace(Latency(1.0, 0.1), 18, 60, None, LIMIT)
