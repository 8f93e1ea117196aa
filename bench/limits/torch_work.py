"""How much arithmetic a chunk is, counted by torch on the model's shapes alone.

For the reference's way, and for engines that do not show their graphs.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.limits.onnx_work import Kind, Product, Work
from export.config import Config
from export.graphs import Denoise, Observe
from export.model import NitroGen
from export.products import Arithmetic
from export.resolve import resolve
from ngrt.policy.bundle import Manifest, Precision

STORED: dict[Precision, tuple[Kind, int]] = {
    "fp32": ("float32", 4),
    "fp16": ("float16", 2),
    "bf16": ("bfloat16", 2),
    "int8": ("int8", 1),
    "fp8": ("float8", 1),
}
"""What products of each precision multiply, and bytes of a weight."""


def baseline_gflop(config: Config, steps: int) -> float:
    """Return GFLOP of a chunk on one frame as the reference runs it: all but the tower in every step."""
    with torch.device("meta"), torch.inference_mode():
        model = NitroGen(config)
        frames, game, x = _inputs(config, 1)
        with FlopCounterMode(display=False) as once:
            tokens = model.sequence(frames, game)
        with FlopCounterMode(display=False) as each:
            model.velocity(x, torch.zeros(1), model.vl_self_attention_model(tokens))
    return float(once.get_total_flops() + steps * each.get_total_flops()) / 1e9


def count_model(manifest: Manifest, folder: Path, frames: int = 1) -> tuple[Work, Work]:
    """Return the work of one run of observe and of denoise, for the bundle in ``folder``.

    All products are taken to be in the bundle's precision. Attention's are among them.

    :raises ngrt.errors.CheckpointError: the shapes cannot be told from the manifest's configuration
    """
    rows = len(manifest.policy.games) + 1 if manifest.policy.game_token else 0
    config = resolve(manifest.config, rows, folder)
    kind, size = STORED[manifest.precision]
    tower = config.tower
    largest = Product(kind, 1, frames * tower.tokens, tower.hidden_size, tower.intermediate_size)
    inner = Product(kind, 1, config.model.action_horizon, config.model.hidden_size, 4 * config.model.hidden_size)
    with torch.device("meta"), torch.inference_mode():
        model = NitroGen(config)
        exact = Arithmetic.of("fp32")
        observe, denoise = Observe(model, exact), Denoise(model, exact)
        pictures, game, x = _inputs(config, frames)
        with FlopCounterMode(display=False) as once:
            context, *keys_values = observe(pictures, game)
        modulation = torch.zeros((2 * config.model.diffusion_model_cfg.num_layers + 3) * config.model.hidden_size)
        one = torch.zeros(())
        with FlopCounterMode(display=False) as each:
            denoise(x, modulation, one, one, torch.eye(1), x, x[..., :1], one, *keys_values)
    passed = size * sum(part.numel() for part in keys_values)
    seen = pictures.numel() + 4 * context.numel()
    return (
        Work({kind: once.get_total_flops()}, {kind: largest}, size * _weights(observe), seen + passed),
        Work({kind: each.get_total_flops()}, {kind: inner}, size * _weights(denoise), passed + 4 * modulation.numel()),
    )


def _inputs(config: Config, frames: int) -> tuple[Tensor, Tensor | None, Tensor]:
    side = config.tower.image_size
    game = torch.zeros(1, dtype=torch.int64) if config.game_rows else None
    x = torch.zeros(1, config.model.action_horizon, config.model.action_dim)
    return torch.zeros(1, frames, side, side, 3, dtype=torch.uint8), game, x


def _weights(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
