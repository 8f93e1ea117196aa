"""Observers of a session: how they are told of what happens, and kept from slowing or ending it."""

import queue
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from ngrt.interfaces import Observer
from ngrt.messages import Frame, Tick, TimedChunk
from ngrt.resource import Resource

Kind: TypeAlias = Literal["frame", "observation", "chunk", "tick", "note", "event"]

MOST_WAITING: dict[Kind, int] = {"frame": 8, "observation": 8}
"""Most messages of a kind that wait for a queued observer: a full frame of 1920 x 1080 takes 6 MB."""

MOST_OTHERS = 4096
"""The same for each other kind: more than a minute of ticks at 60 Hz."""

CLOSING = 5.0
"""Seconds that a queued observer has for the messages that still wait when it is closed."""


class Observers(Observer):
    """All observers of a session, told one after the other in the thread where the event happens.

    An observer that raises is told nothing more, and the others are told so by `event`.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._all = tuple(observers)
        self._lock = threading.Lock()

    def frame(self, frame: Frame) -> None:
        """Pass on a full frame."""
        self._tell(lambda one: one.frame(frame))

    def observation(self, frame: Frame, dropped: int) -> None:
        """Pass on the frame that inference starts on."""
        self._tell(lambda one: one.observation(frame, dropped))

    def chunk(self, chunk: TimedChunk) -> None:
        """Pass on a finished chunk."""
        self._tell(lambda one: one.chunk(chunk))

    def tick(self, tick: Tick, missed: int) -> None:
        """Pass on a tick."""
        self._tell(lambda one: one.tick(tick, missed))

    def note(self, text: str) -> None:
        """Pass on what is wrong and being mended."""
        self._tell(lambda one: one.note(text))

    def event(self, text: str) -> None:
        """Pass on what belongs in a log."""
        self._tell(lambda one: one.event(text))

    def _tell(self, call: Callable[[Observer], None]) -> None:
        for one in self._all:  # a tuple: one that another thread removes meanwhile is told at most once more
            try:
                call(one)
            except (Exception, SystemExit) as error:  # noqa: BLE001  (whatever it is, the session goes on)
                self._remove(one, error)

    def _remove(self, observer: Observer, error: BaseException) -> None:
        with self._lock:
            if all(one is not observer for one in self._all):
                return
            self._all = tuple(one for one in self._all if one is not observer)
        reason = " ".join(str(error).split())
        name = observer.name if isinstance(observer, Queued) else type(observer).__name__
        self.event(f"observer {name} failed and is told nothing more: {type(error).__name__}{reason and ': '}{reason}")


class Queued(Observer, Resource):
    """Tells ``observer`` in a thread of its own, so that it may take its time.

    While too many messages wait, new ones are dropped, and counted in ``dropped`` by kind. If it raises, it is told
    nothing more, and the session removes it. `close` tells it what still waits, for `CLOSING` seconds at most.
    """

    def __init__(self, observer: Observer) -> None:
        self.dropped: Counter[Kind] = Counter()
        """How many messages of each kind it was not told of."""
        self._observer = observer
        self._waiting: Counter[Kind] = Counter()
        self._lock = threading.Lock()
        self._messages: queue.SimpleQueue[tuple[Kind, Callable[[], None]] | None] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="ngrt-observer", daemon=True)
        self._thread.start()

    def frame(self, frame: Frame) -> None:
        """Queue a full frame."""
        self._put("frame", lambda: self._observer.frame(frame))

    def observation(self, frame: Frame, dropped: int) -> None:
        """Queue the frame that inference starts on."""
        self._put("observation", lambda: self._observer.observation(frame, dropped))

    def chunk(self, chunk: TimedChunk) -> None:
        """Queue a finished chunk."""
        self._put("chunk", lambda: self._observer.chunk(chunk))

    def tick(self, tick: Tick, missed: int) -> None:
        """Queue a tick."""
        self._put("tick", lambda: self._observer.tick(tick, missed))

    def note(self, text: str) -> None:
        """Queue what is wrong and being mended."""
        self._put("note", lambda: self._observer.note(text))

    def event(self, text: str) -> None:
        """Queue what belongs in a log."""
        self._put("event", lambda: self._observer.event(text))

    def close(self) -> None:
        """Tell it what still waits, then end its thread. May be called twice."""
        self._messages.put(None)
        self._thread.join(CLOSING)

    @property
    def failed(self) -> bool:
        """Whether the observer raised something."""
        return self._failure is not None

    @property
    def name(self) -> str:
        """The class of the observer."""
        return type(self._observer).__name__

    def _put(self, kind: Kind, tell: Callable[[], None]) -> None:
        if self._failure is not None:
            raise self._failure
        with self._lock:
            if self._waiting[kind] >= MOST_WAITING.get(kind, MOST_OTHERS):
                self.dropped[kind] += 1
                return
            self._waiting[kind] += 1
        self._messages.put((kind, tell))

    def _serve(self) -> None:
        while (message := self._messages.get()) is not None:
            kind, tell = message
            if self._failure is None:
                try:
                    tell()
                except (Exception, SystemExit) as error:  # noqa: BLE001  (raised where the next message is put)
                    self._failure = error
            with self._lock:
                self._waiting[kind] -= 1
