"""The roofline against arithmetic by hand."""

import pytest

from tatami.errors import OptionError
from tatami.network import Network, build
from tatami.notation import parse
from tatami.plan.devices import Device
from tatami.plan.time import DATA_SHEET, MEASURED, LayerTime, StepTime, foretell_time
from tatami.recipe import SGD, Adam

CARD = Device("card", bandwidth_gbs=100, fp32_tflops=1, tf32_tflops=4, bf16_tflops=8)
FLOPS, BYTES = 0.6 * 1e12, 0.8 * 100e9  # a second, by the assumptions for a data sheet


def foretell(text: str, **options: object) -> StepTime:
    return foretell_time(network(text), CARD, **options)  # type: ignore[arg-type]


def network(text: str) -> Network:
    return build(parse(text))


def layers(time: StepTime) -> dict[str, LayerTime]:
    return {layer.name: layer for layer in time.layers}


def test_the_assumptions() -> None:
    assert (DATA_SHEET.compute, DATA_SHEET.memory) == (0.6, 0.8)
    assert str(DATA_SHEET).startswith("assumes 0.6 of peak (")
    assert "and 0.8 of bandwidth (" in str(DATA_SHEET)


def test_a_convolution_bound_by_arithmetic() -> None:
    time = layers(foretell("INPUT(32x32x64) -> CONV(64, 1, bias=no) -> CONV(64, 3, bias=no)", batch=10))["conv2"]
    macs = 10 * 32 * 32 * 64 * 3 * 3 * 64
    values = 10 * (32 * 32 * 64 + 32 * 32 * 64) + 3 * 3 * 64 * 64
    assert (time.forward.flops, time.forward.bytes) == (2 * macs, 4 * values)
    assert (time.backward.flops, time.backward.bytes) == (4 * macs, 8 * values)
    assert time.forward.seconds == pytest.approx(2 * macs / FLOPS)
    assert time.backward.seconds == pytest.approx(4 * macs / FLOPS)
    assert time.forward.binds == time.backward.binds == time.binds == "compute"


def test_the_first_layer_gives_no_gradient_to_the_data() -> None:
    time = layers(foretell("INPUT(32x32x3) -> RELU -> CONV(8, 3)"))
    assert time["conv1"].backward.flops == time["conv1"].forward.flops
    assert time["relu1"].backward.seconds == 0
    assert time["relu1"].backward.binds == ""
    assert time["input"].seconds == 0


def test_depthwise_and_grouped_backward_is_twice_forward() -> None:
    time = layers(foretell("INPUT(16x16x32) -> CONV(32, 1) -> DWCONV(3) -> CONV(32, 3, groups=4)"))
    assert time["dwconv1"].forward.flops == 2 * 16 * 16 * 32 * 9
    assert time["conv2"].forward.flops == 2 * 16 * 16 * 32 * 9 * 8
    for name in ("dwconv1", "conv2"):
        assert time[name].backward.flops == 2 * time[name].forward.flops
    assert time["dwconv1"].binds == "memory"  # 9 MACs for each 8 bytes


def test_a_dense_layer_bound_by_its_weights() -> None:
    time = layers(foretell("INPUT(1000) -> FC(1000, bias=no) -> FC(1000, bias=no)"))["fc2"]
    assert time.forward.bytes == 4 * (1000 + 1000 + 1_000_000)
    assert time.forward.seconds == pytest.approx(4 * 1_002_000 / BYTES)
    assert time.forward.binds == "memory"


