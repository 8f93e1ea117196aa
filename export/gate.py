"""The gate on every lossy engine: what its pad does, against the fp32 graphs, on the same frames and noise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from export.calibration import Calibration
from ngrt.inference.engine import HostEncoded, HostEngine
from ngrt.inference.policy import Conditioning, EnginePolicy
from ngrt.messages import Array
from ngrt.policy.actions import decode
from ngrt.policy.bundle import Gate, GraphName

BUTTONS_LEAST = 0.99
"""Share of all buttons of all rows that must be as they were."""

STICK_LIMIT = 0.02
"""Mean absolute error of a stick's axis, which runs from -1 to 1."""

SEED = 20_260_102
REPEATS = 2
"""Chunks that the reference makes twice."""

Blame = Callable[[GraphName], str]
"""Names the worst layer of a graph."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near chunks are to those they stand for: share of buttons, mean absolute error of the sticks."""

    buttons: float
    sticks: float

    @property
    def passes(self) -> bool:
        """Whether a pad would hardly tell; what is not a number does not pass."""
        return self.buttons >= BUTTONS_LEAST and self.sticks <= STICK_LIMIT

    def __str__(self) -> str:
        return f"{self.buttons:.2%} of buttons agree, sticks are off by {self.sticks:.4f}"


def gate(
    reference: EnginePolicy,
    candidate: EnginePolicy,
    calibration: Calibration,
    blame: Blame,
    report: Callable[[float], None] = lambda _: None,
) -> Gate:
    """Return how ``candidate`` fares against ``reference``, the fp32 graphs of the same checkpoint.

    ``blame`` is asked only if it fails; ``report`` is told the share that is done.
    """
    noises = _noises(reference, len(calibration.observations))
    wanted, found = list[Array](), list[Array]()
    repeat = 0.0
    for number, (frames, noise) in enumerate(zip(calibration.observations, noises, strict=True)):
        report(number / len(noises))
        wanted.append(_chunk(reference, reference.observe(frames), noise))
        found.append(_chunk(candidate, candidate.observe(frames), noise))
        if number < REPEATS:
            again = _chunk(reference, reference.observe(frames), noise)
            repeat = max(repeat, float(np.abs(again - wanted[-1]).max()))
    agreement = agree(wanted, found, repeat, old_layout=reference.spec.old_layout)
    failure = ""
    if not agreement.passes:
        failure = f"{agreement}; worst is {_worst(reference, candidate, calibration, noises, wanted, blame)}"
    return Gate(
        buttons_agree=agreement.buttons,
        buttons_least=BUTTONS_LEAST,
        stick_error=agreement.sticks,
        stick_limit=STICK_LIMIT,
        repeat_error=repeat,
        chunks=len(noises),
        steps=reference.spec.steps,
        frames=calibration.source,
        failure=failure,
    )


def agree(wanted: Sequence[Array], found: Sequence[Array], repeat: float, *, old_layout: bool) -> Agreement:
    """Return how near the actions ``found`` are to those ``wanted``, as a pad takes them.

    A button that the reference itself might press or not, being within ``repeat`` of its threshold, counts as agreeing.
    """
    sticks, buttons = list[float](), list[float]()
    for one, other in zip(wanted, found, strict=True):
        expected, actual = decode(one, old_layout=old_layout), decode(other, old_layout=old_layout)
        for axis in ("j_left", "j_right"):
            sticks.append(float(np.abs(getattr(expected, axis) - getattr(actual, axis)).mean()))
        columns = one[:, 4:] if old_layout else one[:, :-4]
        same = (expected.buttons == actual.buttons) | (np.abs(columns - 0.5) <= repeat)
        buttons.append(float(same.mean()))
    return Agreement(float(np.mean(buttons)), float(np.mean(sticks)))


def _worst(
    reference: EnginePolicy,
    candidate: EnginePolicy,
    calibration: Calibration,
    noises: Sequence[Array],
    wanted: Sequence[Array],
    blame: Blame,
) -> str:
    """Return the graph that does more harm by itself, and its worst layer."""
    harm: dict[GraphName, Agreement] = {}
    sides: tuple[tuple[GraphName, EnginePolicy, EnginePolicy], ...] = (
        ("observe", candidate, reference),
        ("denoise", reference, candidate),
    )
    for graph, observer, denoiser in sides:
        found = []
        for frames, noise in zip(calibration.observations[:REPEATS], noises, strict=False):
            found.append(_chunk(denoiser, _handed(observer.observe(frames), denoiser), noise))
        harm[graph] = agree(wanted[:REPEATS], found, 0, old_layout=reference.spec.old_layout)
    worst = max(harm, key=lambda graph: (np.nan_to_num(harm[graph].sticks, nan=np.inf), -harm[graph].buttons))
    return f"{worst} (alone in the fp32 graphs: {harm[worst]}), layer {blame(worst)}"


def _handed(observation: Conditioning, to: EnginePolicy) -> Conditioning:
    """Return what one engine saw for another's denoise graph, which may have keys and values in another precision."""
    encoded = observation.encoded
    if not (isinstance(encoded, HostEncoded) and isinstance(to.engine, HostEngine)):
        return observation
    dtypes = {tensor.name: np.dtype(tensor.dtype) for tensor in to.manifest.graphs["denoise"].inputs}
    cast = {name: np.asarray(value).astype(dtypes[name]) for name, value in encoded.keys_values.items()}
    return Conditioning(HostEncoded(encoded.context, cast), observation.mix)


def _chunk(policy: EnginePolicy, observation: Conditioning, noise: Array) -> Array:
    actions: Array = policy.denoise(observation, noise, policy.spec.steps)[0]
    return actions


def _noises(policy: EnginePolicy, count: int) -> list[Array]:
    random = np.random.default_rng(SEED)
    shape = (policy.spec.action_horizon, policy.spec.action_dim)
    return [random.standard_normal(shape, np.float32) for _ in range(count)]
