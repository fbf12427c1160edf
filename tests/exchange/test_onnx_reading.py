"""ONNX in: networks come back as they were; what others write computes what ONNX Runtime computes."""

from typing import Any

import numpy as np
import pytest

from tatami.engines import compile
from tatami.errors import NetworkError
from tatami.exchange.parcel import Parcel
from tatami.network.fold import folded_text
from tatami.network.layers import Foreign, Scale

from ..engines.cases import CASES
from .parcels import TOLERANCE, error, of_the_zoo, own_scores, parcel_of, samples, small_parcel, to_first, to_last

onnx = pytest.importorskip("onnx", reason="needs tatami[onnx]")
runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from tatami.exchange.onnx.reading import import_onnx  # noqa: E402
from tatami.exchange.onnx.spelling import same_essence  # noqa: E402
from tatami.exchange.onnx.writing import onnx_model  # noqa: E402

RNG = np.random.default_rng(3)


def unlabelled(model) -> bytes:
    """Without what tatami tells of it: as if another program had written it."""
    del model.metadata_props[:]
    model.producer_name = "another"
    return model.SerializeToString()


# --- there and back ---


@of_the_zoo
def test_the_zoo_comes_back_equal(name: str) -> None:
    parcel = small_parcel(name)
    found = import_onnx(onnx_model(parcel).SerializeToString())

    assert found.network == parcel.network
    assert found.state.keys() == parcel.state.keys()
    for key, array in parcel.state.items():
        np.testing.assert_array_equal(found.state[key], array)


@of_the_zoo
def test_the_zoo_comes_back_without_being_told(name: str) -> None:
    parcel = small_parcel(name)
    found = import_onnx(unlabelled(onnx_model(parcel)))

    assert same_essence(found.network, parcel.network)
    assert sum(array.size for array in found.state.values()) == sum(array.size for array in parcel.state.values())


@pytest.mark.parametrize("text", sorted({case.text for case in CASES}))
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_every_layer_computes_the_same(text: str, layout: str) -> None:
    parcel = parcel_of(text)
    x = samples(parcel.network)
    expected = own_scores(parcel, x)
    for data in (onnx_model(parcel, layout=layout).SerializeToString(), unlabelled(onnx_model(parcel, layout=layout))):
        found = import_onnx(data)
        assert found.network.input_shape == parcel.network.input_shape
        assert error(own_scores(Parcel(found.network, found.state), x), expected) < TOLERANCE


def test_own_names_come_back() -> None:
    parcel = parcel_of("INPUT(6x6x3) -> CONV(4, name=first) -> RELU -> FC(3, name=scores)", classes=("a", "b", "c"))
    found = import_onnx(onnx_model(parcel).SerializeToString())

    assert found.network == parcel.network
    assert found.classes == ("a", "b", "c")
    assert found.paths == {"first": "first", "relu1": "relu1", "scores": "scores"}


def test_what_is_told_must_be_so() -> None:
    """Metadata that speak of another network are not believed."""
    model = onnx_model(parcel_of("INPUT(6x6x3) -> CONV(4) -> RELU -> FC(3)"))
    for entry in model.metadata_props:
        if entry.key == "network":
            entry.value = "INPUT(6x6x3) -> CONV(4) -> TANH -> FC(3)"
    found = import_onnx(model.SerializeToString())

    assert folded_text(found.network) == "INPUT(6x6x3) -> CONV(4) -> RELU -> FC(3)"


# --- what others write ---


def built(
    nodes: list, constants: dict[str, Any], sizes: tuple, opset: int = 18, output: str = "y", inputs: tuple = ()
) -> bytes:
    arrays = {name: np.asarray(value) for name, value in constants.items()}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("n", *sizes)), *inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(a.astype(np.float32) if a.dtype == float else a, name) for name, a in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return model.SerializeToString()


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def node(operator: str, inputs: str, output: str, **attributes: Any):
    return helper.make_node(operator, inputs.split(), [output], f"the_{output}", **attributes)


W = normal(4, 3, 3, 3)
ROOT2 = np.float32(np.sqrt(2))
AXIS = np.array([-1], np.int64)