X = 8 * 8 * 4  # values of a map
ELEMENTWISE = [
    ("RELU", "relu1", 2 * X, 3 * X),
    ("DROPOUT(0.5)", "dropout1", 2 * X, 3 * X),
    ("SOFTMAX", "softmax1", 2 * X, 3 * X),
    ("BN", "bn1", 3 * X + 8, 5 * X + 16),
    ("LN", "ln1", 2 * X + 8, 3 * X + 16),
    ("POOL(2)", "pool1", X + X // 4, X // 4 + 2 * X),
    ("POOL(2, avg)", "pool1", X + X // 4, X // 4 + X),
    ("GAP", "gap1", X + 4, X + 4),
    ("FLATTEN", "flatten1", 0, 0),
    ("SHUFFLE(2)", "shuffle1", 2 * X, 2 * X),
    ("SLICE(0, 1)", "slice1", X // 2, X // 4 + X),
]


@pytest.mark.parametrize(("layer", "name", "forward", "backward"), ELEMENTWISE, ids=[case[0] for case in ELEMENTWISE])
def test_values_read_and_written(layer: str, name: str, forward: int, backward: int) -> None:
    time = layers(foretell(f"INPUT(8x8x4) -> CONV(4, 1) -> {layer}"))[name]
    assert (time.forward.flops, time.backward.flops) == (0, 0)
    assert (time.forward.bytes, time.backward.bytes) == (4 * forward, 4 * backward)
    assert time.forward.seconds == pytest.approx(4 * forward / BYTES)
    assert time.binds == ("memory" if forward else "")


@pytest.mark.parametrize(
    ("merge", "name", "forward", "backward"),
    [
        ("ADD[RELU | TANH]", "add1", 3 * X, 0),
        ("MUL[RELU | TANH]", "mul1", 3 * X, 2 * X + 2 * X + 2 * X),  # dY and the other input, twice; two dX
        ("CONCAT[RELU | TANH]", "concat1", 4 * X, 4 * X),
    ],
)
def test_where_branches_meet_and_part(merge: str, name: str, forward: int, backward: int) -> None:
    time = layers(foretell(f"INPUT(8x8x4) -> CONV(4, 1) -> TANH -> {merge}"))
    assert (time[name].forward.bytes, time[name].backward.bytes) == (4 * forward, 4 * backward)
    # Both branches read tanh1: their two gradients are added up before its own backward pass.
    assert time["tanh1"].backward.bytes == 4 * (3 * X + 3 * X)


def test_frozen_data_gather_no_gradients() -> None:
    time = layers(foretell("INPUT(8x8x4) -> ADD[RELU | TANH]"))
    assert time["input"].backward.bytes == time["relu1"].backward.bytes == 0


@pytest.mark.parametrize(("optimizer", "values"), [(SGD(), 3), (SGD(momentum=0.9), 5), (Adam(), 7)])
def test_the_update_moves_parameters_gradients_and_state(optimizer: SGD | Adam, values: int) -> None:
    time = foretell("INPUT(10) -> FC(9)", optimizer=optimizer)
    assert time.update.bytes == 4 * values * (10 * 9 + 9)
    assert time.update.seconds == pytest.approx(4 * values * 99 / BYTES)


def test_bf16_halves_the_bytes_but_not_those_of_the_update() -> None:
    text = "INPUT(32x32x64) -> CONV(64, 1) -> CONV(64, 3) -> RELU"
    single, half = foretell(text), foretell(text, dtype="bf16")
    for one, other in zip(single.layers, half.layers, strict=True):
        assert one.forward.bytes == 2 * other.forward.bytes
        assert one.backward.flops == other.backward.flops
    assert half.layers[2].forward.seconds == pytest.approx(single.layers[2].forward.seconds / 8)
    # Weight read and written and gradient read in 4 bytes; in bf16 the copy in 2 bytes is written as well.
    params = 64 * 64 + 64 + 9 * 64 * 64 + 64
    assert (single.update.bytes, half.update.bytes) == (12 * params, 14 * params)


def test_tf32_changes_the_peak_alone() -> None:
    text = "INPUT(32x32x64) -> CONV(64, 3)"
    single, tensor = foretell(text), foretell(text, dtype="tf32")
    assert tensor.layers[1].forward.bytes == single.layers[1].forward.bytes
    assert tensor.layers[1].forward.flops == single.layers[1].forward.flops
    assert tensor.layers[1].forward.seconds == pytest.approx(single.layers[1].forward.seconds / 4)


def test_sums_and_rates() -> None:
    time = foretell("INPUT(8x8x4) -> CONV(4) -> RELU -> FC(3)", batch=20)
    assert time.forward == pytest.approx(sum(layer.forward.seconds for layer in time.layers))
    assert time.seconds == pytest.approx(time.forward + time.backward + time.update.seconds)
    assert time.training_rate == pytest.approx(20 / time.seconds)
    assert time.inference_rate == pytest.approx(20 / time.forward)


def test_a_measured_device_has_other_efficiencies() -> None:
    machine = Device("machine", bandwidth_gbs=10, fp32_tflops=0.1, measured=True)
    time = foretell_time(network("INPUT(1000) -> FC(1000)"), machine)
    assert time.efficiency is MEASURED
    assert time.layers[1].forward.seconds == pytest.approx(4 * (2000 + 1_001_000) / (0.9 * 10e9))


def test_nothing_to_do_takes_no_time() -> None:
    time = foretell("INPUT(8x8x3) -> FLATTEN")
    assert (time.seconds, time.training_rate, time.inference_rate) == (0, 0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "impossible batch; got 0; expected at least 1"),
        ({"dtype": "bf61"}, r"unknown dtype; got bf61; expected float32, tf32, bf16 \(hint: did you mean bf16\?\)"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=f"^{message}$"):
        foretell("INPUT(8) -> FC(2)", **options)


def test_a_device_without_figures() -> None:
    with pytest.raises(OptionError, match=r"^bare: no float32 peak is known"):
        foretell_time(network("INPUT(8) -> FC(2)"), Device("bare"))
