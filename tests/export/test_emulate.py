"""Graphs run by torch in the place of what cannot be run here: bf16 and fp8."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import numpy_helper

import export.build
import export.verify
from export.calibration import MOST, Calibration
from export.emulate import emulated
from export.fp8 import EVERY_PART, Fp8Product, Quantized, emulated_fp8, quantize, quantize_graph, rounded, scale_of
from export.products import Product
from export.run import Gating, export_checkpoint
from export.to_onnx import write_graph
from export.to_tensorrt import BuildRequest, build_engine
from export.toolkit import open_toolkit
from ngrt.errors import ExportError
from ngrt.inference.runners import RUNNERS
from ngrt.policy.bundle import Graph, read_manifest
from ngrt.policy.preprocess import observation

from .conftest import GAMES_AND_CONTEXT, Variant
from .making import inputs
from .refusal import refused


@pytest.mark.parametrize("name", ["plain", GAMES_AND_CONTEXT])
def test_torch_in_fp32_gives_the_actions_of_the_exported_graphs(
    variant_of: Callable[[str], Variant], name: str
) -> None:
    variant = variant_of(name)
    policy = emulated(variant.checkpoint.model, read_manifest(variant.bundle), "fp32")
    given = inputs(policy.spec.context_frames, 5, 25)
    for guidance, game in ((1.0, None), (1.5, None), (1.0, max(policy.spec.games, default=None))):
        found, wanted = (
            engine.predict(given.frames, given.noise, guidance=guidance, game=game).actions
            for engine in (policy, variant.policy)
        )
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    policy.close()


def test_torch_in_bf16_is_near_and_not_the_same(small: Variant) -> None:
    policy = emulated(small.checkpoint.model, read_manifest(small.bundle), "bf16")
    given = inputs(1, 5, 25)
    found, wanted = (engine.predict(given.frames, given.noise).actions for engine in (policy, small.policy))
    assert 1e-3 < np.abs(found - wanted).max() <= export.verify.LIMITS["bf16"]


def test_a_bf16_engine_that_disagrees_is_refused(
    small: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(model: torch.nn.Module, manifest: object, precision: str) -> object:
        model.get_parameter("action_decoder.layer2.b").add_(1)
        try:
            return emulated(model, manifest, precision)  # type: ignore[arg-type]
        finally:
            model.get_parameter("action_decoder.layer2.b").sub_(1)

    monkeypatch.setattr(export.build, "emulated", other)
    monkeypatch.setitem(RUNNERS, "openvino", replace(RUNNERS["openvino"], lacking=lambda: "not installed"))
    out = tmp_path / "bundle"
    refused(ExportError, r"the bf16 engine disagrees .*\(limit 2e-01\)", small.path, out, precision="bf16")


@pytest.fixture(scope="module")
def quantized(small: Variant) -> Quantized:
    return quantize(
        small.checkpoint.model, read_manifest(small.bundle), Calibration.generated(1).observations[:2], EVERY_PART
    )


@pytest.fixture(scope="module")
def graphs(small: Variant, quantized: Quantized, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Graph]:
    """The observe graph in fp8, and its entry in a manifest."""
    folder = tmp_path_factory.mktemp("fp8")
    write_graph("observe", small.checkpoint.model, "fp16", folder)
    return folder / "observe.onnx", quantize_graph(folder / "observe.onnx", quantized.products["observe"])


def test_numbers_are_rounded_to_the_nearest_that_e4m3_has_and_never_overflow() -> None:
    values = torch.tensor([0.0, 1.0, 1.06, 1.07, -448.0, 1e9, 2.0**-9])
    assert rounded(values, torch.tensor(1.0)).float().tolist() == [0, 1, 1, 1.125, -448, 448, 2.0**-9]
    assert scale_of(torch.tensor([448.0, 896.0, 0.0])).tolist() == [1, 2, 2.0**-14]


def test_an_fp8_product_is_that_of_its_rounded_factors() -> None:
    random = torch.Generator().manual_seed(0)
    weight, bias, x = (torch.randn(shape, generator=random) for shape in ((64, 48), (48,), (9, 64)))
    product = Fp8Product(Product(weight, bias, torch.float32), float(x.abs().max()))
    close = product(x) - (x @ weight + bias)
    assert 1e-3 < close.abs().max() < 1.5
    assert close.abs().mean() < 0.05 * (x @ weight).abs().mean() * 2


def test_the_large_products_of_the_parts_asked_for_are_quantized(quantized: Quantized, small: Variant) -> None:
    usual = quantize(small.checkpoint.model, read_manifest(small.bundle), Calibration.generated(1).observations[:1])
    assert usual.products.keys() == {"denoise"}
    assert usual.products["denoise"].keys() == quantized.products["denoise"].keys()
    assert sorted(quantized.products["observe"]) == sorted(
        ["keys.0", "values.0"]
        + [f"{part}.0.{map_}" for part in ("tower", "mixer") for map_ in PRODUCTS]
    )  # fmt: skip
    assert sorted(quantized.products["denoise"]) == sorted(
        ["blocks.0.attention.query", "blocks.0.attention.out", "blocks.0.ff.inner", "blocks.0.ff.outer"]
        + [f"blocks.1.{map_}" for map_ in PRODUCTS]
    )


PRODUCTS = ("attention.qkv", "attention.out", "ff.inner", "ff.outer")


def test_the_fp8_graph_stores_fp8_weights_and_keeps_its_signature(graphs: tuple[Path, Graph], small: Variant) -> None:
    path, graph = graphs
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    kinds = {value.name: value.data_type for value in model.graph.initializer}
    assert kinds["tower.0.ff.inner.weight"] == onnx.TensorProto.FLOAT8E4M3FN
    assert kinds["patches.weight"] == onnx.TensorProto.FLOAT16
    names = [tensor.name for tensor in graph.inputs + graph.outputs]
    plain = read_manifest(small.bundle).graphs["observe"]
    assert names == [tensor.name for tensor in plain.inputs + plain.outputs]
    quantizing = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    assert len(quantizing) == 9  # ten products, two of which are of the same context


def test_each_product_of_the_fp8_graph_is_what_torch_makes_of_the_same_input(
    graphs: tuple[Path, Graph], quantized: Quantized
) -> None:
    """Product by product: a difference in the last bit of one moves others by whole fp8 steps further on."""
    model = onnx.load(graphs[0])
    makers = {name: node for node in model.graph.node for name in node.output}
    products = {node.input[1].removesuffix(".weight.back"): node for node in model.graph.node if is_fp8(node)}
    taken = {name: makers[node.input[0]].input[0].removesuffix(".fp8") for name, node in products.items()}
    given = {name: node.output[0] for name, node in products.items()}
    wanted = {*taken.values(), *given.values()}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    frames = observation(inputs(1, 5, 25).frames, 32)
    values = dict(zip(wanted, session.run(list(wanted), {"frames": frames}), strict=True))
    assert products.keys() == quantized.products["observe"].keys()
    for name, product in quantized.products["observe"].items():
        sums = product(torch.from_numpy(values[taken[name]]).float()).numpy()
        bias = 0 if product.bias is None else product.bias.float().numpy()
        np.testing.assert_allclose(sums, values[given[name]] + bias, rtol=2e-3, atol=1e-2, err_msg=name)


def is_fp8(node: onnx.NodeProto) -> bool:
    return node.op_type == "MatMul" and node.input[1].endswith(".weight.back")


def test_scales_come_of_the_frames_that_were_seen(small: Variant, quantized: Quantized) -> None:
    black = (np.zeros((256, 256, 3), np.uint8),)
    dark = quantize(small.checkpoint.model, read_manifest(small.bundle), [black], EVERY_PART)
    first = "tower.0.attention.out"
    scales = [float(found.products["observe"][first].scale) for found in (dark, quantized)]
    assert scales[0] != scales[1]
    np.testing.assert_array_equal(
        dark.products["observe"][first].scales, quantized.products["observe"][first].scales
    )  # fmt: skip


def test_the_emulated_fp8_policy_is_lossy_and_repeats_itself(small: Variant, quantized: Quantized) -> None:
    policy = emulated_fp8(quantized, read_manifest(small.bundle))
    given = inputs(1, 5, 25)
    once, twice, exact = (
        engine.predict(given.frames, given.noise).actions for engine in (policy, policy, small.policy)
    )
    np.testing.assert_array_equal(once, twice)
    assert 1e-3 < np.abs(once - exact).mean() < 0.2


def test_the_builder_takes_fp8_in_every_part(graphs: tuple[Path, Graph], tmp_path: Path) -> None:
    path, graph = graphs
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    toolkit = open_toolkit("tensorrt-rtx", "fp8", ["8.9", "12.0"])
    assert toolkit is not None
    engine = build_engine(toolkit, BuildRequest(graph, tmp_path, 1), lambda share: None)
    assert [path.name for path in tmp_path.iterdir()] == [engine.file]
    assert (engine.inputs, engine.outputs) == (graph.inputs, graph.outputs)


def test_a_graph_whose_weights_lie_apart_keeps_them_apart(
    small: Variant, quantized: Quantized, graphs: tuple[Path, Graph], tmp_path: Path
) -> None:
    write_graph("observe", small.checkpoint.model, "fp16", tmp_path, data_limit=0)
    before = (tmp_path / "observe.onnx.data").stat().st_size
    graph = quantize_graph(tmp_path / "observe.onnx", quantized.products["observe"])
    assert [part.file for part in graph.data] == ["observe.onnx.data"]
    assert (tmp_path / "observe.onnx.data").stat().st_size < before
    apart, together = (
        {value.name: numpy_helper.to_array(value).tobytes() for value in onnx.load(path).graph.initializer}
        for path in (tmp_path / "observe.onnx", graphs[0])
    )
    assert apart == together


def test_fp8_is_held_to_the_fp32_graphs_on_frames_that_did_not_give_its_ranges(
    small: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export.build, "build_engine", lambda toolkit, request, report: request.graph)
    manifest = export_checkpoint(
        str(small.path),
        tmp_path / "bundle",
        precision="fp8",
        target="tensorrt-rtx",
        capabilities=["8.9"],
        gating=Gating(force=True),
    )
    assert manifest.gate is not None
    assert manifest.gate.chunks == MOST * 2 // 3
    assert 0 < manifest.gate.stick_error < 0.2
    assert manifest.parity.actions_limit == 2e-2  # of the fp16 graphs that were quantized


def test_an_fp8_engine_that_fails_the_gate_names_its_worst_layer(
    small: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ngrt.policy.agreement.STICK_LIMIT", 1e-6)
    reason = r"the fp8 engine is too far .* worst is \w+ \(alone .*, layer [\w.]+ \(rounding .*try --precision fp16"
    refused(
        ExportError,
        reason,
        small.path,
        tmp_path / "bundle",
        precision="fp8",
        target="tensorrt-rtx",
        capabilities=["8.9"],
    )
