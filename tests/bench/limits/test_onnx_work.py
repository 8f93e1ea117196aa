"""Operations and bytes of a graph: as a hand counts them, as torch counts them, and the same once it is quantized."""

import logging
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path

import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from bench.limits.onnx_work import Product, Work, count_graph
from bench.limits.torch_work import STORED, baseline_gflop, count_model
from export.checkpoint import load_checkpoint
from export.resolve import resolve
from export.synth import configuration
from ngrt.errors import BundleError
from ngrt.policy.bundle import read_manifest
from tests.conftest import PARITY

BundleOf = Callable[[str], Path]
CASES = ("tiny", "tiny-games")
GRAPHS = ("observe", "denoise")


def total(work: Work) -> int:
    return sum(work.operations.values())


def test_the_denoiser_of_the_tiny_policy_is_what_a_hand_counts(tiny_bundle: Path) -> None:
    config = load_checkpoint(PARITY / "tiny.pt").config
    model, length = config.model, config.tokenizer.max_sequence_length
    rows, columns, width, inner = model.action_horizon, model.action_dim, model.hidden_size, 4 * model.hidden_size
    blocks, out = model.diffusion_model_cfg, model.diffusion_model_cfg.output_dim
    crosses = len(blocks.cross_layers)
    selves = blocks.num_layers - crosses
    ends = rows * (columns * width + width * width + width * width + width * columns)
    feeding = blocks.num_layers * rows * 2 * width * inner
    crossing = crosses * (rows * 2 * width * width + 2 * rows * length * width)
    attending = selves * (rows * 4 * width * width + 2 * rows * rows * width)
    assert out == width
    assert total(count_graph(tiny_bundle / "denoise.onnx")) == 2 * (ends + feeding + crossing + attending)


def test_weights_count_as_they_are_stored_and_inputs_and_outputs_once(tiny_bundle: Path) -> None:
    work, manifest = count_graph(tiny_bundle / "denoise.onnx"), read_manifest(tiny_bundle)
    stored = onnx.load(tiny_bundle / "denoise.onnx").graph.initializer
    assert work.weights == sum(len(onnx.numpy_helper.to_array(tensor).tobytes()) for tensor in stored)
    graph = manifest.graphs["denoise"]
    shapes = [[size if isinstance(size, int) else 1 for size in one.shape] for one in (*graph.inputs, *graph.outputs)]
    assert work.passed == 4 * sum(map(prod, shapes))
    assert work.bytes == work.weights + work.passed


@pytest.mark.parametrize("case", CASES)
def test_the_graphs_have_the_operations_that_torch_counts_in_the_model(bundle_of: BundleOf, case: str) -> None:
    bundle = bundle_of(case)
    observe, denoise = count_model(read_manifest(bundle), PARITY)
    for graph, counted in zip(GRAPHS, (observe, denoise), strict=True):
        found = count_graph(bundle / f"{graph}.onnx")
        assert total(found) == pytest.approx(total(counted), rel=0.02)
        assert found.weights == pytest.approx(counted.weights, rel=0.02)
        assert found.bytes == pytest.approx(counted.bytes, rel=0.02)


def test_more_frames_cost_more_in_the_tower_alone(bundle_of: BundleOf) -> None:
    bundle = bundle_of("tiny-context-cfg")
    one, two = (count_graph(bundle / "observe.onnx", frames) for frames in (1, 2))
    assert total(one) < total(two) < 2 * total(one)
    assert two.weights == one.weights
    assert total(count_graph(bundle / "denoise.onnx", 1)) == total(count_graph(bundle / "denoise.onnx", 2))


@pytest.fixture(scope="module")
def quantized(bundle_of: BundleOf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the tiny policy's graphs in int8, and as ONNX Runtime rewrites them for itself."""
    logging.disable(logging.WARNING)
    folder = tmp_path_factory.mktemp("int8")
    for graph in GRAPHS:
        plain = folder / f"{graph}.onnx"
        quantize_dynamic(bundle_of("tiny") / f"{graph}.onnx", plain, weight_type=QuantType.QInt8)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.optimized_model_filepath = str(folder / f"{graph}-rewritten.onnx")
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        ort.InferenceSession(plain, options, providers=["CPUExecutionProvider"])
    logging.disable(logging.NOTSET)
    return folder


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("form", ["", "-rewritten"])
def test_a_quantized_graph_has_as_many_operations_in_other_numbers(
    bundle_of: BundleOf, quantized: Path, graph: str, form: str
) -> None:
    exact, found = count_graph(bundle_of("tiny") / f"{graph}.onnx"), count_graph(quantized / f"{graph}{form}.onnx")
    assert set(found.operations) == {"int8", "float32"}
    assert total(found) == total(exact)
    assert found.operations["int8"] > found.operations["float32"]
    assert found.weights < exact.weights / 2


def test_the_rewritten_graph_is_made_of_onnx_runtimes_own_operators(quantized: Path) -> None:
    nodes = onnx.load(quantized / "observe-rewritten.onnx").graph.node
    assert {"DynamicQuantizeMatMul", "MatMulIntegerToFloat"} <= {node.op_type for node in nodes}


def test_shapes_that_a_file_does_not_state_are_inferred_through_those_operators(
    quantized: Path, tmp_path: Path
) -> None:
    model = onnx.load(quantized / "observe-rewritten.onnx")
    del model.graph.value_info[:]
    onnx.save(model, tmp_path / "bare.onnx")
    assert count_graph(tmp_path / "bare.onnx") == count_graph(quantized / "observe-rewritten.onnx")


def graph_of(folder: Path, operator: str, shapes: Mapping[str, tuple[int, ...]], weight: str, **more: int) -> Path:
    """Write a graph of one operator; ``weight`` names the input whose values it holds."""
    domain = "com.microsoft"
    kinds = {name: TensorProto.UINT8 if name == "packed" else TensorProto.FLOAT for name in shapes}
    values = [helper.make_tensor_value_info(name, kinds[name], shape) for name, shape in shapes.items()]
    node = helper.make_node(operator, [*shapes], ["y"], domain=domain)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in more.items())
    stored = [
        helper.make_tensor(name, kinds[name], shape, bytes(prod(shape) * (1 if name == "packed" else 4)), raw=True)
        for name, shape in shapes.items()
        if name == weight
    ]
    graph = helper.make_graph([node], "one", values, [helper.make_empty_tensor_value_info("y")], stored)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(domain, 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), folder / "one.onnx")
    return folder / "one.onnx"


