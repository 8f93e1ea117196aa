"""The policy run the way the reference runs it: torch, float32, nothing computed once that its loop computes anew.

The tower runs once a chunk. In every denoise step run the mixer, the keys and values of the cross-attention and the
time embeddings, although none of them depends on the step's input.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from export.checkpoint import load_checkpoint
from ngrt.messages import Array, Image
from ngrt.preprocess import observation


class Baseline:
    """The torch model of a checkpoint, its parts counted as they run.

    ``calls``: how often the tower, the mixer, the first cross-attention's keys, the time embedder and the denoiser
    ran, as their own forward hooks saw it.

    :raises ngrt.errors.CheckpointError: the checkpoint cannot be used
    """

    def __init__(self, checkpoint: Path, threads: int) -> None:
        torch.set_num_threads(threads)
        self.model = load_checkpoint(checkpoint).model
        for parameter in self.model.parameters():
            parameter.data = parameter.data.clone()  # from the mapped file into memory, where ONNX Runtime has its own
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
    def predict(self, frames: Sequence[Image], noise: Array, steps: int) -> Array:
        """Return the actions (H, A) that ``steps`` steps make of ``noise`` (H, A) for ``frames``, oldest first."""
        model = self.model
        pictures = torch.from_numpy(observation(frames, model.config.tower.image_size))
        tokens = model.sequence(pictures)
        x = torch.from_numpy(noise)[None]
        for step in range(steps):
            context = model.vl_self_attention_model(tokens)
            t = torch.tensor([int(step / steps * model.config.model.num_timestep_buckets)])
            x = x + model.velocity(x, t, context) / steps
        return np.asarray(x[0].numpy(), np.float32)