# A name, the text that comes of it, nodes, constants, sizes of a sample, and the opset where it matters.
WRITTEN: dict[str, tuple] = {
    "uneven padding": (
        "INPUT(9x8x3) -> CONV(4, P=((0, 2), (1, 0)))",
        [node("Conv", "x w b", "y", pads=[0, 1, 2, 0])],
        {"w": W, "b": normal(4)},
        (3, 9, 8),
    ),
    "SAME_UPPER": (
        "INPUT(9x8x3) -> CONV(4, S=2, bias=no)",
        [node("Conv", "x w", "y", auto_pad="SAME_UPPER", strides=[2, 2])],
        {"w": W},
        (3, 9, 8),
    ),
    "SAME_LOWER": (
        "INPUT(8x8x3) -> CONV(4, S=2, P=(1, 0), bias=no)",
        [node("Conv", "x w", "y", auto_pad="SAME_LOWER", strides=[2, 2])],
        {"w": W},
        (3, 8, 8),
    ),
    "groups and dilation": (
        "INPUT(9x9x6) -> CONV(4, dilation=2, groups=2, bias=no)",
        [node("Conv", "x w", "y", group=2, dilations=[2, 2], pads=[2, 2, 2, 2])],
        {"w": W},
        (6, 9, 9),
    ),
    "volumes": (
        "INPUT(5x6x4x2) -> CONV(3, 2, S=1x2x1, P=0, bias=no)",
        [node("Conv", "x w", "y", strides=[1, 2, 1])],
        {"w": normal(3, 2, 2, 2, 2)},
        (2, 5, 6, 4),
    ),
    "a Pad before Conv": (
        "INPUT(9x8x3) -> CONV(4, S=2, P=1, bias=no)",
        [node("Pad", "x p", "a"), node("Conv", "a w", "y", pads=[0, 1, 0, 0], strides=[2, 2])],
        {"w": W, "p": np.array([0, 0, 1, 0, 0, 0, 1, 1], np.int64)},
        (3, 9, 8),
    ),
    "a Pad before AveragePool": (
        "INPUT(9x8x3) -> POOL(3, avg, P=1, count_pad=yes)",
        [node("Pad", "x p", "a"), node("AveragePool", "a", "y", kernel_shape=[3, 3], strides=[3, 3])],
        {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)},
        (3, 9, 8),
    ),
    "a Pad before MaxPool": (
        "INPUT(9x8x3) -> POOL(3, P=1)",
        [node("Pad", "x p v", "a"), node("MaxPool", "a", "y", kernel_shape=[3, 3], strides=[3, 3])],
        {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), "v": np.float32(-np.inf)},
        (3, 9, 8),
    ),
    "sizes rounded up": (
        "INPUT(8x8x3) -> POOL(3, S=2, P=same) -> POOL(3, avg, S=2, P=same)",
        [
            node("MaxPool", "x", "a", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
            node("AveragePool", "a", "y", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        ],
        {},
        (3, 8, 8),
    ),
    "sizes that are not rounded": (
        "INPUT(9x9x3) -> POOL(3, avg, S=2, P=same, count_pad=yes)",
        [
            node(
                "AveragePool",
                "x",
                "y",
                kernel_shape=[3, 3],
                strides=[2, 2],
                pads=[1] * 4,
                ceil_mode=1,
                count_include_pad=1,
            )
        ],
        {},
        (3, 9, 9),
    ),
    "global pooling": (
        "INPUT(6x5x3) -> POOL(6x5) -> FC(2, bias=no)",
        [node("GlobalMaxPool", "x", "a"), node("Flatten", "a", "b"), node("Gemm", "b w", "y")],
        {"w": normal(3, 2)},
        (3, 6, 5),
    ),
    "ReduceMean": (
        "INPUT(6x5x3) -> GAP",
        [node("ReduceMean", "x a", "y", keepdims=0)],
        {"a": np.array([2, 3], np.int64)},
        (3, 6, 5),
    ),
    "ReduceMean, axes as an attribute": (
        "INPUT(6x5x3) -> GAP -> RELU",
        [node("ReduceMean", "x", "a", axes=[-1, -2]), node("Relu", "a", "b"), node("Flatten", "b", "y")],
        {},
        (3, 6, 5),
        13,
    ),
    "MatMul and Add": (
        "INPUT(6x5x3) -> FC(4) -> RELU",
        [
            *(node("Flatten", "x", "a"), node("MatMul", "a w", "b")),
            *(node("Add", "c b", "d"), node("Relu", "d", "y")),
        ],
        {"w": normal(90, 4), "c": normal(4)},
        (3, 6, 5),
    ),
    "Gemm with factors": (
        "INPUT(6) -> FC(4)",
        [node("Gemm", "x w b", "y", alpha=0.5, beta=2.0, transB=1)],
        {"w": normal(4, 6), "b": normal(4)},
        (6,),
    ),
    "a Conv with Add for a bias": (
        "INPUT(5x5x3) -> CONV(4, P=0)",
        [node("Conv", "x w", "a"), node("Add", "a b", "y")],
        {"w": W, "b": normal(4, 1, 1)},
        (3, 5, 5),
    ),
    "SCALE": (
        "INPUT(5x5x3) -> SCALE -> RELU",
        [node("Mul", "f x", "a"), node("Relu", "a", "y")],
        {"f": normal(1, 3, 1, 1)},
        (3, 5, 5),
    ),
    "standardised input": (
        "INPUT(5x5x3) -> BN -> SCALE -> RELU",
        [node("Sub", "x m", "a"), node("Div", "a s", "b"), node("Relu", "b", "y")],
        {"m": normal(3, 1, 1), "s": np.abs(normal(3, 1, 1)) + 1},
        (3, 5, 5),
    ),
    "a number times a value": (
        "INPUT(5x5x3) -> SCALE -> SOFTMAX",
        [node("Mul", "x f", "a"), node("Softmax", "a", "y", axis=1)],
        {"f": np.float32(0.25)},
        (3, 5, 5),
    ),
    "squeeze and excitation by convolutions": (
        "INPUT(5x4x3) -> MUL[ID | GAP -> FC(2, bias=no) -> RELU -> FC(3, bias=no) -> SIGMOID]",
        [
            *(node("GlobalAveragePool", "x", "a"), node("Conv", "a w", "b"), node("Relu", "b", "c")),
            *(node("Conv", "c v", "d"), node("Sigmoid", "d", "e"), node("Mul", "x e", "y")),
        ],
        {"w": normal(2, 3, 1, 1), "v": normal(3, 2, 1, 1)},
        (3, 5, 4),
    ),
    "GELU": (
        "INPUT(5x4x3) -> GELU",
        [
            *(node("Div", "x r", "a"), node("Erf", "a", "b"), node("Add", "b one", "c")),
            *(node("Mul", "x c", "d"), node("Mul", "d half", "y")),
        ],
        {"r": ROOT2, "one": np.float32(1), "half": np.float32(0.5)},
        (3, 5, 4),
    ),
    "GELU, in another order": (
        "INPUT(5x4x3) -> GELU",
        [
            *(node("Mul", "x r", "a"), node("Erf", "a", "b"), node("Add", "one b", "c")),
            *(node("Mul", "half x", "d"), node("Mul", "d c", "y")),
        ],
        {"r": 1 / ROOT2, "one": np.float32(1), "half": np.float32(0.5)},
        (3, 5, 4),
    ),
    "SILU": ("INPUT(4) -> SILU", [node("Sigmoid", "x", "a"), node("Mul", "x a", "y")], {}, (4,)),
    "HSWISH": (
        "INPUT(4) -> HSWISH",
        [
            *(node("Add", "x three", "a"), node("Clip", "a zero six", "b")),
            *(node("Mul", "x b", "c"), node("Div", "c six", "y")),
        ],
        {"three": np.float32(3), "zero": np.float32(0), "six": np.float32(6)},
        (4,),
    ),
    "HSWISH by HardSigmoid": (
        "INPUT(4) -> HSWISH",
        [node("HardSigmoid", "x", "a", alpha=1 / 6), node("Mul", "a x", "y")],
        {},
        (4,),
    ),
    "RELU6 of old": ("INPUT(4) -> RELU6", [node("Clip", "x", "y", min=0.0, max=6.0)], {}, (4,), 9),
    "PRelu with one slope": (
        "INPUT(5x4x3) -> LEAKY(0.25)",
        [node("PRelu", "x s", "y")],
        {"s": np.full((3, 1, 1), 0.25, np.float32)},
        (3, 5, 4),
    ),
    "LN, written out": (
        "INPUT(5x4x3) -> LN(eps=1e-06)",
        [
            *(node("Transpose", "x", "t", perm=[0, 2, 3, 1]), node("ReduceMean", "t", "m", axes=[-1])),
            *(node("Sub", "t m", "d"), node("Pow", "d two", "q"), node("ReduceMean", "q", "v", axes=[-1])),
            *(node("Add", "v eps", "e"), node("Sqrt", "e", "s"), node("Div", "d s", "z")),
            *(node("Mul", "z w", "a"), node("Add", "a b", "o"), node("Transpose", "o", "y", perm=[0, 3, 1, 2])),
        ],
        {"two": np.float32(2), "eps": np.float32(1e-6), "w": normal(3), "b": normal(3)},
        (3, 5, 4),
        17,
    ),
    "channels last within": (
        "INPUT(5x4x3) -> CONV(6, 1) -> RELU -> CONV(2, 1, bias=no)",
        [
            *(node("Transpose", "x", "t", perm=[0, 2, 3, 1]), node("MatMul", "t w", "a"), node("Add", "a b", "c")),
            *(node("Relu", "c", "d"), node("MatMul", "d v", "e"), node("Transpose", "e", "y", perm=[0, 3, 1, 2])),
        ],
        {"w": normal(3, 6), "b": normal(6), "v": normal(6, 2)},
        (3, 5, 4),
    ),
    "a shuffle": (
        "INPUT(5x4x6) -> SHUFFLE(3) -> CONV(2, 1, bias=no)",
        [
            *(node("Reshape", "x s", "a"), node("Transpose", "a", "b", perm=[0, 2, 1, 3, 4])),
            *(node("Reshape", "b z", "c"), node("Conv", "c w", "y")),
        ],
        {
            "s": np.array([0, 3, 2, 5, 4], np.int64),
            "z": np.array([-1, 6, 5, 4], np.int64),
            "w": normal(2, 6, 1, 1),
        },
        (6, 5, 4),
    ),
    "Split and Concat": (
        "INPUT(5x4x6) -> SPLIT[ID | RELU]",
        [
            helper.make_node("Split", ["x"], ["a", "b"], "s", axis=1, num_outputs=2),
            *(node("Relu", "b", "c"), node("Concat", "a c", "y", axis=1)),
        ],
        {},
        (6, 5, 4),
    ),
    "Slice of old": (
        "INPUT(5x4x6) -> SLICE(1, 4)",
        [node("Slice", "x", "y", starts=[1], ends=[4], axes=[1])],
        {},
        (6, 5, 4),
        9,
    ),
    "joined again and again": (
        "INPUT(4) -> CONCAT[ID | FC(2, bias=no)] -> CONCAT[ID | TANH]",
        [
            *(node("MatMul", "x w", "a"), node("Concat", "x a", "b", axis=1)),
            *(node("Tanh", "b", "c"), node("Concat", "x a c", "y", axis=-1)),
        ],
        {"w": normal(4, 2)},
        (4,),
    ),
    "sums of three": (
        "INPUT(4) -> ADD[ID | RELU | TANH]",
        [node("Relu", "x", "a"), node("Tanh", "x", "b"), node("Sum", "x a b", "y")],
        {},
        (4,),
    ),
    "a reshape by the shape": (
        "INPUT(3x2x4) -> FC(2, bias=no)",
        [
            *(node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Unsqueeze", "n axis", "u")),
            *(node("Concat", "u rest", "t", axis=0), node("Reshape", "x t", "a"), node("Gemm", "a w", "y")),
        ],
        {
            "zero": np.array(0, np.int64),
            "axis": np.array([0], np.int64),
            "rest": np.array([-1], np.int64),
            "w": normal(24, 2),
        },
        (4, 3, 2),
    ),
    "a transposed weight": (
        "INPUT(6) -> FC(4, bias=no)",
        [node("Transpose", "w", "t", perm=[1, 0]), node("MatMul", "x t", "y")],
        {"w": normal(4, 6)},
        (6,),
    ),
    "flattened channels last": (
        "INPUT(3x2x4) -> FLATTEN -> SOFTMAX",
        [
            *(node("Transpose", "x", "t", perm=[0, 2, 3, 1]), node("Flatten", "t", "a")),
            node("Softmax", "a", "y", axis=1),
        ],
        {},
        (4, 3, 2),
    ),
    "dropout and nothing": (
        "INPUT(4) -> DROPOUT(0.3)",
        [node("Identity", "x", "a"), node("Dropout", "a r", "y")],
        {"r": np.float32(0.3)},
        (4,),
    ),
    "half precision weights": (
        "INPUT(6) -> FC(4, bias=no)",
        [node("Cast", "w", "c", to=1), node("MatMul", "x c", "y")],
        {"w": normal(6, 4).astype(np.float16)},
        (6,),
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_others_write(name: str) -> None:
    text, nodes, constants, sizes, *opset = WRITTEN[name]
    data = built(nodes, constants, sizes, *opset)
    found = import_onnx(data)
    x = normal(3, *sizes)
    session = runtime.InferenceSession(data)
    expected = session.run(None, {"x": x})[0]
    model = compile(found.network, "textbook", batch=3)
    model.load_state_dict(found.state)
    scores = to_first(model.forward(to_last(x)))

    assert error(scores.reshape(expected.shape), expected) < TOLERANCE
    assert folded_text(found.network) == text


def test_channels_last_at_the_border() -> None:
    data = built(
        [node("Transpose", "x", "t", perm=[0, 3, 1, 2]), node("Conv", "t w", "y", pads=[1, 1, 1, 1])],
        {"w": W},
        (6, 5, 3),
    )

    assert import_onnx(data).network.input_shape == (6, 5, 3)


def test_what_is_not_needed_falls_away() -> None:
    nodes = [node("Relu", "x", "y"), node("NonMaxSuppression", "x", "z"), node("Exp", "x", "u")]

    assert folded_text(import_onnx(built(nodes, {}, (4,))).network) == "INPUT(4) -> RELU"


# --- sizes, weights, operators that are not known ---


def test_a_model_without_weights_is_planned() -> None:
    weight = helper.make_tensor_value_info("w", TensorProto.FLOAT, (4, 3, 3, 3))
    found = import_onnx(built([node("Conv", "x w", "y", pads=[1] * 4)], {}, (3, 8, 8), inputs=(weight,)))

    assert folded_text(found.network) == "INPUT(8x8x3) -> CONV(4, bias=no)"
    assert (found.state, found.notes) == ({}, ("the file holds no weights",))


def test_open_sizes() -> None:
    data = built([node("Conv", "x w", "y", pads=[1] * 4)], {"w": W}, (3, "height", "width"))
    with pytest.raises(NetworkError) as caught:
        import_onnx(data)
    assert str(caught.value) == (
        "the model, x: the model leaves sizes of its input open; got ?x?x3 (hint: --input 224x224x3 says them)"
    )

    assert import_onnx(data, input_shape=(7, 6, 3)).network.output_shape == (7, 6, 4)
    with pytest.raises(NetworkError) as caught:
        import_onnx(data, input_shape=(7, 6, 1))
    assert str(caught.value) == "not the input of this model; got 7x6x1; expected ?x?x3"


UNKNOWN = [
    *(node("Conv", "x w", "a", pads=[1] * 4), node("Resize", "a none scales", "b", mode="nearest")),
    *(node("Relu", "b", "c"), node("DepthToSpace", "c", "d", blocksize=2), node("Conv", "d v", "e")),
    *(node("Elu", "e", "f"), node("Add", "f e", "y")),
]
UNKNOWN_CONSTANTS = {
    "w": W,
    "v": normal(2, 1, 1, 1),
    "none": np.zeros(0, np.float32),
    "scales": np.array([1, 1, 2, 2], np.float32),
}


def test_unknown_operators_are_listed_all_at_once() -> None:
    with pytest.raises(NetworkError) as caught:
        import_onnx(built(UNKNOWN, UNKNOWN_CONSTANTS, (3, 4, 4)))

    assert str(caught.value) == (
        "the model: operators that tatami has no layer for; got Resize (the_b), DepthToSpace (the_d), Elu (the_f) "
        "(hint: tatami plan takes them as placeholders where their sizes are known)"
    )


def test_planning_covers_the_rest() -> None:
    found = import_onnx(built(UNKNOWN, UNKNOWN_CONSTANTS, (3, 4, 4)), planning=True)
    layers = [(each.name, each.layer.keyword, each.shape) for each in found.network]

    assert layers == [
        ("input", "INPUT", (4, 4, 3)),
        ("conv1", "CONV", (4, 4, 4)),
        ("foreign1", "FOREIGN", (8, 8, 4)),
        ("relu1", "RELU", (8, 8, 4)),
        ("foreign2", "FOREIGN", (16, 16, 1)),
        ("conv2", "CONV", (16, 16, 2)),
        ("foreign3", "FOREIGN", (16, 16, 2)),
        ("add1", "ADD", (16, 16, 2)),
    ]
    assert found.state == {}
    assert [each.layer.operator for each in found.network if isinstance(each.layer, Foreign)] == [
        *("Resize", "DepthToSpace", "Elu")
    ]
    # The convolutions: 4*3*9 weights on 16 positions, 2 on 256.
    assert found.plan().totals.macs == 108 * 16 + 2 * 256
    with pytest.raises(NetworkError) as caught:
        found.compile()
    assert str(caught.value) == "foreign1: no engine computes an operator from elsewhere; got Resize"


def test_sums_that_are_no_bias() -> None:
    data = built([node("Add", "x c", "y")], {"c": normal(3, 5, 4)}, (3, 5, 4))
    with pytest.raises(NetworkError) as caught:
        import_onnx(data)

    assert str(caught.value) == (
        "the model: operators that tatami has no layer for; "
        "got Add (the_y: a sum with a constant that is no number a channel) "
        "(hint: tatami plan takes them as placeholders where their sizes are known)"
    )


def test_factors_of_one_are_still_factors() -> None:
    """A SCALE that is not trained yet multiplies by 1; it is no less a layer."""
    found = import_onnx(built([node("Mul", "x f", "y")], {"f": np.ones((3, 1, 1), np.float32)}, (3, 5, 4)))

    assert isinstance(found.network.nodes[-1].layer, Scale)


def test_several_outputs() -> None:
    nodes = [node("Relu", "x", "y"), node("Tanh", "x", "z")]
    model = onnx.load_from_string(built(nodes, {}, (4,)))
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, None))
    found = import_onnx(model.SerializeToString())

    assert folded_text(found.network) == "INPUT(4) -> RELU"
    assert found.notes == ("other outputs are left out: z",)


def test_an_output_of_another_size_than_declared() -> None:
    model = onnx.load_from_string(built([node("Relu", "x", "y")], {}, (4,)))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, ("n", 5)))
    with pytest.raises(NetworkError) as caught:
        import_onnx(model.SerializeToString())

    assert str(caught.value) == (
        "the model, y: the output does not have the size that the file declares; got 4; expected 5"
    )


def test_a_layer_that_cannot_be() -> None:
    data = built([node("Conv", "x w", "y")], {"w": W}, (3, 2, 2))
    with pytest.raises(NetworkError) as caught:
        import_onnx(data)

    assert str(caught.value).startswith("the_y: a window of 3 does not fit into 2 padded positions; got ")
