"""An open engine, the runs of its graphs counted and timed, and what must be counted in a chunk."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

from bench.subjects.subjects import AnySubject, Subject
from ngrt.errors import EngineError
from ngrt.inference.engine import Feed, HostEngine
from ngrt.inference.open import open_policy
from ngrt.messages import Array, Image
from ngrt.policy.bundle import Backend, GraphName, Manifest, Precision
from ngrt.resource import Resource

GRAPHS: tuple[GraphName, ...] = ("schedule", "observe", "denoise")


@runtime_checkable
class Launching(Protocol):
    """An engine that counts for itself, since its graphs do not run one at a time in this process.

    ``launches``: a dataclass of whole numbers since it was opened. In each chunk ``observe_graphs`` and
    ``denoise_graphs`` must grow by 1, ``steps`` by N, and ``enqueued``, what ran outside a captured graph, not at all.
    """

    @property
    def launches(self) -> Any:
        """What ran so far."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What tells an engine from others, without the folder it lies in."""

    name: str
    precision: Precision
    backend: Backend


class Instrumented(Resource):
    """A bundle's policy, the runs of its graphs counted and, where they run in this process, timed.

    :raises ngrt.errors.NgrtError: the bundle cannot be loaded
    """

    def __init__(self, engine: AnySubject, threads: int) -> None:
        subject = Subject.of(engine)
        self.folder = subject.folder
        self.policy = open_policy(subject.folder, backend=subject.backend, threads=threads)
        self.times: dict[GraphName, list[float]] = {name: [] for name in GRAPHS}
        runs: object = self.policy.engine
        if isinstance(runs, HostEngine):
            self._time(runs)
        elif not isinstance(runs, Launching):
            self.policy.close()
            raise EngineError(
                f"{self.policy.engine.name} does not count its runs", remedy="nothing it takes could be believed"
            )
        self._before = self._total()

    @property
    def manifest(self) -> Manifest:
        """The bundle's."""
        return self.policy.manifest

    @property
    def facts(self) -> EngineFacts:
        """What it is."""
        return EngineFacts(self.manifest.name, self.manifest.precision, self.policy.engine.backend)

    @property
    def on_gpu(self) -> bool:
        """Whether its graphs run on an NVIDIA GPU."""
        return self.facts.backend in {"cuda", "tensorrt"}

    @property
    def calls(self) -> dict[str, int]:
        """How often each graph ran since the last reset."""
        return {name: count - self._before.get(name, 0) for name, count in self._total().items()}

    def close(self) -> None:
        """Close the policy."""
        self.policy.close()

    def reset(self) -> None:
        """Forget every run so far."""
        for times in self.times.values():
            times.clear()
        self._before = self._total()

    def _total(self) -> dict[str, int]:
        engine: object = self.policy.engine
        if isinstance(engine, Launching):
            return asdict(engine.launches)
        return {name: len(times) for name, times in self.times.items()}

    def predict(self, frames: Sequence[Image], noise: Array, steps: int) -> Array:
        """Return the actions (H, A) that the engine predicts."""
        return self.policy.predict(frames, noise, steps).actions

    def calls_a_chunk(self, chunks: int, steps: int) -> dict[str, float]:
        """Return how often each graph ran in each of ``chunks`` chunks of ``steps`` steps since the last reset.

        :raises ngrt.errors.EngineError: not as often as it must
        """
        captured = {"observe_graphs": 1, "denoise_graphs": 1, "steps": steps, "enqueued": 0}
        apart = {"schedule": 0, "observe": 1, "denoise": steps}
        expected = captured if isinstance(self.policy.engine, Launching) else apart
        return checked_calls(self.policy.engine.name, self.calls, chunks, expected)

    def _time(self, engine: HostEngine) -> None:
        run = engine.run

        def timed(graph: GraphName, feed: Feed) -> dict[str, Any]:
            start = time.perf_counter()
            outputs: dict[str, Any] = run(graph, feed)
            self.times[graph].append(time.perf_counter() - start)
            return outputs

        setattr(engine, "run", timed)  # noqa: B010  (mypy refuses to assign to a method)


def title_of(name: str, precision: str, backend: str) -> str:
    """Return all that tells an engine from others, for people."""
    return f"{precision if name in {precision, ''} else f'{name}, {precision}'}, {backend}"


def checked_calls(who: str, calls: Mapping[str, int], chunks: int, expected: Mapping[str, int]) -> dict[str, float]:
    """Return calls in each of ``chunks`` chunks.

    :raises ngrt.errors.EngineError: a part of ``expected`` ran more or less often: what was timed was something else
    """
    for part, count in expected.items():
        if calls.get(part, 0) != chunks * count:
            raise EngineError(
                f"{who} ran {part} {calls.get(part, 0)} times in {chunks} chunks",
                value=chunks,
                limit=f"it must be {chunks * count}",
                remedy="no time of this run means anything",
            )
    return {part: count / chunks for part, count in calls.items()}
