"""Plans against published counts and hand arithmetic."""

import pytest

from tatami.errors import OptionError
from tatami.network import build, find_network
from tatami.notation import parse
from tatami.plan import make_plan
from tatami.recipe import SGD, Adam


def test_vgg16() -> None:
    plan = make_plan(find_network("vgg16").build())
    assert plan.totals.params == 138_357_544
    assert plan.totals.macs == 15_470_264_320
    assert plan.totals.flops == 2 * 15_470_264_320
    assert plan.totals.activation_values == 15_237_608
    assert plan.memory.textbook_forward_bytes == 60_950_432


def test_memory_of_three_layers_of_64_filters() -> None:
    # CS231n: 3 layers of 64 filters at 224x224, both passes: 73.5 MiB.
    plan = make_plan(build(parse("INPUT(224x224x3) -> [CONV(64)]*3")))
    without_input = 2 * 4 * sum(cost.activation_values for cost in plan.layers[1:])
    assert without_input == 3 * 224 * 224 * 64 * 4 * 2
    assert round(without_input / 2**20, 1) == 73.5


def test_memory_grows_with_batch_and_optimizer() -> None:
    network = build(parse("INPUT(8x8x2) -> CONV(3, 3) -> BN -> RELU -> FC(4)"))
    params = 3 * 3 * 2 * 3 + 2 * 3 + 8 * 8 * 3 * 4 + 4  # no bias before BN
    maps = 8 * 8 * 2 + 8 * 8 * 3 + 8 * 8 * 3 + 4  # input, CONV, BN, FC; RELU in place
    memory = make_plan(network, batch=5, optimizer=Adam()).memory
    assert memory.weights == 4 * (params + 2 * 3)
    assert memory.gradients == 4 * params
    assert memory.optimizer == 2 * 4 * params
    assert memory.textbook_forward_bytes == 4 * 5 * maps
    # BN keeps what CONV gave and three statistics a channel; what FC read is made again from these.
    assert memory.activations == 4 * 5 * (8 * 8 * 3) + 4 * 3 * 3
    assert memory.input == 4 * 5 * (8 * 8 * 2)
    assert memory.textbook_training_bytes == 2 * memory.textbook_forward_bytes
    assert make_plan(network, optimizer=SGD(momentum=0.9)).memory.optimizer == 4 * params
    assert make_plan(network).memory.optimizer == 0


def test_an_activation_works_in_place_only_where_nobody_else_reads_its_input() -> None:
    plan = make_plan(build(parse("INPUT(4x4x2) -> CONV(2) -> RES[RELU -> CONV(2)] -> RELU")))
    values = {cost.name: cost.activation_values for cost in plan.layers}
    assert values["relu1"] == 4 * 4 * 2  # the shortcut still needs what it reads
    assert values["relu2"] == 0


def test_running_statistics_are_no_parameters() -> None:
    totals = make_plan(build(parse("INPUT(8x8x2) -> BN"))).totals
    assert (totals.params, totals.buffers) == (4, 4)


def test_crops_say_what_is_never_seen() -> None:
    plan = make_plan(build(parse("INPUT(224x224x3) -> CONV(96, 11, S=4, P=0)")))
    assert plan.layers[1].notes == ("(224 - 11 + 2*0)/4 + 1 = 54.25 is rounded down: pixel 223 is never seen",)


def test_a_crop_of_padding_alone_is_no_note() -> None:
    assert make_plan(find_network("resnet18").build()).layers[1].notes == ()


def test_impossible_batch() -> None:
    network = find_network("lenet5").build()
    for batch in (0, 2.5, True):
        with pytest.raises(OptionError, match=f"impossible batch; got {batch}; expected a whole number of at least 1"):
            make_plan(network, batch=batch)


def test_an_optimizer_is_an_object() -> None:
    with pytest.raises(OptionError, match="this is no optimizer; got 'adam'"):
        make_plan(find_network("lenet5").build(), optimizer="adam")
