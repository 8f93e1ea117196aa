"""A session of the real pipeline that answers how bright the screen is, with a note of when everything was done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import anyio
import numpy as np

from ngrt.clock import MonotonicClock
from ngrt.control.context import Context
from ngrt.control.merging import Merging
from ngrt.interfaces import EndOfSource, FrameSource, Observer, Pad
from ngrt.messages import STILL, Chunk, Guide, Image, PadState, TimedChunk
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.infer import MeasuredPolicy
from ngrt.pipeline.run import Session, run
from ngrt.pipeline.workers import ThreadWorker
from ngrt.policy.actions import BUTTON_NAMES, decode
from ngrt.policy.preprocess import CAPTURE_SIDE, observation
from ngrt.resource import Resource

COLUMNS, ROWS = 25, 18
WHITE, BLACK = "SOUTH", "EAST"
"""Buttons that answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A change of the pad, and the chunk that first called for it: when each part of the way was over.

    ``captured`` and ``grabbed``: the grab began and ended; ``started`` and ``decided``: inference did; ``ticked`` and
    ``sent``: the pad was called and returned.
    """

    white: bool
    captured: float
    grabbed: float
    started: float
    decided: float
    ticked: float
    sent: float


def answer(screen: FrameSource, pad: Pad, rate: int, ended: Callable[[], bool]) -> list[Answer]:
    """Play at ``rate`` until ``ended``; return every answer.

    :raises ngrt.errors.NgrtError: the screen or the pad failed
    """
    clock, decisions = MonotonicClock(), _Decisions()
    source, driven = _Source(screen, ended), _Pad(pad)
    answers = {white: _chunk(WHITE if white else BLACK) for white in (True, False)}

    def predict(frames: Sequence[Image], guide: Guide | None) -> Chunk:
        return answers[bool(observation(frames[-1:], CAPTURE_SIDE).mean() > 127)]

    session = Session(
        source,
        MeasuredPolicy(predict, 1, 0.0),
        Context(1, 1.0),
        driven,
        Control(float(rate)),
        Merging(),
        clock,
        lambda name: ThreadWorker(name, clock),
        observers=[decisions],
    )
    anyio.run(run, session)
    return _joined(decisions.decided, driven.sent, source.grabbed)


def _joined(
    decided: Sequence[tuple[bool, TimedChunk]], sent: Sequence["_Sent"], grabbed: dict[float, float]
) -> list[Answer]:
    """Return each change of the pad with the last decision before it."""
    answers, place = [], 0
    for change in sent:
        while place + 1 < len(decided) and decided[place + 1][1].finished <= change.began:
            place += 1
        if place < len(decided) and decided[place][0] == change.white:
            chunk = decided[place][1]
            answers.append(
                Answer(
                    change.white,
                    chunk.captured,
                    grabbed[chunk.captured],
                    chunk.started,
                    chunk.finished,
                    change.began,
                    change.done,
                )
            )
    return answers


def _chunk(button: str) -> Chunk:
    """Return a chunk that presses one button all the time, sticks in the middle."""
    row = np.array([name == button for name in BUTTON_NAMES[COLUMNS]] + [0.5] * 4, np.float32)
    return decode(np.repeat(row[None], ROWS, axis=0), old_layout=False)


@dataclass
class _Source(Resource):
    """A screen whose grabs are timed, at an end when the window is."""

    screen: FrameSource
    ended: Callable[[], bool]
    grabbed: dict[float, float] = field(default_factory=dict)
    """When each grab was over, by when it began."""

    @property
    def name(self) -> str:
        return self.screen.name

    @property
    def interval(self) -> float:
        return self.screen.interval

    @property
    def age(self) -> float:
        return self.screen.age

    def grab(self, now: float) -> Image | None:
        if self.ended():
            raise EndOfSource
        image = self.screen.grab(now)
        self.grabbed[now] = MonotonicClock().now()
        return image

    def close(self) -> None:
        self.screen.close()


@dataclass(frozen=True, slots=True)
class _Sent:
    white: bool
    began: float
    done: float


@dataclass
class _Pad(Resource):
    """A pad whose changes are timed."""

    pad: Pad
    sent: list["_Sent"] = field(default_factory=list)
    rumble = STILL
    _last: PadState | None = None

    @property
    def name(self) -> str:
        return self.pad.name

    def send(self, state: PadState) -> None:
        start = MonotonicClock().now()
        self.pad.send(state)
        if state != self._last and state.buttons:
            self.sent.append(_Sent(WHITE in state.buttons, start, MonotonicClock().now()))
        self._last = state

    def close(self) -> None:
        self.pad.close()


class _Decisions(Observer):
    """Keeps the first chunk of every answer."""

    def __init__(self) -> None:
        self.decided: list[tuple[bool, TimedChunk]] = []

    def chunk(self, chunk: TimedChunk) -> None:
        white = WHITE in chunk.chunk.pad(0).buttons
        if not self.decided or self.decided[-1][0] != white:
            self.decided.append((white, chunk))
