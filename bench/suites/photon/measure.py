"""From a picture on the screen to a key in the game, without the model: what the whole pipeline takes on X11.

A window of another process flips between black and white. The real pipeline watches the screen, a policy that takes no
time answers by the brightness, and the keyboard pad presses a key, which the window waits for.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from statistics import fmean

from bench.schema.distribution import Distribution
from bench.suites.photon import xvfb
from bench.suites.photon.flips import Flip
from bench.suites.photon.session import Answer, answer
from bench.suites.photon.window_process import flashing
from bench.suites.suite import Effort, Inputs, LackingError, Ready, Report
from ngrt.errors import PadError
from ngrt.interfaces import FrameSource
from ngrt.pads.keyboard import KeyboardPad
from ngrt.sources.open import open_screen

RATES = (60, 120, 240)
FLIPS = 700
SIZE = (1280, 720)
FRAME = 1 / 60
STAGES = ("wait_for_grab", "grab", "shrink", "infer", "wait_for_tick", "send", "deliver")

Opened = Callable[[str, float], FrameSource]
"""From a display and the pictures a second that are wanted to what watches it."""


def _opened(display: str, rate: float) -> FrameSource:
    return open_screen(display, None, rate, "auto")


@dataclass(frozen=True, slots=True)
class Settings:
    """``rates`` in ticks a second, ``flips`` at each of them."""

    rates: tuple[int, ...] = RATES
    flips: int = FLIPS


@dataclass(frozen=True, slots=True)
class Photon:
    """At ``rate`` ticks a second: seconds from shown to received of each flip, and what they are made of.

    ``wait_for_grab``: until the grab that sees it begins; ``grab``; ``shrink``: to 256 x 256, and handing it over;
    ``infer``: of a policy that needs no time, so threads only; ``wait_for_tick``; ``send``: the pad's work;
    ``deliver``: the server's and the other process's. Each stage ends where the next begins. ``grab_every``: seconds
    between two grabs. ``unanswered``: flips that no key came for.
    """

    rate: int
    shown_to_received: Distribution
    wait_for_grab: Distribution
    grab: Distribution
    shrink: Distribution
    infer: Distribution
    wait_for_tick: Distribution
    send: Distribution
    deliver: Distribution
    grab_every: float
    unanswered: int

    @property
    def sum_of_stages(self) -> float:
        """Seconds of the stages' means together."""
        return math.fsum(fmean(getattr(self, stage).samples) for stage in STAGES)

    @property
    def within_a_frame(self) -> float:
        """The share of flips that took less than a frame at 60 Hz."""
        return fmean(taken < FRAME for taken in self.shown_to_received.samples)


@dataclass(frozen=True, slots=True)
class PhotonResult:
    """From shown to received on a screen of ``size`` (width, height), at each rate."""

    size: tuple[int, int]
    rates: list[Photon]

    def facts(self) -> list[tuple[str, str]]:
        """Return the result in lines for people."""
        lines = [("", f"{self.size[0]} x {self.size[1]}; the window's flip to its key, a frame at 60 Hz is 16.7 ms")]
        for at in self.rates:
            mean = fmean(at.shown_to_received.samples)
            lines += [
                (f"{at.rate} Hz", at.shown_to_received.line("ms")),
                ("", f"{at.within_a_frame:.1%} within a frame; {at.unanswered} not answered"),
                ("", f"mean {mean * 1e3:.2f} ms, the stages' together {at.sum_of_stages * 1e3:.2f} ms:"),
                *((f"  {stage.replace('_', ' ')}", getattr(at, stage).line("ms")) for stage in STAGES),
            ]
        return lines


def prepare(inputs: Inputs, effort: Effort) -> Ready:
    """Return what measures.

    :raises LackingError: there is no X11 here, or no server that can be started
    """
    if find_spec("Xlib") is None:  # installed on Linux only
        raise LackingError("needs X11, which ngrt has on Linux")
    if inputs.display is None and not xvfb.installed():
        raise LackingError("needs Xvfb (apt-get install xvfb), or --display")
    own = effort.of(Settings)
    return Ready(lambda report: measure(inputs.display, own.rates, own.flips, report), own)


def measure(
    display: str | None = None,
    rates: Sequence[int] = RATES,
    count: int = FLIPS,
    report: Report = lambda share: None,
) -> PhotonResult:
    """Return what ``count`` flips take at each of ``rates``, on ``display``, or on a server started for it if None.

    :raises ngrt.errors.NgrtError: the display cannot be watched or pressed keys on, or nothing answers
    """
    if display is None:
        with xvfb.x_server(SIZE) as started:
            return measure(started, rates, count, report)
    found = []
    for number, rate in enumerate(rates):
        report(number / len(rates))
        found.append(at_rate(display, rate, count))
    return PhotonResult(_size(display), found)


def at_rate(display: str, rate: int, count: int = FLIPS, opened: Opened = _opened) -> Photon:
    """Return what ``count`` flips take at ``rate`` ticks a second. ``opened``: what watches the screen.

    :raises ngrt.errors.NgrtError: the display cannot be watched, or nothing answers
    """
    with flashing(display, count) as window:
        with closing(opened(display, float(rate))) as source, KeyboardPad(None, display) as pad:
            every = min(source.interval, 1 / rate)
            window.begin()
            answers = answer(source, pad, rate, lambda: window.ended)
        flips = window.flips()
    return taken(rate, every, flips, answers)


def taken(rate: int, grab_every: float, flips: Sequence[Flip], answers: Sequence[Answer]) -> Photon:
    """Return how long ``answers`` took to each of ``flips``.

    :raises PadError: hardly any flip was answered
    """
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    whole: list[float] = []
    before = -math.inf
    for flip in flips:
        if flip.answered is None:
            continue
        given = [one for one in answers if one.white == flip.white and before < one.ticked <= flip.answered]
        before = flip.answered
        if not given:
            continue
        first = given[0]
        times = (flip.shown, first.captured, first.grabbed, first.started, first.decided, first.ticked, first.sent)
        for stage, (start, end) in zip(STAGES, pairwise((*times, flip.answered)), strict=True):
            stages[stage].append(end - start)
        whole.append(flip.answered - flip.shown)
    if len(whole) < len(flips) / 2 or not whole:
        raise PadError(
            f"{len(whole)} of {len(flips)} flips were answered",
            remedy="the window must keep the focus: leave the display alone",
        )
    spread = {stage: Distribution.of(samples) for stage, samples in stages.items()}
    return Photon(rate, Distribution.of(whole), **spread, grab_every=grab_every, unanswered=len(flips) - len(whole))


def _size(display: str) -> tuple[int, int]:
    with closing(_opened(display, 1 / FRAME)) as source:
        image = source.grab(0.0)
    return (0, 0) if image is None else (image.shape[1], image.shape[0])
