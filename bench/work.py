"""How much arithmetic a chunk is, and how fast this processor can do it: what a measured time is held against."""

import time
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.result import Distribution
from export.config import Config
from export.graphs import Denoise, Observe
from export.model import NitroGen
from export.products import Arithmetic

RUNS = 12
"""Products measured at a time."""


@dataclass(frozen=True, slots=True)
class Work:
    """Billions of floating-point operations in one chunk, each way, and in one of the model's largest products.

    ``product``: seconds ONNX Runtime takes for that product alone, in the same run and with the same threads.
    """

    baseline_gflop: float
    engine_gflop: float
    product_gflop: float
    product: Distribution

    @property
    def product_rate(self) -> float:
        """GFLOP/s of the product alone: about the most that this processor gives a float32 engine."""
        return self.product_gflop / self.product.p50

    def share(self, seconds: float) -> float:
        """Return how much of that rate an engine reaches whose chunk takes ``seconds``."""
        return self.engine_gflop / seconds / self.product_rate

    def possible(self, baseline: float) -> float:
        """Return the ratio to a baseline of ``baseline`` seconds that an engine at that very rate would have."""
        return baseline / (self.engine_gflop / self.product_rate)


def count(config: Config, steps: int) -> tuple[float, float]:
    """Return GFLOP of a chunk on one frame: as the reference runs it, and as the graphs compute it.

    Counted on shapes alone, where torch takes its attention apart and so counts it too.
    """
    with torch.device("meta"), torch.inference_mode():
        model = NitroGen(config)
        side = config.tower.image_size
        frames = torch.zeros(1, 1, side, side, 3, dtype=torch.uint8)
        game = torch.zeros(1, dtype=torch.int64) if config.game_rows else None
        x = torch.zeros(1, config.model.action_horizon, config.model.action_dim)
        return _baseline(model, frames, game, x, steps), _engine(model, frames, game, x, steps)


def _baseline(model: NitroGen, frames: Tensor, game: Tensor | None, x: Tensor, steps: int) -> float:
    with FlopCounterMode(display=False) as once:
        tokens = model.sequence(frames, game)
    with FlopCounterMode(display=False) as each:
        model.velocity(x, torch.zeros(1), model.vl_self_attention_model(tokens))
    return float(once.get_total_flops() + steps * each.get_total_flops()) / 1e9


def _engine(model: NitroGen, frames: Tensor, game: Tensor | None, x: Tensor, steps: int) -> float:
    config = model.config.model
    exact = Arithmetic.of("fp32")
    observe, denoise = Observe(model, exact), Denoise(model, exact)  # which folds: not part of a chunk
    with FlopCounterMode(display=False) as once:
        _, *keys_values = observe(frames, game)
    modulation = torch.zeros((2 * config.diffusion_model_cfg.num_layers + 3) * config.hidden_size)
    one = torch.zeros(())
    with FlopCounterMode(display=False) as each:
        denoise(x, modulation, one, one, torch.eye(1), x, x[..., :1], one, *keys_values)
    return float(once.get_total_flops() + steps * each.get_total_flops()) / 1e9


class Product:
    """The first product of the tower's feed-forward layers, alone in a graph of ONNX Runtime."""

    def __init__(self, config: Config, threads: int) -> None:
        rows, width, inner = config.tower.tokens, config.tower.hidden_size, config.tower.intermediate_size
        self.gflop = 2e-9 * rows * width * inner
        random = np.random.default_rng(0)
        self._x = random.standard_normal((1, rows, width), np.float32)
        weight = onnx.numpy_helper.from_array(random.standard_normal((width, inner), np.float32), "w")
        graph = onnx.helper.make_graph(
            [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
            "product",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, rows, width])],
            [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, rows, inner])],
            [weight],
        )
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def measure(self, runs: int = RUNS) -> list[float]:
        """Return seconds of each of ``runs`` products, warm."""
        times = []
        for _ in range(runs + 1):
            start = time.perf_counter()
            self._session.run(["y"], {"x": self._x})
            times.append(time.perf_counter() - start)
        return times[1:]
