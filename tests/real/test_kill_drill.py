"""The short form of the drill with signals at random moments; CONTRIBUTING.md has the long one."""

import sys

import pytest

from tests.real.kill_drill import Tally, drill_export, drill_play

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="an X server, and signals as on POSIX"),
]


def test_signals_at_random_moments_of_play_leave_no_key_down_and_the_right_exit_code() -> None:
    tally = Tally()
    drill_play(25, 7, tally)
    assert tally.faults == []
    assert sum(tally.seen.values()) == 25


def test_signals_at_random_moments_of_an_export_leave_no_half_a_bundle() -> None:
    tally = Tally()
    drill_export(5, 7, tally)
    assert tally.faults == []
