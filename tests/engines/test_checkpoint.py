"""Activation checkpointing: less memory, and the same weights to the last bit."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from tatami.engines import compile
from tatami.engines.cpu import model as cpu_model
from tatami.errors import OptionError
from tatami.network import find_network
from tatami.plan.checkpoint import cut_points, even_cuts, with_cuts
from tatami.plan.cost import layer_costs
from tatami.plan.groups import make_groups
from tatami.plan.memory import StepSettings, memory
from tatami.plan.program import Settings, make_program
from tatami.recipe import SGD, Adam, CrossEntropy

BATCH = 4

DEEP = "INPUT(16x16x3) -> [CONV(8, bias=no) -> BN -> RELU]*12 -> GAP -> FC(3)"

NETWORKS = {
    "norm": "INPUT(8x8x3) -> [CONV(8, bias=no) -> BN -> RELU]*5 -> GAP -> FC(3)",
    "norm without activation": "INPUT(8x8x3) -> [CONV(8, 1) -> BN -> CONV(8) -> BN -> BN]*3 -> GAP -> FC(3)",
    "dropout": "INPUT(8x8x3) -> [CONV(8) -> RELU -> DROPOUT(0.4)]*4 -> DROPOUT(0.2) -> GAP -> DROPOUT(0.1) -> FC(3)",
    "dropout over a cut": "INPUT(8x8x3) -> [CONV(8) -> DROPOUT(0.4) -> BN -> DROPOUT(0.2) -> CONV(8, 1)]*3 -> FC(3)",
    "residual": "INPUT(8x8x3) -> CONV(8) -> BN -> RELU"
    " -> [RES[CONV(8) -> BN -> RELU -> CONV(8) -> BN] -> RELU]*3 -> GAP -> FC(3)",
    "residual, norm first": "INPUT(8x8x3) -> CONV(8)"
    " -> [RES[BN -> RELU -> CONV(8) -> DROPOUT(0.1) -> BN -> RELU -> CONV(8)]]*3 -> GAP -> FC(3)",
    "dense": "INPUT(8x8x3) -> CONV(8)"
    " -> [CONCAT[ID | BN -> RELU -> CONV(8, 1) -> BN -> RELU -> CONV(4)]]*3 -> BN -> GAP -> FC(3)",
    "branches": "INPUT(8x8x3) -> CONV(8) -> RELU"
    " -> [CONCAT[CONV(4, 1) -> RELU | CONV(4) -> BN | POOL(3, S=1, P=1) -> CONV(4, 1)]]*3 -> GAP -> FC(3)",
    "excite": "INPUT(8x8x3) -> [CONV(8) -> BN -> HSWISH -> MUL[ID | GAP -> FC(4) -> RELU -> FC(8) -> HSIGMOID]]*3"
    " -> GAP -> FC(3)",
    "split": "INPUT(8x8x3) -> CONV(8) -> RELU -> [SPLIT[ID | CONV(depth, 1) -> BN -> RELU] -> SHUFFLE]*3"
    " -> GAP -> FC(3)",
    "pools": "INPUT(16x16x3) -> CONV(8) -> TANH -> POOL(2) -> CONV(8) -> GELU -> POOL(avg, 2)"
    " -> CONV(8) -> LN -> SIGMOID -> LRN -> POOL(2) -> FLATTEN -> FC(16) -> RELU -> FC(8) -> RELU -> FC(3)",
    "vectors": "INPUT(20) -> FC(16) -> BN -> RELU -> DROPOUT(0.3) -> FC(16) -> SIGMOID -> FC(16) -> RELU -> FC(3)",
    "softmax": "INPUT(8x8x3) -> [CONV(8) -> BN -> RELU]*3 -> GAP -> FC(3) -> SOFTMAX",
}


def network_of(name):
    return find_network(NETWORKS.get(name, name)).build()


def make(network, checkpoint, plain=False, batch=BATCH, **options):
    settings = {"optimizer": Adam(lr=0.01, clip_norm=1.0), "loss": CrossEntropy(), "seed": 5, "init": "he"}
    return cpu_model.CpuModel(
        network,
        batch=batch,
        dtype=np.dtype(np.float32),
        plain=plain,
        checkpoint=checkpoint,
        **{**settings, **options},
    )


def trained(model, sizes):
    """All that steps on batches of ``sizes`` leave: losses, weights, the optimizer's state, last gradients."""
    rng = np.random.default_rng(0)
    losses = []
    for n in sizes:
        x = rng.standard_normal((n, *model.network.input_shape)).astype(np.float32)
        y = rng.integers(3, size=n)
        losses.append(np.float64(model.step(x, y)))
    _, gradients = model.gradients(x, y)
    return {"losses": np.array(losses), **model.state_dict(), **model.training_state(), **gradients}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name].tobytes() == expected[name].tobytes(), name


# A whole batch, one sample, a smaller last batch, and steps of several parts, whose gradients are accumulated.
SIZES = (4, 1, 3, 4, 9)


def points_of(network):
    """Where a network may be cut on the CPU engine, all of them."""
    ends = {group.last.name for group in make_groups(network, training=True)}
    return tuple(name for name in cut_points(network) if name in ends)


