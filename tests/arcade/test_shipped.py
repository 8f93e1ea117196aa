"""The engine that ships with ngrt: whole, small, and good at its game."""

from pathlib import Path

import numpy as np
import pytest

from ngrt.arcade.controls import Controls, from_actions
from ngrt.arcade.expert import HORIZON
from ngrt.arcade.render import render
from ngrt.arcade.world import World
from ngrt.cli.commands import run
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.policy.bundle import read_manifest
from ngrt.policy.shipped import arcade_engine

UNSEEN = range(20_000, 20_003)
EXECUTE = 6
"""Rows of each chunk that are played before the next one is made."""


def plan(policy: EnginePolicy, world: World, noise: np.random.Generator) -> Controls:
    """Return the rows (EXECUTE, 3) that the policy means to play in a world of one episode."""
    start = noise.standard_normal((policy.spec.action_horizon, policy.spec.action_dim), np.float32)
    return from_actions(policy.predict([render(world.state)[0]], start).actions)[:EXECUTE]


@pytest.mark.parametrize("seed", UNSEEN)
def test_it_clears_nearly_everything_in_an_episode_it_has_not_seen_while_the_game_waits(seed: int) -> None:
    policy, world, noise = open_policy(arcade_engine(), threads=1), World([seed]), np.random.default_rng(seed)
    while not world.done:
        for controls in plan(policy, world, noise):
            world.step(controls[None])
    assert world.scores[0] >= 0.9


def test_it_agrees_with_its_checkpoint_and_has_the_format_of_any_other() -> None:
    manifest = read_manifest(arcade_engine())
    assert manifest.precision == "fp32"
    assert manifest.policy.action_horizon == HORIZON
    assert 0 < manifest.parity.actions < 1e-4
    assert manifest.checkpoint.parameters < 3_000_000
    assert manifest.notice == ""


def test_it_is_small_and_names_no_place_of_the_machine_it_was_made_on() -> None:
    files = list(arcade_engine().iterdir())
    assert sum(file.stat().st_size for file in files) < 12e6
    places = [bytes(Path(place)) for place in (Path.home(), Path(__file__).parents[2], Path("/tmp"))]
    for file in files:
        content = file.read_bytes()
        assert not [place for place in places if place + b"/" in content]


@pytest.mark.usefixtures("quick_engines")
def test_play_without_arguments_plays_it_and_says_what_to_do_next(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["play", "--duration", "4"]) == 0
    captured = capsys.readouterr()
    assert "cleared" in captured.out
    assert "ngrt export nvidia/NitroGen" in captured.err
    assert "--process" in captured.err
