"""What all engines on a device share: observations that stay there, captured graphs that are kept, and their count."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ngrt.errors import EngineError
from ngrt.messages import Array
from ngrt.resource import Resource

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class Launches:
    """What an engine has run since it was opened; a benchmark asserts that what it timed was captured.

    ``observe_graphs``: observations whose captured graph was launched; ``denoise_graphs``: chunks of which every step
    was; ``steps``: those of all such chunks; ``enqueued``: executions that were no replay: to capture a graph, before
    that, or where none is captured; ``waits``: of the host for the device.
    """

    observe_graphs: int = 0
    denoise_graphs: int = 0
    steps: int = 0
    enqueued: int = 0
    waits: int = 0


class HoldsContext(Protocol):
    """An engine that keeps its newest observation on the device."""

    def context_of(self, encoded: "DeviceEncoded") -> Array:
        """Return the mixer's output (B, L, Dv), copied from the device."""


class DeviceEncoded:
    """An observation on the device, B branches, until the next one replaces it. ``number``: which of the engine's."""

    def __init__(self, engine: HoldsContext, number: int, branches: int) -> None:
        self._engine, self.number, self.branches = engine, number, branches

    @property
    def context(self) -> Array:
        """The mixer's output (B, L, Dv), copied from the device.

        :raises EngineError: another observation has replaced it
        """
        return self._engine.context_of(self)

    def check_newest(self, newest: int) -> None:
        """Refuse to be used once ``newest`` is another observation's number.

        :raises EngineError: another observation has replaced it
        """
        if self.number != newest:
            raise EngineError("another observation has replaced this one on the device", remedy="observe again")


class Kept(Resource, Generic[K, V]):
    """An LRU cache of at most ``most`` things on a device, by what they were made for.

    ``free`` frees one; ``settle`` is called before one is freed to make room, for it may still be running.
    """

    def __init__(
        self, most: int, free: Callable[[V], None] = lambda thing: None, settle: Callable[[], None] = lambda: None
    ) -> None:
        self._most, self._free, self._settle = most, free, settle
        self._things: dict[K, V] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the thing for ``key``, made if there is none; the one not used for longest makes room."""
        if key not in self._things:
            if len(self._things) >= self._most:
                self._settle()
                self._free(self._things.pop(next(iter(self._things))))
            self._things[key] = make()
        self._things[key] = self._things.pop(key)
        return self._things[key]

    def __len__(self) -> int:
        return len(self._things)

    def close(self) -> None:
        """Free all of them, the newest first. May be called twice."""
        while self._things:
            self._free(self._things.popitem()[1])
