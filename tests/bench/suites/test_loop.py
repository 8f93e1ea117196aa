"""The closed loop: the batched simulator against the pipeline's own rules, and the default against `replace`."""

import numpy as np
import pytest

from bench.suites.loop import Cell, Gain, canonical, half_width, measure, modes
from bench.suites.loop_episodes import Setting, _Player, play
from ngrt.arcade.world import World
from ngrt.control.merging import Merging, default_merging
from ngrt.control.timeline import Grid, Timeline
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.messages import TimedChunk
from ngrt.policy.actions import decode
from ngrt.policy.bundle import read_manifest
from ngrt.policy.shipped import arcade_engine

STEPS = read_manifest(arcade_engine()).policy.steps
UNSEEN = range(60_000, 60_016)


@pytest.fixture(scope="module")
def policy() -> EnginePolicy:
    return open_policy(arcade_engine(), threads=1)


@pytest.mark.slow
@pytest.mark.parametrize("delay", [4, 8])
def test_the_default_is_not_behind_replace(policy: EnginePolicy, delay: int) -> None:
    ways = default_merging(delay), Merging("replace")
    cells = [
        Cell(setting, play(policy, setting, UNSEEN), UNSEEN[0])
        for setting in (Setting(way, delay, STEPS) for way in ways)
    ]
    assert Gain.between(*cells).mean > 0
    assert cells[0].score >= (0.95 if delay == 4 else 0.88)


def test_in_lockstep_it_plays_like_the_expert(policy: EnginePolicy) -> None:
    assert np.mean(play(policy, Setting(Merging("lockstep"), 4, STEPS), UNSEEN[:6]).score) >= 0.97


def test_an_episode_does_not_depend_on_those_beside_it(policy: EnginePolicy) -> None:
    setting = Setting(Merging("rtc", "steady"), 9, STEPS)
    both, one = play(policy, setting, UNSEEN[:2]), play(policy, setting, UNSEEN[1:2])
    assert both.score[1] == one.score[0]
    assert both.seam[1] == pytest.approx(one.seam[0], abs=1e-3)


@pytest.mark.parametrize("merging", [Merging("replace"), Merging("blend"), Merging("rtc"), Merging("prefix", "steady")])
def test_the_simulator_lays_chunks_over_ticks_as_the_timeline_does(policy: EnginePolicy, merging: Merging) -> None:
    delay, world = 3, World([7])
    player = _Player(policy, Setting(merging, delay, STEPS), [7])
    timeline = Timeline(Grid(0.0, 1.0), blend=merging.mode == "blend")
    for tick in range(24):
        if tick % delay == 0:
            player.think(world, tick)
        for first, actions in player._chunks:
            if first + delay == tick:
                chunk = decode(actions[0], old_layout=False)
                timeline.add(TimedChunk(first, first, chunk, first, first, tick))
        controls, row = player.controls(tick)[0], timeline.at(tick)
        assert (controls is None) == (row is None)
        if controls is not None and row is not None:
            assert controls[0, 0] == pytest.approx(row.state.left[0], abs=1e-6)
            assert bool(controls[0, 1]) == ("SOUTH" in row.state.buttons)
            world.step(controls)


def test_ticks_before_the_first_chunk_are_starved_and_no_others(policy: EnginePolicy) -> None:
    assert play(policy, Setting(Merging(), 9, STEPS), [3]).starved == [9 / 1200]


def test_settings_that_play_the_same_are_played_once() -> None:
    assert canonical(Setting(Merging("prefix", "steady"), 0, 4)) == canonical(
        Setting(Merging("replace", "steady"), 0, 4)
    )
    assert canonical(Setting(Merging("prefix"), 1, 4)) != canonical(Setting(Merging("replace"), 1, 4))
    assert len({canonical(Setting(way, 3, 8)) for way in modes(8)}) == len(modes(8)) == 16


def test_an_interval_narrows_with_the_root_of_the_number_of_episodes() -> None:
    assert half_width([1.0]) == float("inf")
    assert half_width([0.0, 1.0] * 50) == pytest.approx(1.96 * 0.5025 / 10, rel=1e-3)


@pytest.mark.slow
def test_the_suite_finds_every_setting_and_reports_how_far_it_is() -> None:
    shares: list[float] = []
    result = measure(None, (9,), (2,), fewest=2, report=shares.append)
    assert len(result.delays) == 16
    assert [cell.setting.steps for cell in result.by_steps] == [2]
    assert shares[-1] == 1.0
    text = dict(result.facts())
    assert "  rtc (beta 2), steady noise" in text
    assert set(result.gains()) == {9}
