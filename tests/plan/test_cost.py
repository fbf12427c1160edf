"""Costs of a layer against arithmetic by hand."""

import pytest

from tatami.network import build, find_network
from tatami.notation import parse
from tatami.plan import LayerCost, Plan, make_plan
from tatami.plan.devices import Device
from tatami.plan.time import foretell_time


def plan_of(text: str) -> Plan:
    return make_plan(build(parse(text)))


def costs(text: str) -> dict[str, LayerCost]:
    return {cost.name: cost for cost in plan_of(text).layers}


def test_backward_is_twice_forward_but_for_the_first_layer() -> None:
    found = costs("INPUT(16x16x3) -> CONV(8, 3) -> RELU -> CONV(4, 5, S=2, P=2) -> FC(10)")
    first, second, last = 16 * 16 * 8 * 27, 8 * 8 * 4 * 200, 8 * 8 * 4 * 10
    assert (found["conv1"].macs, found["conv1"].backward_macs) == (first, first)  # no gradient for the data
    assert (found["conv2"].macs, found["conv2"].backward_macs) == (second, 2 * second)
    assert (found["fc1"].macs, found["fc1"].backward_macs) == (last, 2 * last)
    assert found["relu1"].backward_macs == found["input"].backward_macs == 0


def test_whatever_learns_before_it_makes_a_layer_give_a_gradient() -> None:
    found = costs("INPUT(8x8x3) -> BN -> CONV(8, 3)")
    assert found["conv1"].backward_macs == 2 * found["conv1"].macs


def test_both_first_branches_give_none() -> None:
    found = costs("INPUT(8x8x4) -> ADD[CONV(4, 3) | CONV(4, 1)] -> CONV(2, 1)")
    assert [found[name].backward_macs // found[name].macs for name in ("conv1", "conv2", "conv3")] == [1, 1, 2]


def test_grouped_and_depthwise_backward() -> None:
    found = costs("INPUT(8x8x4) -> CONV(32, 1) -> DWCONV(3) -> CONV(64, 3, groups=4)")
    assert found["dwconv1"].macs == 8 * 8 * 32 * 9
    assert found["dwconv1"].backward_macs == 2 * 8 * 8 * 32 * 9
    assert found["conv2"].macs == 8 * 8 * 64 * 9 * 8
    assert found["conv2"].backward_macs == 2 * 8 * 8 * 64 * 9 * 8


@pytest.mark.parametrize("net", ["resnet18", "mobilenet_v2", "googlenet", "convnext_t"])
def test_the_time_counts_the_same_operations(net: str) -> None:
    network = find_network(net).build()
    time = foretell_time(network, Device("card", bandwidth_gbs=100, fp32_tflops=1))
    for cost, layer in zip(make_plan(network).layers, time.layers, strict=True):
        assert (layer.forward.flops, layer.backward.flops) == (cost.flops, 2 * cost.backward_macs)


def test_totals() -> None:
    totals = make_plan(find_network("vgg16").build()).totals
    first = 224 * 224 * 64 * 27
    assert totals.macs == 15_470_264_320
    assert totals.backward_macs == 2 * 15_470_264_320 - first


def test_bytes_in_float32() -> None:
    found = costs("INPUT(8x8x3) -> CONV(4, 3) -> BN -> RELU")
    assert found["conv1"].weight_bytes == 4 * 3 * 3 * 3 * 4
    assert found["bn1"].weight_bytes == 4 * (2 * 4 + 2 * 4)  # scale, shift and the running statistics
    assert found["bn1"].activation_bytes == 4 * 8 * 8 * 4
    assert found["relu1"].activation_bytes == found["relu1"].weight_bytes == 0


def test_intensity() -> None:
    found = costs("INPUT(32x32x64) -> CONV(64, 3) -> RELU -> ADD[ID | CONV(64, 1)] -> FC(1000)")
    params, maps = 9 * 64 * 64 + 64, 2 * 32 * 32 * 64
    assert found["conv1"].intensity == 2 * 32 * 32 * 64 * 9 * 64 / (4 * (params + maps))
    assert found["add1"].intensity == found["relu1"].intensity == found["input"].intensity == 0
    # Each weight of a dense layer is read for one product: at most 2 operations for 4 bytes.
    assert 0.49 < found["fc1"].intensity < 0.5
