"""Compare the exported graphs with the torch model on fresh inputs, and refuse graphs that disagree."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from export.calibration import picture
from export.checkpoint import Checkpoint
from export.model import NitroGen
from ngrt.errors import ExportError
from ngrt.inference.open import open_policy
from ngrt.inference.policy import EnginePolicy
from ngrt.messages import Array, Image
from ngrt.policy.actions import STICK_COLUMNS
from ngrt.policy.bundle import Parity, Precision
from ngrt.policy.preprocess import observation

LIMITS = {"fp32": 1e-4, "fp16": 2e-2, "bf16": 0.16}
"""Largest difference allowed in the final actions. In fp16 a product of thousand terms of size one is off by about
1e-3; sixteen steps through the network leave a few times that: at most 7.4e-3 over 78 chunks of the small and the three
tiny checkpoints, six seeds each. bf16 has three bits less, so eight times fp16's: the same chunks gave at most 6.8e-2
in torch and 5.7e-2 in OpenVINO.
"""

BUTTONS_LIMIT = 0.99
"""Least share of buttons that must agree, of those that are clear of the threshold by `BUTTONS_MARGIN`."""

BUTTONS_MARGIN = 1e-3

SEED = 20_260_101


@dataclass(frozen=True)
class Case:
    """One chunk to compare."""

    frames: tuple[Image, ...]
    noise: Array
    guidance: float
    game: str | None


def verify(
    checkpoint: Checkpoint,
    folder: Path,
    precision: Precision,
    steps: int | None = None,
    policy: EnginePolicy | None = None,
) -> Parity:
    """Return how far the bundle in ``folder`` is from ``checkpoint``'s model.

    ``policy``: runs instead of the bundle, where that cannot run here; it is closed.

    :raises ExportError: it is farther than its precision allows
    """
    with policy or open_policy(folder) as policy:
        count = steps or policy.spec.steps
        found = [_compare(checkpoint.model, policy, case, count) for case in fresh_cases(policy)]
    # numpy's maximum is NaN where one of the values is; Python's is not, and a NaN must not pass
    context = float(np.max([chunk.context for chunk in found]))
    actions = float(np.max([chunk.actions for chunk in found]))
    clear, agree = sum(chunk.clear for chunk in found), sum(chunk.agree for chunk in found)
    limit, share = LIMITS[precision], agree / clear if clear else 1.0
    if not actions <= limit or share < BUTTONS_LIMIT:
        raise ExportError(
            f"the {precision} engine disagrees with the checkpoint: actions differ by {actions:.1e} "
            f"(limit {limit:.0e}), {share:.2%} of buttons agree (limit {BUTTONS_LIMIT:.0%}); nothing was written",
            value=(actions, share),
            remedy="try --precision fp32" if precision != "fp32" else "its weights may be of an unusual size",
        )
    return Parity(
        context=context, actions=actions, actions_limit=limit, buttons_agree=share, chunks=len(found), steps=count
    )


@dataclass(frozen=True)
class Difference:
    """One chunk's largest differences, how many buttons are clear of the threshold, and how many of those agree."""

    context: float
    actions: float
    clear: int
    agree: int


def _compare(model: NitroGen, policy: EnginePolicy, case: Case, steps: int) -> Difference:
    observed = policy.observe(case.frames, case.guidance, case.game)
    found = policy.denoise(observed, case.noise, steps)[0]
    context, wanted = reference(model, policy, case, steps)
    clear = np.abs(_buttons(wanted, policy) - 0.5) > BUTTONS_MARGIN
    same = (_buttons(found, policy) > 0.5) == (_buttons(wanted, policy) > 0.5)
    return Difference(
        context=float(np.abs(observed.context - context).max()),
        actions=float(np.abs(found - wanted).max()),
        clear=int(clear.sum()),
        agree=int(same[clear].sum()),
    )


def fresh_cases(policy: EnginePolicy) -> Iterator[Case]:
    """Yield chunks that use all that the policy has: contexts of one and of all frames, guidance, games."""
    random = np.random.default_rng(SEED)
    spec = policy.spec

    def frames(count: int) -> tuple[Image, ...]:
        return tuple(picture(random) for _ in range(count))

    def noise() -> Array:
        return random.standard_normal((spec.action_horizon, spec.action_dim), np.float32)

    for count in sorted({1, spec.context_frames}):
        yield Case(frames(count), noise(), 1.0, None)
    yield Case(frames(spec.context_frames), noise(), 1.0, max(spec.games, default=None))
    yield Case(frames(spec.context_frames), noise(), 1.5, None)


def reference(model: NitroGen, policy: EnginePolicy, case: Case, steps: int) -> tuple[Array, Array]:
    """Return the torch model's context and final actions (H, A) for ``case``."""
    frames = torch.from_numpy(observation(case.frames, policy.spec.image_size))
    with torch.inference_mode():
        if case.guidance == 1.0:
            game = torch.tensor([policy.spec.games[case.game] if case.game else 0]) if policy.spec.game_token else None
            context = model.encode(frames, game)
        else:
            slot = torch.tensor([-1]) if policy.spec.game_token else None
            context = torch.cat([model.encode(frames, slot), model.encode(frames[:, -1:], slot)])
        actions = sample(model, context, torch.from_numpy(case.noise)[None], steps, case.guidance)
    return context.numpy(), actions[0].numpy()


def sample(model: NitroGen, context: torch.Tensor, x: torch.Tensor, steps: int, guidance: float = 1.0) -> torch.Tensor:
    """Return the actions (1, H, A) after ``steps`` Euler steps from noise ``x`` (1, H, A), by the model's definition.

    Under guidance ``context`` has two rows: guided, unguided.
    """
    buckets = model.config.model.num_timestep_buckets
    for step in range(steps):
        t = torch.full((len(context),), int(step / steps * buckets))
        v = model.velocity(x.expand(len(context), -1, -1), t, context)
        if len(context) == 2:
            v = v[:1] + guidance * (v[:1] - v[1:])
        x = x + v / steps
    return x


def _buttons(actions: Array, policy: EnginePolicy) -> Array:
    return actions[:, STICK_COLUMNS:] if policy.spec.old_layout else actions[:, :-STICK_COLUMNS]
