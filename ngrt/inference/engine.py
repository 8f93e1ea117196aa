"""The seam between a policy and what runs its graphs.

An engine keeps what the graphs hand to each other in memory of its own, a device's where it has one: pictures go in,
actions come out, nothing else crosses. `ngrt.policy.bundle` says what the graphs take and give.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ngrt.errors import EngineError
from ngrt.messages import Array
from ngrt.policy.bundle import Backend, GraphName
from ngrt.resource import Resource

Shapes = Mapping[str, Sequence[int | str]]
"""Tensors of a graph by name; a dimension is a size, or anything else where it may vary."""


class Encoded(Protocol):
    """What an engine's observe graph made of the frames: all that the denoise steps of a chunk share."""

    @property
    def branches(self) -> int:
        """How many rows it has (B)."""

    @property
    def context(self) -> Array:
        """The mixer's output (B, L, Dv), copied from wherever it is."""


S = TypeVar("S", bound=Encoded)


@dataclass(frozen=True, slots=True)
class Observation:
    """Frames that are encoded at once: ``pictures`` (B, F, S, S, 3) uint8; ``game`` (B,) int64 where one is known."""

    pictures: npt.NDArray[np.uint8]
    game: npt.NDArray[np.int64] | None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How noise becomes actions in N steps, for B branches: the denoise graph's inputs but for x.

    ``modulations`` (N, M), the same object for the same N; ``mix`` (B, B); ``prior`` (B, H, A); ``weights`` (B, H, 1);
    ``strengths`` (N,) the guidance of each step.
    """

    modulations: Array
    mix: Array
    prior: Array
    weights: Array
    strengths: Array

    @property
    def steps(self) -> int:
        """N."""
        return len(self.strengths)

    def remaining(self, step: int) -> float:
        """Return 1 - tau at ``step``."""
        return 1 - step / self.steps


def closed() -> EngineError:
    """Return what everything raises that is used after it was closed."""
    return EngineError("this engine was closed", remedy="open the bundle again")


class Engine(Resource, Protocol[S]):
    """Runs a bundle's graphs on one kind of device. Called from one thread at a time; the policy sees to that.

    Its methods raise `ngrt.errors.EngineError` where the device fails, and where it was closed.
    """

    @property
    def name(self) -> str:
        """What runs the graphs, in a few words for people: ``ONNX Runtime, CPU``."""

    @property
    def backend(self) -> Backend:
        """The backend that a person asks for to have the graphs run by it."""

    @property
    def place(self) -> str:
        """What decides how it computes: the library with its version, and the processor or GPU."""

    def signature(self, graph: GraphName) -> tuple[Shapes, Shapes]:
        """Return what ``graph`` takes and gives, as it was loaded."""

    def schedule(self, timesteps: Array) -> Array:
        """Return the modulations (N, M) at ``timesteps`` (N,)."""

    def observe(self, observations: Sequence[Observation]) -> S:
        """Return the observations encoded, their rows one after the other.

        On a device it is there until the next observation; what is used later than that raises EngineError.
        """

    def denoise(self, encoded: S, noise: Array, plan: Plan) -> Array:
        """Return the actions (B, H, A) that ``plan`` makes of ``noise`` (B, H, A)."""

    def close(self) -> None:
        """Free the device. May be called twice."""


@dataclass(frozen=True, slots=True, eq=False)
class HostEncoded:
    """In this process's memory: ``keys_values`` by input name of the denoise graph."""

    context: Array
    keys_values: Mapping[str, npt.NDArray[np.generic]]

    @property
    def branches(self) -> int:
        """B."""
        return len(self.context)


Feed = Mapping[str, npt.NDArray[np.generic]]


class HostEngine(Resource):
    """An engine whose graphs run one at a time on arrays in this process's memory."""

    @abstractmethod
    def run(self, graph: GraphName, feed: Feed) -> dict[str, Any]:
        """Return the outputs of ``graph`` by name.

        :raises EngineError: it failed
        """

    def schedule(self, timesteps: Array) -> Array:
        """Return the modulations (N, M) at ``timesteps`` (N,)."""
        return np.asarray(self.run("schedule", {"timesteps": timesteps})["modulations"], np.float32)

    def observe(self, observations: Sequence[Observation]) -> HostEncoded:
        """Return the observations encoded, their rows one after the other."""
        found = [self._observe_one(observation) for observation in observations]
        if len(found) == 1:
            return found[0]
        first, *_ = found
        keys_values = {
            name: np.concatenate([encoded.keys_values[name] for encoded in found]) for name in first.keys_values
        }
        return HostEncoded(np.concatenate([encoded.context for encoded in found]), keys_values)

    def denoise(self, encoded: HostEncoded, noise: Array, plan: Plan) -> Array:
        """Return the actions (B, H, A) that ``plan`` makes of ``noise`` (B, H, A)."""
        fixed = {
            "dt": np.array(1 / plan.steps, np.float32),
            "mix": plan.mix,
            "prior": plan.prior,
            "weights": plan.weights,
            **encoded.keys_values,
        }
        x = noise
        for step, modulation in enumerate(plan.modulations):
            x = self.run(
                "denoise",
                fixed
                | {
                    "x": x,
                    "modulation": modulation,
                    "remaining": np.array(plan.remaining(step), np.float32),
                    "guidance": np.array(plan.strengths[step], np.float32),
                },
            )["next_x"]
        return np.asarray(x, np.float32)

    def _observe_one(self, observation: Observation) -> HostEncoded:
        feed: dict[str, npt.NDArray[np.generic]] = {"frames": observation.pictures}
        if observation.game is not None:
            feed["game"] = observation.game
        outputs = self.run("observe", feed)
        return HostEncoded(outputs.pop("context"), outputs)
