"""Merging chunks: the formulas against plain numpy, and what a session remembers between chunks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngrt.control.merging import (
    RECENT,
    GuideMaker,
    Merging,
    Mode,
    default_merging,
    prefix_strengths,
    rtc_strengths,
    rtc_weights,
    shifted,
)
from ngrt.control.timeline import Grid
from ngrt.errors import ObservationError
from ngrt.inference.engine import HostEngine
from ngrt.inference.open import open_policy
from ngrt.inference.policy import Conditioning, EnginePolicy
from ngrt.messages import Array, Guide, TimedChunk
from tests.control.builders import chunk_of

DT = 1 / 60
FRAME = np.random.default_rng(3).integers(0, 256, (120, 160, 3), np.uint8)
STEPS = 8
Doubles = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def engine(bundle_of: Callable[[str], Path]) -> EnginePolicy:
    return open_policy(bundle_of("tiny"), threads=1)


class Reference:
    """The rules as they are written down, in float64, with the model's own velocity."""

    def __init__(self, policy: EnginePolicy) -> None:
        self.policy, self.observed = policy, policy.observe([FRAME])

    def velocity(self, x: Doubles, step: int) -> Doubles:
        feed = {
            "x": x[None].astype(np.float32),
            "modulation": self.policy.schedule(STEPS)[step],
            "dt": np.array(1, np.float32),
            "remaining": np.array(1, np.float32),
            "mix": self.observed.mix,
            "prior": np.zeros_like(x[None], np.float32),
            "weights": np.zeros((1, len(x), 1), np.float32),
            "guidance": np.array(0, np.float32),
            **self.observed.encoded.keys_values,
        }
        assert isinstance(self.policy.engine, HostEngine)
        moved = self.policy.engine.run("denoise", feed)["next_x"]
        return np.asarray(moved[0], np.float64) - x

    def rtc(self, noise: Array, prior: Array, delay: int, executed: int, beta: float) -> Doubles:
        horizon = len(noise)
        end = horizon - executed
        weights = np.zeros((horizon, 1))
        for row in range(horizon):
            u = (end - row) / (end - delay + 1)
            inside = u * (np.exp(u) - 1) / (np.exp(1) - 1)
            weights[row] = 1 if row < delay else 0 if row >= end else inside
        x: Doubles = noise.astype(np.float64)
        for step in range(STEPS):
            tau = step / STEPS
            v = self.velocity(x, step)
            inverse_r2 = (tau**2 + (1 - tau) ** 2) / (1 - tau) ** 2
            w = beta if tau == 0 else min(beta, (1 - tau) / tau * inverse_r2)
            v = v + w * weights * (prior - (x + (1 - tau) * v))
            x = x + v / STEPS
        return x

    def prefix(self, noise: Array, prior: Array, delay: int) -> Doubles:
        x: Doubles = noise.astype(np.float64)
        for step in range(STEPS):
            tau = step / STEPS
            x[:delay] = (1 - tau) * noise[:delay] + tau * prior[:delay]
            x = x + self.velocity(x, step) / STEPS
        x[:delay] = prior[:delay]
        return x


@pytest.fixture(scope="module")
def reference(engine: EnginePolicy) -> Reference:
    return Reference(engine)


def previous(policy: EnginePolicy) -> tuple[Array, Array]:
    """Return a chunk to agree with, and the noise of the next."""
    return policy.denoise(policy.observe([FRAME[::-1]]), policy.draw_noise(), STEPS)[0], policy.draw_noise()


@pytest.mark.parametrize(("delay", "executed"), [(1, 1), (4, 4), (3, 8), (9, 9), (0, 1), (8, 10)])
@pytest.mark.parametrize("beta", [1.0, 5.0, float(STEPS)])
def test_rtc_is_what_its_formula_says(
    engine: EnginePolicy, reference: Reference, delay: int, executed: int, beta: float
) -> None:
    last, noise = previous(engine)
    guide = Merging("rtc", beta=beta).guide(last, executed, delay, STEPS)
    actions = engine.denoise(reference.observed, noise, STEPS, guide)[0]
    expected = reference.rtc(noise, shifted(last, executed), delay, executed, beta)
    assert np.abs(actions - expected).max() < 1e-4


@pytest.mark.parametrize(("delay", "executed"), [(1, 1), (4, 4), (9, 9), (2, 6)])
def test_prefix_is_what_its_rule_says_and_ends_on_the_last_chunk(
    engine: EnginePolicy, reference: Reference, delay: int, executed: int
) -> None:
    last, noise = previous(engine)
    guide = Merging("prefix").guide(last, executed, delay, STEPS)
    actions = engine.denoise(reference.observed, noise, STEPS, guide)[0]
    assert np.abs(actions - reference.prefix(noise, shifted(last, executed), delay)).max() < 1e-4
    assert np.abs(actions[:delay] - last[executed : executed + delay]).max() < 1e-5


def test_a_guide_without_weights_changes_no_bit(engine: EnginePolicy) -> None:
    last, noise = previous(engine)
    nothing = Guide(last, np.zeros(18, np.float32), np.full(STEPS, 5, np.float32))
    plain = engine.predict([FRAME], noise, STEPS).actions
    assert np.array_equal(engine.predict([FRAME], noise, STEPS, guide=nothing).actions, plain)


