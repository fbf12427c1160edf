"""The plan's memory held against PyTorch: the tensors that autograd saves, and the most that is alive at a time."""

from dataclasses import replace

import pytest

from tatami.engines import compile
from tatami.network import Network, build, zoo
from tatami.network.layers import product
from tatami.notation import parse
from tatami.plan.checkpoint import even_segments
from tatami.plan.kept import TORCH_CPU, Engine
from tatami.plan.program import scored_network
from tatami.plan.schedule import make_schedule
from tatami.recipe import Adam, CrossEntropy

torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")

from tatami.engines.torch.losses import loss_of  # noqa: E402
from tatami.engines.torch.module import NetworkModule  # noqa: E402
from tatami.engines.torch.rehearsal import Rehearsal, rehearse  # noqa: E402

WATCHED = replace(TORCH_CPU, adds_in_place=False)  # as long as somebody watches every operator

ODD = [
    "INPUT(9x9x3) -> CONV(4, 2) -> BN -> POOL(avg, 3, S=2, P=same) -> GELU -> FC(5)",
    "INPUT(16x16x3) -> CONV(4) -> RES[CONV(8, 2, S=1) -> LEAKY -> CONV(4)] -> TANH -> CONV(6)"
    " -> MUL[ID | GAP -> FC(6) -> SIGMOID] -> LRN -> FC(5) -> SOFTMAX",
    "INPUT(64x6) -> CONV(6, 5) -> TANH -> CONCAT[SLICE(0, 3) -> CONV(2, 5) | SLICE(2, 6) -> CONV(3)] -> FC(5)",
    "INPUT(4x8x8x2) -> CONV(4) -> BN -> RELU -> POOL -> ADD[ID | ID | CONV(4)] -> SHUFFLE(2) -> SCALE -> LN -> SILU"
    " -> FC(3)",
    "INPUT(32) -> FC(16) -> BN -> RELU -> RES[FC(16) -> LEAKY] -> DROPOUT -> CONCAT[ID | FC(3)] -> FC(3)",
    "INPUT(8x8x3) -> POOL -> ADD[ID | ID] -> CONV(4) -> HSWISH -> MUL[ID | HSIGMOID | RELU6] -> FLATTEN -> FC(3)",
]


def zoo_network(name: str) -> Network:
    entry = zoo.read(name)
    return build(parse(entry.text), input_shape=entry.input_shape, classes=entry.classes)


def foretold(network: Network, batch: int, engine: Engine = WATCHED, *, training: bool = True, **settings):
    """The plan's word on the same step, without what is constant."""
    network = scored_network(network, CrossEntropy()) if training else network
    schedule = make_schedule(network, engine, training=training, **settings)
    kept = schedule.kept() if training else ()
    return Rehearsal(sum(buffer.size(batch) for buffer in kept), max(schedule.alive(batch)))


@pytest.mark.parametrize("batch", [1, 8, 32])
@pytest.mark.parametrize("net", zoo.names())
def test_every_network_of_the_zoo_to_the_byte(net: str, batch: int) -> None:
    network = zoo_network(net)
    assert foretold(network, batch) == rehearse(network, batch)


@pytest.mark.parametrize("text", ODD)
def test_every_layer_to_the_byte(text: str) -> None:
    network = build(parse(text))
    assert foretold(network, 3) == rehearse(network, 3)


@pytest.mark.parametrize(
    "net", ["alexnet2012", "convnext_t", "googlenet", "inceptiontime", "mobilenet_v3_small", "vgg11"]
)
def test_inference_to_the_byte(net: str) -> None:
    network = zoo_network(net)
    assert foretold(network, 2, training=False) == rehearse(network, 2, training=False)


@pytest.mark.parametrize("net", ["all_cnn", "lenet5", "memo", "vgg11"])
def test_mixed_precision_saves_as_much_to_the_byte(net: str) -> None:
    network = zoo_network(net)
    found, seen = foretold(network, 2, bits=16), rehearse(network, 2, mixed=True)
    assert found.saved == seen.saved
    assert found.peak == pytest.approx(seen.peak, rel=0.001)


@pytest.mark.parametrize("net", ["densenet121", "fcn", "resnet18"])
def test_mixed_precision_of_batch_norm_on_a_cpu_has_narrow_statistics(net: str) -> None:
    network = zoo_network(net)
    statistics = sum(p.size for p in network.parameters().values() if not p.trainable)
    found, seen = foretold(network, 2, bits=16), rehearse(network, 2, mixed=True)
    assert found.saved - seen.saved == 2 * statistics
    assert found.peak == pytest.approx(seen.peak, rel=0.002)


@pytest.mark.parametrize(
    "net", ["convnext_t", "googlenet", "inceptiontime", "lenet5", "mobilenet_v2", "resnet18", "resnet50", "vgg11"]
)
def test_checkpointing_to_the_byte(net: str) -> None:
    network = zoo_network(net)
    found = foretold(network, 8, segments=even_segments(network))
    assert found.peak == rehearse(network, 8, checkpoint=True).peak


@pytest.mark.parametrize(
    ("text", "in_place"),
    [
        ("INPUT(64) -> FC(1024) -> CONCAT[SLICE(0, 8) | SLICE(8, 16) | SLICE(16, 24)] -> FC(4)", True),
        ("INPUT(64) -> FC(64) -> RES[FC(64) -> TANH] -> FC(4)", False),
        (
            "INPUT(64) -> FC(64) -> ADD[SLICE(0, 16) | SLICE(16, 32) | SLICE(32, 48) | SLICE(48, 64)] -> LN"
            " -> MUL[ID | SIGMOID | GELU] -> FC(4)",
            True,
        ),
    ],
)
def test_what_is_really_allocated(text: str, in_place: bool) -> None:
    """With nobody watching, autograd adds gradients in place: held against the memory that the profiler records.

    Args:
        text: a network.
        in_place: whether its peak depends on it.
    """
    network, batch = build(parse(text)), 4096
    module = NetworkModule(network)

    def passes() -> None:
        scores = module(torch.ones(batch, *network.input_shape))
        loss_of(CrossEntropy(), scores, torch.zeros(batch, dtype=torch.int64)).backward()
        module.zero_grad()

    passes()  # what is made once
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        passes()
    live = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            live += event.nbytes()
            peak = max(peak, live)
    assert foretold(network, batch, TORCH_CPU).peak == peak
    assert (foretold(network, batch, WATCHED).peak > peak) == in_place


@pytest.mark.parametrize("net", ["lenet5", "resnet20", "shufflenet_v2"])
def test_the_model_itself_takes_as_much(net: str) -> None:
    network = zoo_network(net)
    taken = compile(network, "torch", batch=4, device="cpu", optimizer=Adam()).memory()
    found, inputs = foretold(network, 4), 4 * 4 * product(network.input_shape)
    loss = 4 * (4 * network.output_shape[0] + 8) + 4  # log-probabilities, labels, the sum of the samples' weights
    assert taken["activations"] == found.saved + inputs + loss
    assert found.peak == pytest.approx(taken["peak_bytes"] - taken["weights"] - taken["optimizer"], rel=0.001)
