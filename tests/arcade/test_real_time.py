"""The arcade running free and played in real time, against the same played in virtual time."""

import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bench.suites.loop_episodes import Setting, play
from ngrt.control.merging import default_merging
from ngrt.inference.open import open_policy
from ngrt.policy.shipped import arcade_engine
from ngrt.session.play import play as play_live
from ngrt.session.policies import from_bundle
from ngrt.session.settings import PlaySettings
from ngrt.view.live import open_view

SECONDS = 30


@pytest.mark.timing
def test_a_game_that_waits_for_nobody_is_played_as_well_as_in_virtual_time_at_the_same_delay(tmp_path: Path) -> None:
    settings = PlaySettings(arcade=True, duration=SECONDS, seed=0)
    with (tmp_path / "log").open("w") as log, open_view(Console(file=log)) as view:
        shot = play_live(from_bundle(arcade_engine(), settings), "arcade", settings, view).snapshot
    assert shot.score is not None
    assert shot.delay is not None
    found = re.fullmatch(r"(\d+) of (\d+) cleared.*", shot.score)
    assert found is not None
    live = int(found[1]) / int(found[2])
    delay = max(1, int(np.ceil(shot.delay)))
    policy = open_policy(arcade_engine(), threads=1)
    virtual = play(policy, Setting(default_merging(delay), delay, policy.spec.steps), [0, 1])
    assert live == pytest.approx(np.mean(virtual.score), abs=0.05)
