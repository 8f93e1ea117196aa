"""The fake policy: deterministic, slow as told, and it reacts to what it sees."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ngrt.errors import ObservationError
from ngrt.fakes import LAP, FakeDesktop, FakeKeys, FakePad, FakePolicy, FakeSource
from ngrt.interfaces import Policy
from ngrt.policy.spec import PolicySpec
from tests.closing import closes_with_its_block, either_way


@pytest.mark.parametrize("old_layout", [False, True])
@pytest.mark.parametrize("columns", [25, 21])
def test_it_points_at_the_bar_that_the_fake_source_shows(columns: int, old_layout: bool) -> None:
    spec = PolicySpec(action_dim=columns, action_horizon=5, old_layout=old_layout)
    policy: Policy = FakePolicy(spec=spec)
    source = FakeSource()
    for picture, expected in ((0, -1.0), (LAP // 4, -0.5), (LAP * 3 // 4, 0.5)):
        chunk = policy.predict([source.picture(picture)])
        assert chunk.actions.shape == (5, columns)
        assert chunk.j_left[:, 0] == pytest.approx(np.full(5, expected), abs=0.02)
        assert not chunk.j_right.any()
        assert chunk.pad(0).buttons == (frozenset({"SOUTH"}) if expected > 0 else frozenset())


def test_it_takes_the_time_it_is_told_by_the_clock_it_is_given() -> None:
    slept: list[float] = []
    policy = FakePolicy(latency=0.12, sleep=slept.append)
    frame = FakeSource().picture(0)
    first, second = policy.predict([frame]), policy.predict([frame])
    assert slept == [0.12, 0.12]
    np.testing.assert_array_equal(first.actions, second.actions)


def test_it_fails_at_the_call_it_is_told_to() -> None:
    policy = FakePolicy(fail_at=1)
    frame = FakeSource().picture(0)
    policy.predict([frame])
    with pytest.raises(ObservationError, match="fails at chunk 1"):
        policy.predict([frame])
    policy.predict([frame])


@either_way
@pytest.mark.parametrize("fake", [FakeSource, FakePad, FakePolicy, FakeDesktop, FakeKeys])
def test_a_with_closes_a_fake_which_notes_it(
    fake: Callable[[], Any], fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = fake()
    closes_with_its_block(lambda: opened, fails, monkeypatch)
    assert opened.closed
