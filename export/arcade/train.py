"""Training: flow matching on the expert's plans, for a fixed number of steps, repeatable by its seed."""

import copy
import io
import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from export.arcade.data import Samples, generate, pictures
from export.arcade.helper import Helper, visible
from export.arcade.setup import SIDE, TOWER, TOWER_NAME, WIDTH, configuration, initialise
from export.model import NitroGen
from export.resolve import resolve
from ngrt.arcade.controls import JUMP_COLUMN, SHIELD_COLUMN, STICK_COLUMN, to_actions
from ngrt.errors import ExportError, SettingsError
from ngrt.files import write_whole

BUCKETS = 1000
DRAWS = 2
"""Noise draws for each frame: the tower costs more than the denoiser."""

EMA = 0.998
HELPER_WEIGHT = 1.0
IDLE_WEIGHT = 0.1
"""Weight in the loss of a column that the game never reads; the others have 1."""

Progress = Callable[[int, float, float], None]
"""Called after each step with its number, the flow loss and the auxiliary head's loss."""


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train."""

    seed: int = 0
    steps: int = 2800
    batch: int = 96
    peak: float = 2e-3
    warmup: int = 150


def train(recipe: Recipe, progress: Progress = lambda step, flow, helper: None) -> NitroGen:
    """Return a trained policy (the running average of its weights)."""
    torch.manual_seed(recipe.seed)
    samples = generate(recipe.steps * recipe.batch, recipe.seed)  # each seen once
    model, helper = new_model(), Helper(WIDTH)
    average = copy.deepcopy(model).requires_grad_(False)
    optimisers = _optimisers(model, helper, recipe)
    schedules = [torch.optim.lr_scheduler.LambdaLR(each, lambda step: _rate(step, recipe)) for each in optimisers]
    for step in range(recipe.steps):
        flow, seen = _losses(model, helper, *_batch(samples, step, recipe.batch))
        (flow + HELPER_WEIGHT * seen).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser, schedule in zip(optimisers, schedules, strict=True):
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
        _follow(average, model, min(EMA, (step + 1) / (step + 10)))
        progress(step, flow.item(), seen.item())
    return average.eval()


def new_model() -> NitroGen:
    """Return an untrained policy; its weights depend on torch's random state."""
    with tempfile.TemporaryDirectory() as folder:
        _write_tower(Path(folder))
        model = NitroGen(resolve(configuration(), 0, Path(folder)))
    initialise(model)
    model.vision_encoder.head.requires_grad_(False)
    return model


def save(model: NitroGen, out: Path) -> None:
    """Write ``model`` to ``out`` as a NitroGen checkpoint, its tower's folder beside it.

    :raises ExportError: it cannot be written
    """
    with io.BytesIO() as buffer:
        torch.save({"model": model.state_dict(), "ckpt_config": configuration()}, buffer)
        content = buffer.getvalue()
    try:
        _write_tower(out.parent)
        write_whole(out, content)
    except (OSError, SettingsError) as error:
        raise ExportError(f"cannot write {out}: {error}", remedy="free space or choose another --out") from error


def _write_tower(folder: Path) -> None:
    (folder / TOWER_NAME).mkdir(exist_ok=True)
    (folder / TOWER_NAME / "config.json").write_text(json.dumps(TOWER, indent=1) + "\n", "utf-8")


def _batch(samples: Samples, step: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return pictures (B, 1, S, S, 3) uint8, actions (B, H, A) and the helper's targets of batch number ``step``."""
    rows = [index % len(samples) for index in range(step * size, (step + 1) * size)]
    states = samples.states[rows]
    frames = torch.from_numpy(pictures(states, SIDE))[:, None]
    return frames, torch.from_numpy(to_actions(samples.plans[rows])), visible(states)


def _losses(model: NitroGen, helper: Helper, frames: Tensor, actions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    context = model.encode(frames)
    seen = nn.functional.mse_loss(helper(context), targets)
    context, actions = (each.repeat(DRAWS, 1, 1) for each in (context, actions))
    # more often near pure noise, where the choice between plans is made
    t = 0.999 * (1 - torch.distributions.Beta(1.5, 1.0).sample((len(actions),)))
    noise = torch.randn_like(actions)
    x = (1 - t[:, None, None]) * noise + t[:, None, None] * actions
    velocity = model.velocity(x, (BUCKETS * t).int(), context)
    weights = torch.full(actions.shape[-1:], IDLE_WEIGHT)
    weights[[STICK_COLUMN, JUMP_COLUMN, SHIELD_COLUMN]] = 1.0
    flow = ((velocity - (actions - noise)) ** 2 * weights).sum(-1).mean() / weights.sum()
    return flow, seen


def _optimisers(model: NitroGen, helper: Helper, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices inside the blocks, AdamW for the rest."""
    inner: list[nn.Parameter] = []
    rest = list(helper.parameters())
    for name, parameter in model.named_parameters():
        in_block = "_blocks." in name or ".layers." in name
        if parameter.requires_grad:
            (inner if in_block and parameter.ndim == 2 else rest).append(parameter)
    return [
        torch.optim.Muon(inner, lr=recipe.peak, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=recipe.peak, betas=(0.9, 0.98), weight_decay=0.01),
    ]


def _rate(step: int, recipe: Recipe) -> float:
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.5 * (1 + math.cos(math.pi * done)) + 0.005


@torch.no_grad()
def _follow(average: NitroGen, model: NitroGen, keep: float) -> None:
    for mean, value in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(value, 1 - keep)
