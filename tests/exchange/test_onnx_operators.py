"""Operators as other programs use them: what they compute is what ONNX Runtime computes; malformed ones are refused."""

import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tatami.errors import NetworkError

from .parcels import TOLERANCE, error, to_first, to_last

onnx = pytest.importorskip("onnx", reason="needs tatami[onnx]")
runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")

from onnx import NodeProto, TensorProto, helper, numpy_helper  # noqa: E402

from tatami.exchange.onnx.reading import import_onnx  # noqa: E402

RNG = np.random.default_rng(5)
BIAS = RNG.normal(size=4).astype(np.float32)
KERNELS = RNG.normal(size=(4, 3, 3, 3)).astype(np.float32)


def op(operator: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs.split(), [output], output, **attributes)


def model(*nodes: NodeProto, opset: int = 18, **constants: Any) -> bytes:
    """A model of ``x``, (N, 3, 8, 8), that gives ``y``."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("N", 3, 8, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9).SerializeToString()


def need_equal(content: bytes) -> None:
    x = RNG.normal(size=(2, 3, 8, 8)).astype(np.float32)
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": x})
    found = import_onnx(content).compile("textbook").forward(to_last(x))
    assert error(to_first(found), expected) < TOLERANCE


MOVED = {
    "transposed": (
        [op("Transpose", "c", "moved", perm=[0, 2, 3, 1]), op("Add", "moved b", "sum")],
        op("Transpose", "sum", "end", perm=[0, 3, 1, 2]),
        BIAS,
    ),
    "reshaped": (
        [op("Reshape", "c flat", "moved"), op("Add", "moved b", "sum")],
        op("Reshape", "sum square", "end"),
        BIAS.reshape(1, 4, 1),
    ),
    "times one": ([op("Mul", "c one", "moved"), op("Add", "moved b", "sum")], op("Identity", "sum", "end"), None),
}


@pytest.mark.parametrize("case", MOVED)
def test_a_bias_behind_a_layer_that_is_read_elsewhere_too_is_not_that_layers(case: str) -> None:
    nodes, last, bias = MOVED[case]
    need_equal(
        model(
            op("Conv", "x w", "c", pads=[1] * 4),
            *nodes,
            last,
            op("Add", "c end", "y"),
            w=KERNELS,
            b=BIAS.reshape(4, 1, 1) if bias is None else bias,
            flat=[-1, 4, 64],
            square=[-1, 4, 8, 8],
            one=np.float32(1),
        )
    )


def test_a_bias_behind_a_layer_that_only_it_reads_is_that_layers() -> None:
    nodes, last, bias = MOVED["transposed"]
    found = import_onnx(
        model(op("Conv", "x w", "c", pads=[1] * 4), *nodes, last, op("Relu", "end", "y"), w=KERNELS, b=bias)
    )
    assert [node.layer.keyword for node in found.network] == ["INPUT", "CONV", "RELU"]
    np.testing.assert_array_equal(found.state["conv1.bias"], BIAS)


def test_a_constant_for_each_value_of_a_flattened_map_is_no_bias() -> None:
    content = model(
        op("Conv", "x w", "c", pads=[1] * 4),
        op("Flatten", "c", "flat"),
        op("Add", "flat b", "y"),
        w=KERNELS,
        b=np.ones(256, np.float32),
    )
    with pytest.raises(NetworkError, match=r"got Add \(y: .*\)"):
        import_onnx(content)


@pytest.mark.parametrize("pads", [(0, 0, 1, 1), (1, 0, 0, 0), (1, 1, 2, 2)])
@pytest.mark.parametrize("word", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_padding_by_a_word_is_that_of_the_padded_map(pads: tuple[int, ...], word: str, stride: int) -> None:
    given = {"auto_pad": word, "strides": [stride] * 2}
    amounts = [0, 0, *pads[:2], 0, 0, *pads[2:]]
    need_equal(model(op("Pad", "x p", "q"), op("Conv", "q w", "y", **given), p=amounts, w=KERNELS))
    if sum(pads) < 3:  # more is a window in the padding alone, which is refused
        pool = op("MaxPool", "q", "y", kernel_shape=[3, 3], **given)
        need_equal(model(op("Pad", "x p low", "q"), pool, p=amounts, low=np.float32(-3e38)))


MALFORMED = {
    "too few inputs": [op("Relu", "x", "r"), op("Mul", "r", "y")],
    "no axis": [op("Concat", "x x", "y")],
    "one number for several": [op("Conv", "x w", "y", strides=2)],
    "three paddings of four": [op("Conv", "x w", "y", pads=[1, 1, 1])],
    "a text for a number": [op("Conv", "x w", "y", pads=["a"] * 4)],
    "no window": [op("MaxPool", "x", "y")],
    "no permutation": [op("Transpose", "x", "y", perm=[0, 7])],
    "a step of zero": [op("Slice", "x one two one zero", "y")],
    "an axis twice": [op("Unsqueeze", "x twice", "y")],
    "a type that is none": [op("Cast", "one", "c", to=99), op("Add", "x c", "y")],
}


@pytest.mark.parametrize("case", MALFORMED)
@pytest.mark.parametrize("planning", [False, True])
def test_malformed_operators_are_refused_in_one_line(case: str, planning: bool) -> None:
    content = model(*MALFORMED[case], w=KERNELS, zero=[0], one=[1], two=[2], twice=[2, 2])
    with pytest.raises(NetworkError) as caught:
        import_onnx(content, planning=planning)
    line = str(caught.value)
    assert line.startswith("the model")
    assert "\n" not in line
    assert len(line) < 300


def test_a_long_row_of_functions_is_read_in_time() -> None:
    values = ["x", *(f"r{i}" for i in range(300)), "y"]
    nodes = [op("Relu", before, after) for before, after in pairwise(values)]
    start = time.perf_counter()
    found = import_onnx(model(*nodes))
    assert time.perf_counter() - start < 2  # 0.1 s; every function of every value before takes minutes for thousands
    assert {node.layer.keyword for node in found.network} == {"INPUT", "RELU"}
