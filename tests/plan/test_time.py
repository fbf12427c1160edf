"""The roofline, and the host that starts kernels, against arithmetic by hand."""

from dataclasses import replace

import pytest

from tatami.errors import OptionError
from tatami.network import Network, build
from tatami.notation import parse
from tatami.plan.devices import Device
from tatami.plan.efficiency import DATA_SHEET, MEASURED
from tatami.plan.launches import update_launches
from tatami.plan.time import LayerTime, StepTime, foretell_time
from tatami.recipe import SGD, Adam

CARD = Device("card", bandwidth_gbs=100, fp32_tflops=1, tf32_tflops=4, bf16_tflops=8)
FLOPS, BYTES = 0.6 * 1e12, 0.8 * 100e9  # a second, by the assumptions for a data sheet
ROOF = replace(DATA_SHEET, launch=0.0)  # the roofline alone: kernels start by themselves
START = 10e-6  # seconds of the host for each kernel


def foretell(text: str, **options: object) -> StepTime:
    return foretell_time(network(text), CARD, **{"efficiency": ROOF, **options})  # type: ignore[arg-type]


def with_host(text: str, **options: object) -> StepTime:
    return foretell(text, efficiency=DATA_SHEET, **options)


def network(text: str) -> Network:
    return build(parse(text))


def layers(time: StepTime) -> dict[str, LayerTime]:
    return {layer.name: layer for layer in time.layers}


def test_the_assumptions() -> None:
    assert (DATA_SHEET.compute, DATA_SHEET.memory, DATA_SHEET.launch) == (0.6, 0.8, START)
    assert str(DATA_SHEET).startswith("assumes 0.6 of peak (")
    assert "and 0.8 of bandwidth (" in str(DATA_SHEET)
    assert ", 10 us a kernel (" in str(DATA_SHEET)
    assert "a kernel" not in str(MEASURED)  # the CPU engine's step is one call
    assert foretell_time(network("INPUT(9) -> FC(2)"), CARD).efficiency is DATA_SHEET


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
    time = layers(foretell("INPUT(16x16x32) -> CONV(32, 1) -> DWCONV(3, bias=no) -> CONV(32, 3, groups=4, bias=no)"))
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


def test_a_bias_is_added_by_a_kernel_of_its_own() -> None:
    """In PyTorch; FC adds it in its product, and its gradient is a sum over dY in both. Not so on this machine."""
    text = "INPUT(8x8x4) -> CONV(4, 1, bias={0}) -> CONV(4, 1, bias={0}) -> FC(5, bias={0})"
    without, biased = (layers(with_host(text.format(word), batch=3)) for word in ("no", "yes"))
    conv, plain = biased["conv2"], without["conv2"]
    y = 3 * X
    assert conv.forward.bytes - plain.forward.bytes == 4 * (4 + 2 * y)  # the bias itself; Y read and written
    assert conv.backward.bytes - plain.backward.bytes == 4 * (2 * 4 + y)
    assert (conv.forward.kernels, conv.backward.kernels) == (2, 3)
    assert (plain.forward.kernels, plain.backward.kernels) == (1, 2)
    fc, plain = biased["fc1"], without["fc1"]
    assert fc.forward.bytes - plain.forward.bytes == 4 * 5
    assert fc.backward.bytes - plain.backward.bytes == 4 * (2 * 5 + 3 * 5)
    assert (fc.forward.kernels, fc.backward.kernels) == (1, 3)

    machine = replace(CARD, measured=True)
    here = layers(foretell_time(network(text.format("yes")), machine, 3))["conv2"]
    assert here.forward.bytes == 4 * (2 * y + 4 * 4 + 4)
    assert (here.forward.kernels, here.backward.kernels) == (0, 0)


