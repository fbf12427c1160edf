"""ONNX out: ONNX Runtime gives the textbook engine's scores."""

import json

import numpy as np
import pytest

from tatami.data import Preprocess
from tatami.errors import OptionError, RunError
from tatami.exchange.parcel import Parcel, Targets
from tatami.network import find_network
from tatami.network.layers import Dropout

from ..engines.cases import CASES
from .parcels import TOLERANCE, error, of_the_zoo, own_scores, parcel_of, samples, small_parcel, to_first, to_last

onnx = pytest.importorskip("onnx", reason="needs tatami[onnx]")
runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")

from tatami.exchange.onnx.writing import OPSET, OPSETS, onnx_model, save_onnx  # noqa: E402

RNG = np.random.default_rng(5)


def scores(model, x: np.ndarray) -> np.ndarray:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(model.SerializeToString(), options)
    return session.run(["output"], {"input": x})[0]


# --- layers ---


@pytest.mark.parametrize("text", sorted({case.text for case in CASES}))
def test_every_layer(text: str) -> None:
    parcel = parcel_of(text)
    x = samples(parcel.network)
    expected = own_scores(parcel, x)

    assert error(to_last(scores(onnx_model(parcel), to_first(x))), expected) < TOLERANCE
    assert error(scores(onnx_model(parcel, layout="nhwc"), x), expected) < TOLERANCE


@pytest.mark.parametrize("opset", OPSETS)
def test_every_opset(opset: int) -> None:
    text = (
        "INPUT(9x8x4) -> CONV(6) -> BN -> GELU -> LN -> LRN(3) -> POOL(avg) -> MUL[ID | GAP -> FC(6) -> HSIGMOID] "
        "-> HSWISH -> SHUFFLE -> RES[SLICE(0, 6) -> SCALE -> RELU6] -> POOL -> DROPOUT -> SILU "
        "-> FC(5) -> LEAKY -> SOFTMAX"
    )
    parcel = parcel_of(text)
    x = samples(parcel.network)
    model = onnx_model(parcel, opset=opset)

    assert [(one.domain, one.version) for one in model.opset_import] == [("", opset)]
    assert error(scores(model, to_first(x)), own_scores(parcel, x)) < TOLERANCE


@pytest.mark.parametrize(
    "tail",
    [
        "FLATTEN -> FC(4)",
        "FLATTEN -> RELU -> DROPOUT -> FC(4)",
        "FLATTEN -> SLICE(1, 9) -> FC(4)",
        "FLATTEN -> SOFTMAX",
        "FLATTEN -> ADD[FC(3) | TANH -> FC(3)]",
        "FLATTEN -> CONCAT[ID | FC(3)]",
        "FLATTEN -> FLATTEN -> FC(2)",
    ],
)
def test_a_flattened_map_keeps_its_order_where_it_is_seen(tail: str) -> None:
    parcel = parcel_of(f"INPUT(3x4x2) -> {tail}")
    x = samples(parcel.network)

    assert error(scores(onnx_model(parcel), to_first(x)), own_scores(parcel, x)) < TOLERANCE


def test_only_fc_behind_flatten_needs_no_transposition() -> None:
    def operators(text: str) -> list[str]:
        return [node.op_type for node in onnx_model(parcel_of(text)).graph.node]

    assert operators("INPUT(3x4x2) -> FLATTEN -> RELU -> FC(4)") == ["Flatten", "Relu", "Gemm"]
    assert "Transpose" in operators("INPUT(3x4x2) -> FLATTEN -> RELU")


# --- the zoo ---


@of_the_zoo
def test_every_network_of_the_zoo(name: str) -> None:
    parcel = small_parcel(name)
    x = samples(parcel.network, 2)

    assert error(to_last(scores(onnx_model(parcel), to_first(x))), own_scores(parcel, x, "cpu")) < TOLERANCE


# --- names and what is told ---


def test_names_are_those_of_tatami() -> None:
    parcel = parcel_of("INPUT(6x6x3) -> CONV(4) -> BN -> RELU -> DROPOUT -> POOL -> FC(2)", classes=("cat", "dög"))
    model = onnx_model(parcel)

    assert [node.name for node in model.graph.node] == [
        *("conv1", "bn1", "relu1", "dropout1", "pool1", "fc1/flatten", "fc1")
    ]
    # A bias before BN would be idle: CONV has none there.
    assert [tensor.name for tensor in model.graph.initializer] == [
        *("conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"),
        *("dropout1.rate", "fc1.weight", "fc1.bias"),
    ]
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    np.testing.assert_array_equal(weights["conv1.weight"], parcel.state["conv1.weight"].transpose(3, 2, 0, 1))
    # FC's 36 inputs lie (3, 3, 4) in tatami and (4, 3, 3) here.
    rows = parcel.state["fc1.weight"].reshape(3, 3, 4, 2).transpose(2, 0, 1, 3).reshape(36, 2)
    np.testing.assert_array_equal(weights["fc1.weight"], rows.T)


def test_what_is_known_goes_along() -> None:
    pre = Preprocess("image", (6, 6, 3), 1 / 255, (0.1, 0.2, 0.3), (1.0, 0.5, 0.25))
    parcel = parcel_of("INPUT(6x6x3) -> FC(2)", classes=("cat", "dög"), preprocess=pre)
    model = onnx_model(parcel)
    told = {entry.key: entry.value for entry in model.metadata_props}

    assert set(told) == {"tatami", "network", "classes", "preprocess"}
    assert find_network(told["network"]).build() == parcel.network
    assert json.loads(told["classes"]) == ["cat", "dög"]
    assert Preprocess.from_dict(json.loads(told["preprocess"])) == pre
    assert (model.producer_name, model.producer_version) == ("tatami", told["tatami"])
    assert model.opset_import[0].version == OPSET