def test_attention_in_one_operator_counts_both_its_products(tmp_path: Path) -> None:
    shapes = {"query": (1, 18, 48), "key": (1, 256, 48), "value": (1, 256, 48)}
    work = count_graph(graph_of(tmp_path, "MultiHeadAttention", shapes, "", num_heads=3))
    assert total(work) == 2 * 2 * 18 * 256 * 48
    turned = {"query": (1, 18, 48), "key": (1, 3, 256, 16), "value": (1, 3, 256, 16)}
    assert total(count_graph(graph_of(tmp_path, "MultiHeadAttention", turned, "", num_heads=3))) == total(work)


def test_attention_that_makes_its_queries_keys_and_values_counts_that_too(tmp_path: Path) -> None:
    shapes = {"x": (1, 36, 32), "weights": (32, 96), "bias": (96,)}
    work = count_graph(graph_of(tmp_path, "Attention", shapes, "weights", num_heads=4))
    assert total(work) == 2 * (36 * 32 * 96 + 2 * 36 * 36 * 32)
    assert work.weights == 32 * 96 * 4


def test_weights_of_four_bits_count_half_a_byte(tmp_path: Path) -> None:
    shapes = {"a": (1, 18, 64), "packed": (128, 2, 16), "scales": (256,)}
    sizes = {"K": 64, "N": 128, "bits": 4, "block_size": 32}
    work = count_graph(graph_of(tmp_path, "MatMulNBits", shapes, "packed", accuracy_level=4, **sizes))
    assert work.operations == {"int8": 2 * 18 * 64 * 128}
    assert work.weights == 64 * 128 // 2


def test_turned_factors_are_counted_as_they_are_multiplied(tmp_path: Path) -> None:
    shapes = {"a": (4, 16, 18), "b": (4, 256, 16)}
    work = count_graph(graph_of(tmp_path, "FusedMatMul", shapes, "", transA=1, transB=1))
    assert work.operations == {"float32": 2 * 4 * 18 * 16 * 256}
    assert work.largest["float32"] == Product("float32", 1, 18, 16, 256)


def test_a_product_whose_shape_cannot_be_told_is_an_error_not_a_guess(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("NobodyKnows", ["x"], ["h"], domain="com.example"),
        helper.make_node("MatMul", ["h", "x"], ["y"]),
    ]
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, (4, 4))
    graph = helper.make_graph(nodes, "two", [value], [helper.make_empty_tensor_value_info("y")])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.example", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), tmp_path / "two.onnx")
    with pytest.raises(BundleError, match="shape of 'h' is not known"):
        count_graph(tmp_path / "two.onnx")


def test_an_engine_that_multiplies_otherwise_than_its_graph_says_is_counted_as_it_does(tiny_bundle: Path) -> None:
    work = count_graph(tiny_bundle / "observe.onnx")
    half = work.run_in("bf16")
    assert half.operations == {"bfloat16": work.operations["float32"]}
    assert half.largest["bfloat16"].operations == work.largest["float32"].operations
    assert work.run_in("fp32") == work


def test_the_arithmetic_of_the_released_size_is_what_its_shapes_say(tiny_bundle: Path) -> None:
    config = configuration("released")
    manifest = read_manifest(tiny_bundle)
    policy = manifest.policy.model_copy(update={"game_token": False})
    released = manifest.model_copy(update={"config": config, "policy": policy, "precision": "fp16"})
    observe, denoise = count_model(released, PARITY)
    tower, mixer, keys, step = 161e9, 27e9, 4e9, 3.4e9  # from the shapes by hand
    assert observe.operations["float16"] == pytest.approx(tower + mixer + keys, rel=0.02)
    assert denoise.operations["float16"] == pytest.approx(step, rel=0.03)
    assert denoise.weights == pytest.approx(191e6, rel=0.02)
    baseline = baseline_gflop(resolve(config, 0, PARITY), 16) * 1e9
    assert baseline == pytest.approx(tower + 16 * (mixer + keys + step), rel=0.02)
    assert STORED["fp16"] == ("float16", 2)