def test_bf16_halves_the_bytes_and_rounds_the_weights_each_step() -> None:
    text = "INPUT(32x32x64) -> CONV(64, 1, bias=no) -> CONV(64, 3, bias=no) -> RELU"
    single, half = layers(foretell(text)), layers(foretell(text, dtype="bf16"))
    relu, weights = half["relu1"], 9 * 64 * 64
    assert single["relu1"].forward.bytes == 2 * relu.forward.bytes
    assert relu.forward.seconds == pytest.approx(single["relu1"].forward.seconds / 2)
    for one, other in (
        (single["conv2"].forward, half["conv2"].forward),
        (single["conv2"].backward, half["conv2"].backward),
    ):
        assert other.flops == one.flops
        # Weights are read in 4 bytes and written in 2; their gradients the other way round.
        assert other.bytes == one.bytes // 2 + 6 * weights
        assert other.seconds == pytest.approx(one.seconds / 8)  # bound by arithmetic, at eight times the peak
    assert foretell(text, dtype="bf16").update.bytes == foretell(text).update.bytes == 12 * (64 * 64 + weights)


def test_bf16_rounds_the_batch() -> None:
    time = foretell("INPUT(8x8x4) -> CONV(4, 1)", batch=5, dtype="bf16")
    assert time.layers[0].forward.bytes == 5 * X * (4 + 2)
    assert foretell("INPUT(8x8x4) -> CONV(4, 1)", batch=5).layers[0].forward.bytes == 0


def test_rounding_weights_takes_a_kernel_a_tensor() -> None:
    text = "INPUT(8x8x4) -> CONV(4, 1, bias=no) -> BN -> FC(5)"
    for name, tensors in (("conv1", 1), ("fc1", 2), ("bn1", 0)):
        single, half = (layers(with_host(text, dtype=dtype))[name] for dtype in ("float32", "bf16"))
        assert half.forward.kernels - single.forward.kernels == tensors
        assert half.backward.kernels - single.backward.kernels == tensors


def test_tf32_changes_the_peak_alone() -> None:
    text = "INPUT(32x32x64) -> CONV(64, 3, bias=no)"
    single, tensor = foretell(text), foretell(text, dtype="tf32")
    assert tensor.layers[1].forward.bytes == single.layers[1].forward.bytes
    assert tensor.layers[1].forward.flops == single.layers[1].forward.flops
    assert tensor.layers[1].forward.seconds == pytest.approx(single.layers[1].forward.seconds / 4)


@pytest.mark.parametrize(
    ("depth", "filters", "dtype", "filled"),
    [
        (64, 64, "bf16", 64 * 64),
        (60, 65, "bf16", 64 * 72),  # multiples of 8
        (60, 65, "tf32", 60 * 68),  # of 4
        (3, 64, "bf16", 8 * 64),
        (60, 65, "float32", 60 * 65),
    ],
)
def test_tensor_cores_compute_with_channels_filled_up(depth: int, filters: int, dtype: str, filled: int) -> None:
    time = foretell(f"INPUT(32x32x{depth}) -> CONV({filters}, 7, bias=no)", batch=100, dtype=dtype)
    forward = layers(time)["conv1"].forward
    peak = {"float32": 1e12, "tf32": 4e12, "bf16": 8e12}[dtype]
    assert forward.flops == 2 * 100 * 32 * 32 * 49 * depth * filters
    assert forward.binds == "compute"
    assert forward.seconds == pytest.approx(2 * 100 * 32 * 32 * 49 * filled / (0.6 * peak))


def test_depthwise_takes_the_plain_units_where_they_are_faster() -> None:
    """Filled up to 8 x 8, a filter of one channel would be 64 times the work, at 8 times the speed."""
    time = foretell("INPUT(32x32x64) -> CONV(64, 1) -> DWCONV(31, bias=no)", batch=10, dtype="bf16")
    forward = layers(time)["dwconv1"].forward
    assert forward.seconds == pytest.approx(2 * 10 * 32 * 32 * 64 * 31 * 31 / FLOPS)


def test_an_fc_is_filled_up_too() -> None:
    time = layers(foretell("INPUT(801) -> FC(803, bias=no)", batch=100_000, dtype="bf16"))["fc1"]
    assert time.forward.seconds == pytest.approx(2 * 100_000 * 808 * 808 / (0.6 * 8e12))