def test_the_batch_is_free_and_equal_arguments_make_equal_bytes(tmp_path) -> None:
    parcel = parcel_of("INPUT(5x4x2) -> CONV(3) -> FC(2)")
    save_onnx(parcel, tmp_path / "a.onnx")
    save_onnx(parcel, tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()

    session = runtime.InferenceSession(tmp_path / "a.onnx")
    assert session.get_inputs()[0].shape == ["batch", 2, 5, 4]
    for n in (1, 7):
        x = samples(parcel.network, n)
        assert error(session.run(None, {"input": to_first(x)})[0], own_scores(parcel, x)) < TOLERANCE


def test_dropout_stays_though_it_does_nothing() -> None:
    model = onnx_model(parcel_of("INPUT(4) -> DROPOUT(0.3) -> FC(2)"))

    (rate,) = (onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name == "dropout1.rate")
    assert rate == np.float32(Dropout(0.3).rate)


def test_a_layer_may_be_called_output() -> None:
    parcel = parcel_of("INPUT(4) -> FC(3, name=output) -> FC(2)")
    x = samples(parcel.network)
    model = onnx_model(parcel)

    assert [value.name for value in model.graph.output] == ["output_"]
    session = runtime.InferenceSession(model.SerializeToString())
    assert error(session.run(None, {"input": x})[0], own_scores(parcel, x)) < TOLERANCE


# --- raw samples ---


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("channels", [1, 3])
def test_raw_pictures_of_any_size(layout: str, channels: int) -> None:
    pre = Preprocess("image", (24, 32, channels), 1 / 255, (0.4,) * channels, (0.3,) * channels)
    shown = onnx_model(parcel_of(f"INPUT(24x32x{channels}) -> RELU", preprocess=pre), layout=layout, preprocess=True)
    step = 1 / 255 / 0.3  # of one grey level
    for size in ((24, 32), (48, 64), (100, 37), (10, 11), (333, 500), (7, 32)):
        picture = RNG.integers(0, 256, (*size, channels)).astype(np.uint8)
        expected = np.maximum(pre(pre.adapt(picture)[None]), 0)
        found = scores(shown, picture[None] if layout == "nhwc" else to_first(picture[None]))
        found = found if layout == "nhwc" else to_last(found)
        # Pillow rounds to whole grey levels; ONNX Runtime may round to the neighbour.
        difference = np.abs(found - expected)
        assert difference.max() < (1.01 * step if size != (24, 32) else 1e-5)
        assert (difference > step / 2).mean() < 0.3


def test_raw_signals_are_padded_or_cropped() -> None:
    pre = Preprocess("signal", (8, 2), 1.0, (0.5, -1.0), (2.0, 0.1), pads=True)
    parcel = parcel_of("INPUT(8x2) -> CONV(3) -> FC(2)", preprocess=pre)
    model = onnx_model(parcel, preprocess=True)
    for length in (3, 8, 21):
        raw = RNG.standard_normal((length, 2)).astype(np.float32)
        expected = own_scores(parcel, pre(pre.adapt(raw)[None]))
        assert error(scores(model, to_first(raw[None])), expected) < TOLERANCE


def test_a_regression_comes_out_in_its_units() -> None:
    pre = Preprocess("signal", (8, 1), 1.0, (0.5,), (2.0,))
    targets = Targets(("volume", "mass"), (100.0, -3.0), (20.0, 0.5))
    parcel = parcel_of("INPUT(8x1) -> FC(2)", preprocess=pre, targets=targets)
    raw = RNG.standard_normal((3, 8, 1)).astype(np.float32)
    plain = own_scores(parcel, pre(raw))

    assert error(scores(onnx_model(parcel), to_first(pre(raw))), plain) < TOLERANCE
    in_units = plain * [20, 0.5] + [100, -3]
    assert error(scores(onnx_model(parcel, preprocess=True), to_first(raw)), in_units) < TOLERANCE


# --- refusals ---


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"layout": "hwc"}, "unknown layout; got hwc; expected nchw or nhwc"),
        ({"opset": 17}, f"ONNX is not written in this opset; got 17; expected 18 to {OPSETS[-1]}"),
        (
            {"preprocess": True},
            "no preprocessing is known for this network (hint: leave it out, or export a run)",
        ),
    ],
)
def test_bad_options(options: dict, text: str) -> None:
    with pytest.raises(OptionError) as caught:
        onnx_model(parcel_of("INPUT(4) -> FC(2)"), **options)

    assert str(caught.value) == text


def test_weights_of_another_network() -> None:
    network = find_network("INPUT(4) -> FC(2)").build()
    with pytest.raises(RunError, match=r"fc1\.bias"):
        Parcel(network, {"fc1.weight": np.zeros((4, 2), np.float32)})


def test_more_than_a_file_of_protobuf_holds() -> None:
    network = find_network("INPUT(30000) -> FC(20000)").build()
    state = {"fc1.weight": np.broadcast_to(np.float32(0), (30000, 20000)), "fc1.bias": np.zeros(20000, np.float32)}
    with pytest.raises(OptionError) as caught:
        onnx_model(Parcel(network, state))

    assert str(caught.value).startswith("30000: too many weights for one ONNX file; got 2,400,080,000 bytes")
