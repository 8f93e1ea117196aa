"""Who is told of all that happens in a session, and how they are kept from slowing or ending it."""

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
"""Messages of a kind that wait for a queued observer: a full frame of 1920 x 1080 takes 6 MB."""

MOST_OTHERS = 4096
"""The same, of each other kind: a minute of ticks at 60 Hz and more."""

CLOSING = 5.0
"""Seconds that a queued observer has for what is still waiting, once it is closed."""


class Observers(Observer):
    """All observers of a session, told one after the other in the thread where something happens.

    One that raises is let go of: the others are told so by `event`, and it is told nothing more.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._all = tuple(observers)
        self._lock = threading.Lock()

    def frame(self, frame: Frame) -> None:
        """Pass on a full frame."""
        self._tell(lambda one: one.frame(frame))

    def observation(self, frame: Frame, dropped: int) -> None:
        """Pass on what inference starts on."""
        self._tell(lambda one: one.observation(frame, dropped))

    def chunk(self, chunk: TimedChunk) -> None:
        """Pass on a finished chunk."""
        self._tell(lambda one: one.chunk(chunk))

    def tick(self, tick: Tick, missed: int) -> None:
        """Pass on a tick."""
        self._tell(lambda one: one.tick(tick, missed))

    def note(self, text: str) -> None:
        """Pass on what goes wrong and is being dealt with."""
        self._tell(lambda one: one.note(text))

    def event(self, text: str) -> None:
        """Pass on what a log should have."""
        self._tell(lambda one: one.event(text))

    def _tell(self, call: Callable[[Observer], None]) -> None:
        for one in self._all:  # a tuple: what is let go of meanwhile in another thread is told at most once more
            try:
                call(one)
            except (Exception, SystemExit) as error:  # noqa: BLE001  (whatever it is, the session goes on)
                self._let_go(one, error)

    def _let_go(self, observer: Observer, error: BaseException) -> None:
        with self._lock:
            if all(one is not observer for one in self._all):
                return
            self._all = tuple(one for one in self._all if one is not observer)
        said = " ".join(str(error).split())
        name = observer.name if isinstance(observer, Queued) else type(observer).__name__
        self.event(f"observer {name} failed and is told nothing more: {type(error).__name__}{said and ': '}{said}")


class Queued(Observer, Resource):
    """Tells ``observer`` in a thread of its own, so that it may take its time.

    What happens while too much waits already is dropped, and counted in ``dropped`` by kind. If it raises, nothing more
    is told to it, and the session lets go of it. `close` tells it what still waits, for `CLOSING` seconds at most.
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
        """Queue what inference starts on."""
        self._put("observation", lambda: self._observer.observation(frame, dropped))

    def chunk(self, chunk: TimedChunk) -> None:
        """Queue a finished chunk."""
        self._put("chunk", lambda: self._observer.chunk(chunk))

    def tick(self, tick: Tick, missed: int) -> None:
        """Queue a tick."""
        self._put("tick", lambda: self._observer.tick(tick, missed))

    def note(self, text: str) -> None:
        """Queue what goes wrong and is being dealt with."""
        self._put("note", lambda: self._observer.note(text))

    def event(self, text: str) -> None:
        """Queue what a log should have."""
        self._put("event", lambda: self._observer.event(text))

    def close(self) -> None:
        """Tell it what still waits; end its thread. May be called twice."""
        self._messages.put(None)
        self._thread.join(CLOSING)

    @property
    def failed(self) -> bool:
        """Whether the observer raised something."""
        return self._failure is not None

    @property
    def name(self) -> str:
        """What kind of observer it is."""
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