def test_a_small_network_waits_for_the_host() -> None:
    time = with_host("INPUT(10) -> FC(9) -> RELU -> TANH")
    forward, backward = (1, 1, 1), (1, 1, 2)  # for FC weights and bias, as its input needs no gradient
    assert time.kernels == sum(forward) + sum(backward) + 1
    assert time.host == pytest.approx(8 * START)
    last = time.update.bytes / BYTES  # what the device does after the last start
    assert time.seconds == pytest.approx(8 * START + last)
    assert {layer.forward.binds for layer in time.layers[1:]} == {"launch"}
    assert time.layers[2].forward.seconds == pytest.approx(START, rel=1e-3)


def test_a_large_layer_hides_the_starts_behind_it() -> None:
    text = "INPUT(512x512x8) -> CONV(8, 1, bias=no) -> RELU"
    time, roof = with_host(text, batch=16), foretell(text, batch=16)
    # All kernels are long, so the device waits for the first one's start alone.
    assert time.seconds == pytest.approx(roof.seconds + START)
    assert layers(time)["conv1"].forward.seconds == pytest.approx(layers(roof)["conv1"].forward.seconds + START)
    assert layers(time)["relu1"].forward.seconds == pytest.approx(layers(roof)["relu1"].forward.seconds)


def test_the_host_runs_ahead_as_far_as_a_long_kernel_lets_it() -> None:
    """A long kernel, then short ones: they start late by what their starts take beyond the long one's work."""
    long = "INPUT(64x64x8) -> CONV(8, 1, bias=no)"
    short = " -> POOL(64, S=64) -> TANH" + " -> RELU" * 20
    time = with_host(long + short)
    work = layers(foretell(long + short))
    starts = (1 + 1 + 1 + 20) * START
    assert work["conv1"].forward.seconds < starts
    assert time.forward == pytest.approx(starts + work["relu20"].forward.seconds)
    assert layers(time)["tanh1"].forward.seconds <= START


def test_several_kernels_of_one_pass_are_of_equal_length() -> None:
    """BN's three: the last is started after 4 starts (CONV's is the first) and still has a third of the work to do."""
    text = "INPUT(16x16x8) -> CONV(8, 1, bias=no) -> BN"
    time, work = layers(with_host(text)), layers(foretell(text))["bn1"].forward.seconds
    assert work < START
    ends = [layer.forward.seconds for layer in time.values()]
    assert sum(ends) == pytest.approx(4 * START + work / 3)


def test_kernels_of_an_update() -> None:
    assert update_launches([], 0) == 0
    assert update_launches([10], 1) == 1
    assert update_launches([10] * 48, 1) == 1  # weight, gradient, velocity: 48 tensors a launch
    assert update_launches([10] * 49, 1) == 2
    assert update_launches([10] * 37, 2) == 2  # Adam: 36
    assert update_launches([65536 * 320], 0) == 1
    assert update_launches([65536 * 320 + 1], 0) == 2


def test_sums_and_rates() -> None:
    time = with_host("INPUT(8x8x4) -> CONV(4) -> RELU -> FC(3)", batch=20)
    assert time.forward == pytest.approx(sum(layer.forward.seconds for layer in time.layers))
    assert time.seconds == pytest.approx(time.forward + time.backward + time.update.seconds)
    assert time.training_rate == pytest.approx(20 / time.seconds)
    assert time.inference_rate == pytest.approx(20 / time.forward)


def test_a_measured_device_has_other_efficiencies() -> None:
    machine = Device("machine", bandwidth_gbs=10, fp32_tflops=0.1, measured=True)
    time = foretell_time(network("INPUT(1000) -> FC(1000)"), machine)
    assert (time.kernels, time.host) == (0, 0)
    assert time.efficiency is MEASURED
    assert time.layers[1].forward.seconds == pytest.approx(4 * (2000 + 1_001_000) / (0.9 * 10e9))


def test_nothing_to_do_takes_no_time() -> None:
    time = with_host("INPUT(8x8x3) -> FLATTEN")
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
