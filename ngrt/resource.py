"""What is open until it is closed: everything in ngrt that has ``close()`` works in a ``with``."""

from abc import abstractmethod
from types import TracebackType
from typing import Protocol, Self, runtime_checkable


@runtime_checkable
class Resource(Protocol):
    """Closed at the end of its ``with`` block, however that ends.

    Derive from it and write ``close()``. A protocol, so that a role can ask for it as well.
    """

    @abstractmethod
    def close(self) -> None:
        """Let go of what is held. May be called twice."""

    def __enter__(self) -> Self:
        """Return this; it is open from its construction on."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; what the block raised goes on."""
        self.close()
