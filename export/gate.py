"""The gate for lossy engines: compares the pad states of an engine and the fp32 graphs on the same frames and noise."""

from collections.abc import Callable, Sequence

import numpy as np

from export.calibration import Calibration
from ngrt.inference.engine import HostEncoded, HostEngine
from ngrt.inference.policy import Conditioning, EnginePolicy
from ngrt.messages import Array
from ngrt.policy.agreement import BUTTONS_LEAST, STICK_LIMIT, Agreement, agree
from ngrt.policy.bundle import Gate, GraphName

SEED = 20_260_102
REPEATS = 2
"""Chunks that the reference makes twice, to see how far it repeats itself."""

WorstLayer = Callable[[GraphName], str]
"""Names the worst layer of a graph."""


def gate(
    reference: EnginePolicy,
    candidate: EnginePolicy,
    calibration: Calibration,
    worst_layer: WorstLayer,
    report: Callable[[float], None] = lambda _: None,
) -> Gate:
    """Compare ``candidate`` with ``reference``, the fp32 graphs of the same checkpoint.

    ``worst_layer`` is called only if it fails; ``report`` is called with the share that is done.
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
        failure = f"{agreement}; worst is {_worst_part(reference, candidate, calibration, noises, wanted, worst_layer)}"
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


def _worst_part(
    reference: EnginePolicy,
    candidate: EnginePolicy,
    calibration: Calibration,
    noises: Sequence[Array],
    wanted: Sequence[Array],
    worst_layer: WorstLayer,
) -> str:
    """Return in words which graph does more harm alone, and its worst layer."""
    harm: dict[GraphName, Agreement] = {}
    sides: tuple[tuple[GraphName, EnginePolicy, EnginePolicy], ...] = (
        ("observe", candidate, reference),
        ("denoise", reference, candidate),
    )
    for graph, observer, denoiser in sides:
        found = []
        for frames, noise in zip(calibration.observations[:REPEATS], noises, strict=False):
            found.append(_chunk(denoiser, _cast_for(observer.observe(frames), denoiser), noise))
        harm[graph] = agree(wanted[:REPEATS], found, 0, old_layout=reference.spec.old_layout)
    worst = max(harm, key=lambda graph: (np.nan_to_num(harm[graph].sticks, nan=np.inf), -harm[graph].buttons))
    return f"{worst} (alone in the fp32 graphs: {harm[worst]}), layer {worst_layer(worst)}"


def _cast_for(observation: Conditioning, to: EnginePolicy) -> Conditioning:
    """Return an observation with its keys and values in the precision of the denoise graph of ``to``."""
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