def test_guided_chunks_of_many_episodes_are_those_of_each(engine: EnginePolicy) -> None:
    last, _ = previous(engine)
    side = engine.spec.image_size
    pictures = np.random.default_rng(0).integers(0, 256, (3, 1, side, side, 3), np.uint8)
    noise = np.stack([engine.draw_noise() for _ in pictures])
    priors = np.stack([last, last[::-1], -last])
    guide = Merging("rtc").guide(priors, 3, 3, STEPS)
    together = engine.denoise(engine.observe_each(pictures), noise, STEPS, guide)
    for number, picture in enumerate(pictures):
        alone: Conditioning = engine.observe_each(picture[None])
        own = Merging("rtc").guide(priors[number], 3, 3, STEPS)
        assert np.allclose(together[number], engine.denoise(alone, noise[number], STEPS, own)[0], atol=1e-5)


def test_a_guide_of_another_shape_is_refused(engine: EnginePolicy) -> None:
    guide = Guide(np.zeros((18, 25), np.float32), np.zeros(17, np.float32), np.zeros(STEPS, np.float32))
    with pytest.raises(ObservationError, match="this policy takes"):
        engine.predict([FRAME], steps=STEPS, guide=guide)


@given(horizon=st.integers(1, 64), data=st.data())
def test_weights_hold_fast_what_will_have_been_played_and_let_go_of_the_rest(horizon: int, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, horizon))
    delay = data.draw(st.integers(0, end))
    weights = rtc_weights(horizon, delay, end)
    assert (weights[:delay] == 1).all()
    assert (weights[end:] == 0).all()
    assert (np.diff(weights) <= 0).all()
    assert ((weights[delay:end] > 0) & (weights[delay:end] < 1)).all()


def test_unclipped_strengths_are_the_published_ones() -> None:
    strengths = rtc_strengths(16, 1000)
    assert strengths[0] == 1000
    assert np.allclose(strengths[[1, 2, 3, 8, 15]], [15.07, 7.14, 4.56, 2.0, 15.07], atol=0.01)
    assert rtc_strengths(16, 2).tolist() == [2.0] * 16


def test_a_prefix_is_pulled_all_the_way_in_the_last_step() -> None:
    assert prefix_strengths(4).tolist() == pytest.approx([1, 4 / 3, 2, 4])


GUIDED: tuple[Mode, ...] = ("rtc", "prefix")


@pytest.mark.parametrize("mode", ["replace", "blend", "lockstep"])
def test_other_modes_need_no_guide(mode: Mode) -> None:
    assert Merging(mode).guide(np.zeros((18, 25), np.float32), 3, 3, 8) is None


def test_a_chunk_whose_rows_are_all_past_guides_nothing() -> None:
    for mode in GUIDED:
        assert Merging(mode).guide(np.zeros((18, 25), np.float32), 18, 3, 8) is None
        assert Merging(mode).guide(np.zeros((18, 25), np.float32), 40, 3, 8) is None


@given(executed=st.integers(0, 17), delay=st.integers(0, 60))
def test_rows_that_no_chunk_had_never_pull(executed: int, delay: int) -> None:
    for mode in GUIDED:
        guide = Merging(mode).guide(np.ones((18, 25), np.float32), executed, delay, 8)
        assert guide is not None
        assert (guide.weights[guide.prior[:, 0] == 0] == 0).all()


def guide_maker(latency: float = 4.5 * DT) -> GuideMaker:
    return GuideMaker(Merging("rtc"), Grid(0.0, DT), STEPS, latency)


def test_the_first_chunk_has_nothing_to_agree_with() -> None:
    assert guide_maker().guide(0.3) is None


def test_the_next_chunk_is_guided_by_the_last_ones_rows_for_the_same_ticks() -> None:
    subject = guide_maker()
    last = chunk_of(captured=2 * DT)
    subject.remember(last)
    guide = subject.guide(7.2 * DT)
    assert guide is not None
    assert np.array_equal(guide.prior[:13], last.chunk.actions[5:])
    assert (guide.weights[13:] == 0).all()


def test_the_delay_is_counted_from_the_tick_of_row_zero_to_the_first_tick_that_the_chunk_can_reach() -> None:
    assert guide_maker(4 * DT).delay(10 * DT) == 4
    assert guide_maker(4.2 * DT).delay(10 * DT) == 5
    assert guide_maker(4.2 * DT).delay(10.4 * DT) == 5
    assert guide_maker(4.2 * DT).delay(10.6 * DT) == 4
    assert guide_maker(0).delay(10 * DT) == 0


def test_one_hiccup_does_not_slow_the_rest_and_a_lasting_change_is_soon_noticed() -> None:
    subject = guide_maker(3 * DT)
    for number in range(RECENT):
        takes = 30 * DT if number == 10 else 3 * DT
        subject.remember(_timed(number * DT, takes))
    assert subject.latency == pytest.approx(3 * DT)
    for number in range(5):
        subject.remember(_timed(number * DT, 6 * DT))
    assert subject.latency == pytest.approx(6 * DT)


def _timed(captured: float, takes: float) -> TimedChunk:
    return replace(chunk_of(captured=captured), finished=captured + takes)


def test_a_merging_says_what_it_is_in_a_few_words() -> None:
    assert str(Merging("rtc", "steady", 2.0)) == "rtc (beta 2), steady noise"
    assert str(Merging("replace")) == "replace, fresh noise"


@pytest.mark.parametrize("delay", range(10))
def test_there_is_a_default_for_every_delay_that_needs_no_pause(delay: int) -> None:
    assert default_merging(delay).mode != "lockstep"
