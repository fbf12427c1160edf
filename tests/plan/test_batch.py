"""The largest batch, held against the schedule itself and against hand arithmetic."""

import pytest

from tatami.network import build, find_network, zoo
from tatami.notation import parse
from tatami.plan import StepSettings, make_plan
from tatami.plan.batch import checkpointed, divisions, largest_batch
from tatami.plan.cuda import Foreteller, foretell
from tatami.plan.memory import memory
from tatami.recipe import SGD, Adam


def test_by_hand() -> None:
    # Weights 124, Adam's state 248 values and a count for each of 4 tensors. PyTorch's peak is the backward of relu1:
    # fc2's gradients are there (36), the loss and the gradient that it begins with (2), and a sample takes the input,
    # the output of fc1, its gradient before and behind the RELU, and the scores: 10 + 8 + 8 + 8 + 4 values.
    network = build(parse("INPUT(10) -> FC(8) -> RELU -> FC(4)"))
    constant, sample = 4 * (124 + 248 + 4 + 36 + 2), 4 * (10 + 8 + 8 + 8 + 4)
    for batch in (7, 100):
        settings = StepSettings(optimizer=Adam(), engine="torch-cpu")
        found = largest_batch(network, settings, constant + batch * sample + sample - 1)
        assert (found.batch, found.per_sample) == (batch, sample)


@pytest.mark.parametrize("net", ["lenet5", "resnet50", "googlenet", "mobilenet_v2"])
@pytest.mark.parametrize(
    "settings",
    [
        StepSettings(),
        StepSettings(optimizer=SGD(momentum=0.9), engine="torch"),
        StepSettings(engine="torch", dtype="bf16"),
        StepSettings(training=False),
    ],
    ids=["cpu", "torch", "bf16", "inference"],
)
def test_one_more_would_not_fit(net: str, settings: StepSettings) -> None:
    network, limit = find_network(net).build(), 3 * 10**9
    found = largest_batch(network, settings, limit)

    def peak(batch: int) -> int:
        return make_plan(
            network,
            batch,
            settings.optimizer,
            engine=settings.engine,
            dtype=settings.dtype,
            training=settings.training,
        ).memory.peak_bytes

    assert found.batch >= 1
    assert found.memory.peak_bytes == peak(found.batch)
    if settings.engine == "torch":
        foreteller = Foreteller(network, settings, limit=limit)
        assert foreteller.fits(found.batch)
        assert not foreteller.fits(found.batch + 1)
    else:
        assert peak(found.batch) <= limit < peak(found.batch + 1)


@pytest.mark.parametrize("net", ["resnet18", "vgg11", "shufflenet_v2"])
def test_on_a_gpu_the_allocator_has_its_segments(net: str) -> None:
    network, limit = find_network(net).build(), 8 * 10**9
    found = largest_batch(network, StepSettings(optimizer=Adam(), engine="torch"), limit)
    foretold = foretell(network, found.settings, limit=limit)
    assert foretold.fits
    assert foretold.reserved_peak >= foretold.allocated_peak > 0.8 * (limit - found.reserve)
    assert foretold.allocated_peak > found.memory.peak_bytes  # rounded, and with cuBLAS's workspace


def test_nothing_fits() -> None:
    found = largest_batch(find_network("vgg16").build(), StepSettings(), 10**9)
    assert found.batch == 0
    assert found.memory.batch == 1
    assert found.memory.peak_bytes > 10**9


def test_checkpointing_fits_more_for_a_third_more_arithmetic_at_most() -> None:
    network, settings = find_network("resnet50").build(), StepSettings(engine="torch")
    plain, again = largest_batch(network, settings, 8 * 10**9), checkpointed(network, settings, 8 * 10**9)
    assert again is not None
    assert again.batch > 1.5 * plain.batch
    assert 0 < again.recomputed < 1 / 3
    # The named parts are what the figure stands for.
    assert memory(network, (), again.settings).peak_bytes == again.memory.peak_bytes


def test_parts_are_cut_where_one_tensor_passes() -> None:
    network = find_network("resnet18").build()
    dominators = network.dominators()
    for segments in divisions(network, StepSettings(engine="torch")):
        names = [name for part in segments for name in part]
        assert names == [node.name for node in network.nodes[1 : 1 + len(names)]]  # in order, without a gap
        for part in segments:
            node = network.nodes[-1].name
            while node not in part:
                node = dominators[node]
            assert node == part[-1]


def test_a_network_without_places_to_cut() -> None:
    settings = StepSettings(engine="torch")
    assert list(divisions(build(parse("INPUT(8) -> FC(3)")), settings)) == []
    assert checkpointed(build(parse("INPUT(8) -> FC(3)")), settings, 10**9) is None


def test_bits_are_rounded_up_to_bytes() -> None:
    # Three bits of mask a sample: eight samples take three bytes, one takes one.
    network = build(parse("INPUT(3) -> FC(3) -> DROPOUT -> FC(1)"))
    for limit in range(400, 900):
        found = largest_batch(network, StepSettings(), limit)
        if found.batch:
            assert make_plan(network, found.batch).memory.peak_bytes <= limit
        assert make_plan(network, found.batch + 1).memory.peak_bytes > limit


def test_no_part_ends_where_the_next_layer_writes_over_it() -> None:
    network = find_network("vgg16").build()
    for segments in divisions(network, StepSettings(engine="torch")):
        assert all(part[-1].startswith(("relu", "pool", "fc")) for part in segments)


def test_summed_gradients_leave_less_room() -> None:
    network, limit = find_network("vgg16").build(), 8 * 10**9
    plain = largest_batch(network, StepSettings(engine="torch"), limit)
    summed = largest_batch(network, StepSettings(engine="torch", accumulate=True), limit)
    assert summed.batch < plain.batch


@pytest.mark.parametrize("net", zoo.names())
def test_the_batch_that_is_named_for_a_gpu_runs(net: str) -> None:
    entry = zoo.read(net)
    network = build(parse(entry.text), input_shape=entry.input_shape, classes=entry.classes)
    limit = 8 * 10**9
    found = largest_batch(network, StepSettings(optimizer=SGD(momentum=0.9), engine="torch", dtype="bf16"), limit)
    foretold = foretell(network, found.settings, limit=limit)
    assert foretold.total <= limit
    assert foretold.reserved_peak > 0.93 * (limit - found.reserve)  # and leaves little room for more
