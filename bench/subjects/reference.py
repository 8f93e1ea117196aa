"""The policy run the way the reference runs it: torch, eager, nothing computed once that its loop computes anew.

The tower runs once a chunk. In every denoise step run the mixer, the keys and values of the cross-attention and the
time embeddings, although none of them depends on the step's input. In bf16 the whole of it, from the pictures to the
actions, is under one autocast, as the reference's server has it.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch import nn

from export.checkpoint import load_checkpoint
from ngrt.errors import SettingsError
from ngrt.messages import Array, Image
from ngrt.policy.preprocess import observation

BaselinePrecision = Literal["fp32", "bf16"]
Device = Literal["cpu", "cuda"]
PRECISIONS: tuple[BaselinePrecision, ...] = get_args(BaselinePrecision)


class Baseline:
    """The torch model of a checkpoint on ``device``, its parts counted as they run. Only the CPU was ever tried.

    ``calls``: how often the tower, the mixer, the first cross-attention's keys, the time embedder and the denoiser
    ran, as their own forward hooks saw it.

    :raises ngrt.errors.CheckpointError: the checkpoint cannot be used
    :raises ngrt.errors.SettingsError: this torch has no such device
    """

    def __init__(self, checkpoint: Path, threads: int, device: Device = "cpu") -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise SettingsError(
                f"an engine on a GPU is compared with torch there, and torch {torch.__version__} sees none",
                remedy="install its CUDA build, or leave the suite chunk out",
            )
        torch.set_num_threads(threads)
        self.device = device
        self.model = load_checkpoint(checkpoint).model
        for parameter in self.model.parameters():
            parameter.data = parameter.data.clone()  # from the mapped file into memory, where ONNX Runtime has its own
        self.model.to(device)
        self.calls: Counter[str] = Counter()
        denoiser = self.model.model
        parts: dict[str, nn.Module] = {
            "tower": self.model.vision_encoder,
            "mixer": self.model.vl_self_attention_model,
            "keys": denoiser.transformer_blocks.get_submodule("0.attn1.to_k"),  # the first block always crosses
            "times": denoiser.timestep_encoder.timestep_embedder,
            "steps": denoiser,
        }
        for name, part in parts.items():
            self._count(name, part)

    def _count(self, name: str, part: nn.Module) -> None:
        def count(*_: object) -> None:
            self.calls[name] += 1

        part.register_forward_hook(count)

    @torch.inference_mode()
    def predict(
        self, frames: Sequence[Image], noise: Array, steps: int, precision: BaselinePrecision = "fp32"
    ) -> Array:
        """Return the actions (H, A) that ``steps`` steps make of ``noise`` (H, A) for ``frames``, oldest first."""
        model, device = self.model, self.device
        pictures = torch.from_numpy(observation(frames, model.config.tower.image_size)).to(device)
        x = torch.from_numpy(noise)[None].to(device)
        with self._autocast(precision):
            tokens = model.sequence(pictures)
            for step in range(steps):
                context = model.vl_self_attention_model(tokens)
                t = torch.tensor([int(step / steps * model.config.model.num_timestep_buckets)], device=device)
                x = x + model.velocity(x, t, context) / steps
        return np.asarray(x[0].float().cpu().numpy(), np.float32)

    def _autocast(self, precision: BaselinePrecision) -> AbstractContextManager[object]:
        return nullcontext() if precision == "fp32" else torch.autocast(self.device, torch.bfloat16)


def expected_calls(steps: int) -> dict[str, int]:
    """Return how often each part must run in a chunk."""
    return {"tower": 1} | dict.fromkeys(("mixer", "keys", "times", "steps"), steps)
