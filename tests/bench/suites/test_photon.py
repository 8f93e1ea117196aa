"""From a picture on the screen to a key: that it is measured right. How long it takes is the benchmark's to say."""

import shutil
import sys
from dataclasses import replace

import pytest

import bench.suites.photon.measure as photon
from bench.suites.photon import window_process as window
from bench.suites.photon.flips import Flip
from bench.suites.photon.measure import STAGES, at_rate, measure, prepare, taken
from bench.suites.photon.session import Answer
from bench.suites.photon.xvfb import x_server
from bench.suites.suite import Effort, Inputs, LackingError
from ngrt.errors import PadError, SourceError
from ngrt.resource import Resource

XVFB = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="not installed; apt-get install xvfb")

WHITE = Answer(True, captured=1.004, grabbed=1.005, started=1.007, decided=1.008, ticked=1.016, sent=1.017)
BLACK = Answer(False, captured=2.001, grabbed=2.002, started=2.004, decided=2.005, ticked=2.010, sent=2.011)
FLIPS = [Flip(True, 1.0, 1.018), Flip(False, 2.0, 2.012)]


def test_the_stages_of_a_flip_follow_each_other_without_a_gap_or_an_overlap() -> None:
    result = taken(60, 0.004, FLIPS, [WHITE, BLACK])
    assert result.shown_to_received.samples == pytest.approx((0.018, 0.012))
    of_white = [getattr(result, stage).samples[0] for stage in STAGES]
    assert of_white == pytest.approx([0.004, 0.001, 0.002, 0.001, 0.008, 0.001, 0.001])
    assert result.sum_of_stages == pytest.approx(0.015), "the mean of both"
    assert result.within_a_frame == 0.5
    assert result.unanswered == 0


def test_the_first_answer_of_the_right_colour_since_the_flip_before_is_taken() -> None:
    before = replace(WHITE, ticked=0.5, sent=0.51)
    other = replace(BLACK, ticked=1.010, sent=1.011)
    later = replace(WHITE, ticked=1.0175, sent=1.0176)
    result = taken(
        60, 0.004, [Flip(False, 0.6, 0.9), *FLIPS], [before, replace(BLACK, ticked=0.8), other, WHITE, later, BLACK]
    )
    assert result.wait_for_tick.samples[1] == pytest.approx(0.008)


def test_flips_without_an_answer_are_counted_and_told_of_where_they_are_most() -> None:
    lost = Flip(True, 3.0, None)
    assert taken(60, 0.004, [*FLIPS, lost], [WHITE, BLACK]).unanswered == 1
    with pytest.raises(PadError, match="2 of 5 flips were answered; the window must keep the focus"):
        taken(60, 0.004, [*FLIPS, lost, lost, lost], [WHITE, BLACK])
    with pytest.raises(PadError, match="0 of 0"):
        taken(60, 0.004, [], [])


@XVFB
@pytest.mark.timing
def test_every_flip_of_a_real_window_is_answered_through_the_whole_pipeline() -> None:
    result = measure(None, (120,), 12)
    assert result.size == photon.SIZE
    (found,) = result.rates
    assert found.unanswered == 0
    samples = found.shown_to_received.samples
    assert len(samples) == 12
    assert all(0 < taken < 1 for taken in samples)
    sums = [sum(getattr(found, stage).samples[flip] for stage in STAGES) for flip in range(12)]
    assert sums == pytest.approx(samples, abs=1e-9)
    assert len(set(samples)) == 12, "random moments"
    facts = dict(result.facts())
    assert "12 samples" in facts["120 Hz"]
    assert {stage.replace("_", " ") for stage in STAGES} <= {name.strip() for name in facts}


@XVFB
def test_a_window_that_is_not_answered_ends_by_itself_and_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photon, "KeyboardPad", lambda keys, display: Deaf())
    with x_server((320, 240)) as display, pytest.raises(PadError, match="flips were answered"):
        at_rate(display, 60, 3)


class Deaf(Resource):
    name = "deaf"

    def send(self, state: object) -> None:
        """Press nothing."""

    def close(self) -> None:
        """Nothing to close."""


def test_a_display_that_is_not_there_is_an_error_in_a_line_with_its_remedy() -> None:
    pytest.importorskip("Xlib")
    with (
        pytest.raises(PadError, match=r"not shown; is display :4321 there\? See: ngrt doctor"),
        window.flashing(":4321", 1),
    ):
        pass


def test_a_window_that_is_closed_meanwhile_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    with pytest.raises(PadError, match="not shown"), window.flashing(":0", 1):
        pass


def test_without_a_server_or_a_display_it_is_refused_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.suites.photon.xvfb.installed", lambda: False)
    with pytest.raises(LackingError, match="apt-get install xvfb"):
        prepare(Inputs((), None), Effort())
    assert callable(prepare(Inputs((), None, ":0"), Effort()).measure)


def test_a_server_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.suites.photon.xvfb.PROGRAM", "false")
    with pytest.raises(SourceError, match="does not start"), x_server((320, 240)):
        pass