@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])
@pytest.mark.parametrize("name", NETWORKS)
def test_wherever_it_is_cut_the_weights_are_the_same_to_the_last_bit(name, plain, monkeypatch):
    network = network_of(name)
    expected = trained(make(network, False, plain), SIZES)
    scored = make(network, False)._scored
    points = points_of(scored)
    assert len(points) >= 3
    again = 0
    for cuts in [points, points[::2], points[1::3], *([point] for point in points)]:
        monkeypatch.setattr(cpu_model, "with_cuts", lambda _, settings, cuts=tuple(cuts): replace(settings, cuts=cuts))
        model = make(network, True, plain)
        model._grow(2 * make_program(scored, model._settings(training=True)).arena.size)
        model._arena[:] = 255  # no op may count on what another step has left
        assert_same(trained(model, SIZES), expected)
        again += sum(op.phase == "recompute" for op in model._trained().program.ops)
    assert again > len(points)


def test_a_segment_runs_again_just_before_its_first_way_back():
    program = make_program(network_of("norm"), Settings(BATCH, cuts=("relu2",)))
    ops = [(op.phase, op.node) for op in program.ops]
    again = [(phase, node) for phase, node in ops if phase == "recompute"]
    # The group bn2+relu2 ends the segment. What it has made is read by the next; its way back takes only its input.
    assert again == [("recompute", "conv1"), ("recompute", "bn1"), ("recompute", "conv2")]
    start = ops.index(again[0])
    assert ops[start - 1] == ("backward", "conv3")
    assert ops[start + 3] == ("backward", "bn2")


@pytest.mark.parametrize("net", [DEEP, "resnet20", "densenet121", "vgg11"])
def test_the_plan_foretells_the_smaller_step_to_the_byte(net):
    network, batch = network_of(net), 2
    settings = StepSettings(batch, SGD(momentum=0.9), checkpoint=True)
    options = {"batch": batch, "optimizer": SGD(momentum=0.9), "plain": None}
    costs = layer_costs(network)

    taken = make(network, True, **options).memory()

    foretold, usual = memory(network, costs, settings), memory(network, costs, replace(settings, checkpoint=False))
    keys = ("input", "weights", "gradients", "optimizer", "activations", "workspace", "peak_bytes")
    assert {key: taken[key] for key in keys} == {key: getattr(foretold, key) for key in keys}
    assert taken["peak_bytes"] < usual.peak_bytes
    assert taken["activations"] < usual.activations
    assert "recompute" in {step.phase for step, _ in foretold.timeline}


def test_a_deep_network_takes_a_fraction_of_the_memory():
    text = "INPUT(32x32x3) -> [CONV(16, bias=no) -> BN -> RELU]*50 -> GAP -> FC(3)"
    network, settings = network_of(text), Settings(16, threads=1)
    usual, less = (make_program(network, each).arena.size for each in (settings, with_cuts(network, settings)))
    assert less < usual / 2


@pytest.mark.parametrize("net", ["resnet20", "shufflenet_v2", "googlenet_bn"])
def test_networks_of_the_zoo_train_the_same_where_the_plan_cuts_them(net):
    network = find_network(net).build((64, 64, 3), 3)
    found, usual = make(network, True, batch=2), make(network, False, batch=2)
    assert_same(trained(found, (2, 1, 3)), trained(usual, (2, 1, 3)))
    assert found.arena_bytes < usual.arena_bytes


@pytest.mark.parametrize("engine", ["cpu", "textbook"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_engine_trains_the_same_with_it(engine, name):
    network = network_of(name)
    made = (compile(network, engine, batch=BATCH, seed=5, checkpoint=each) for each in (True, False))
    found, usual = (trained(model, SIZES) for model in made)
    assert_same(found, usual)


def test_the_textbook_engine_keeps_less():
    network = network_of(DEEP)
    found, usual = (compile(network, "textbook", batch=8, checkpoint=each).memory() for each in (True, False))
    assert found["activations"] < usual["activations"] / 2
    assert found["peak_bytes"] < usual["peak_bytes"] / 1.5
    assert found["gradients"] == usual["gradients"]


def test_about_as_many_segments_as_each_has_layers():
    network = network_of("INPUT(4x4x2) -> [CONV(2)]*24")
    assert even_cuts(network) == ("conv4", "conv9", "conv14", "conv19")
    assert even_cuts(network_of("INPUT(4) -> FC(2)")) == ()


def test_a_network_that_cannot_be_cut_is_trained_as_ever():
    network = network_of("INPUT(8x8x3) -> RES[CONV(3) -> BN -> RELU -> CONV(3)]")
    settings = Settings(BATCH)
    assert with_cuts(network, settings) == settings
    assert with_cuts(network, replace(settings, training=False)) == replace(settings, training=False)


def test_a_copy_of_a_model_trains_with_it_too():
    model = make(network_of(DEEP), True)
    twin = copy.deepcopy(model)
    assert twin.checkpoint
    assert twin.arena_bytes == model.arena_bytes < make(network_of(DEEP), False).arena_bytes


@pytest.mark.parametrize("value", [1, "yes", None])
def test_checkpoint_is_true_or_false(value):
    with pytest.raises(OptionError, match=r"impossible checkpoint.*True or False"):
        compile(network_of(DEEP), checkpoint=value)


def test_the_plan_of_pytorch_knows_it():
    network = find_network("resnet50").build()
    settings = StepSettings(8, engine="torch")
    usual, again = (memory(network, (), replace(settings, checkpoint=each)) for each in (False, True))
    assert again.peak_bytes < 0.7 * usual.peak_bytes
    assert {step.phase for step, _ in again.timeline} >= {"recompute"}


def test_segments_are_for_pytorch():
    with pytest.raises(OptionError, match="segments are for PyTorch; got cpu; expected checkpoint, for the CPU engine"):
        StepSettings(segments=(("conv1",),))
