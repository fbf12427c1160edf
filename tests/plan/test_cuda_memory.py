"""The memory of a step on a GPU: its events, its lines, and what only a GPU takes."""

import pytest

from tatami.errors import OptionError
from tatami.network import build, find_network
from tatami.network.layers import product
from tatami.notation import parse
from tatami.plan import StepSettings
from tatami.plan.card_names import find_device
from tatami.plan.cuda import foretell
from tatami.plan.cuda.allocator import simulate
from tatami.plan.cuda.events import STEPS, running
from tatami.plan.cudnn import CUBLAS_WORKSPACE, CUBLAS_WORKSPACE_HOPPER, GPU_CONTEXT, MARGIN, cublas_workspace
from tatami.plan.devices import Device
from tatami.plan.kept import TORCH, TORCH_CPU
from tatami.plan.schedule import make_schedule
from tatami.plan.steps import Schedule
from tatami.recipe import SGD, Adam, RMSProp


def schedule(text: str, **settings) -> Schedule:
    return make_schedule(build(parse(text)), TORCH, **settings)


def bytes_of(found: Schedule, kind: str, batch: int = 1) -> dict[str, int]:
    return {name: b.size(batch) for name, b in found.buffers.items() if b.kind == kind}


# --- events ---


@pytest.mark.parametrize("training", [True, False])
def test_every_tensor_of_a_step_is_freed_and_the_constant_ones_stay(training: bool) -> None:
    network = find_network("resnet18").build()
    steps = running(network, StepSettings(2, Adam(), "torch", training=training), 1000)
    alive: dict[str, int] = {}
    for name, size in steps.events(2):
        if size is None:
            del alive[name]
        else:
            assert name not in alive
            alive[name] = size
    kept = {tensor.name: tensor.size for tensor in steps.constants}
    kept["cuBLAS forward"] = 1000
    if training:
        kept["cuBLAS backward"] = 1000  # autograd's thread has a handle of its own
    assert alive == kept
    parameters = network.parameters()
    weights = 4 * sum(p.size for p in parameters.values())
    statistics = 4 * sum(p.size for p in parameters.values() if not p.trainable)
    trained = [p for p in parameters.values() if p.trainable]
    state = 2 * (weights - statistics) + 4 * len(trained) if training else 0
    assert sum(tensor.size for tensor in steps.constants) == weights + training * statistics + state


def test_a_network_without_fc_never_calls_cublas() -> None:
    network = build(parse("INPUT(8x8x3) -> CONV(4) -> GAP"))
    assert "cuBLAS workspace" not in {part.name for part in foretell(network, StepSettings(engine="torch")).parts}


def test_the_events_of_a_chain_by_hand() -> None:
    network = build(parse("INPUT(256) -> FC(256) -> RELU -> FC(256)"))
    steps = running(network, StepSettings(2, SGD(), "torch", training=False), 512)
    assert list(steps.events(2)) == [
        *(("fc1.weight", 2**18), ("fc1.bias", 1024), ("fc2.weight", 2**18), ("fc2.bias", 1024)),
        ("input", 2048),
        ("cuBLAS forward", 512),
        ("fc1", 2048),  # relu1 writes over it
        ("fc2", 2048),
        *(("input", None), ("fc1", None), ("fc2", None)),
        *(("input", 2048), ("fc1", 2048), ("fc2", 2048)),
        *(("input", None), ("fc1", None), ("fc2", None)),
    ]
    assert STEPS == 2
    usage = simulate(steps.events(2))
    assert usage.allocated_peak == 2 * (2**18 + 1024) + 3 * 2048 + 512
    assert usage.reserved_peak == 2 * 2**20
    assert steps.step_of(usage.peak_at).node == "fc2"


# --- lines ---


@pytest.mark.parametrize("net", ["vgg11", "resnet18", "densenet121", "shufflenet_v2"])
@pytest.mark.parametrize("dtype", ["float32", "bf16"])
def test_lines_add_up(net: str, dtype: str) -> None:
    device = find_device("RTX 4090")
    found = foretell(find_network(net).build(), StepSettings(8, SGD(momentum=0.9), "torch", dtype), device)
    lines = {line.name: line.size for line in found.lines}
    assert sum(part.size for part in found.parts) + lines["rounding"] == found.allocated_peak
    assert lines["rounding"] > 0
    assert found.allocated_peak + lines["unused in reserved segments"] == found.reserved_peak
    assert found.total == found.reserved_peak + GPU_CONTEXT + round(MARGIN * device.memory_bytes)
    assert found.reserved_peak % (2 * 2**20) == 0  # whole segments
    assert found.fits


def test_what_does_not_fit_is_still_told_in_full() -> None:
    network, settings = find_network("vgg16").build(), StepSettings(64, engine="torch")
    free, tight = foretell(network, settings), foretell(network, settings, limit=4 * 10**9)
    assert not tight.fits
    assert tight.allocated_peak == free.allocated_peak > 4 * 10**9
    assert tight.parts == free.parts


def test_only_engine_torch_is_on_a_gpu() -> None:
    with pytest.raises(OptionError, match="this is the memory of engine torch; got engine torch-cpu"):
        foretell(find_network("lenet5").build(), StepSettings(engine="torch-cpu"))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *(
            (card, CUBLAS_WORKSPACE)
            for card in ("RTX 4090", "A100 SXM4 80GB", "RTX 3090", "V100 SXM2 32GB", "T4", "L40S")
        ),
        *((card, CUBLAS_WORKSPACE_HOPPER) for card in ("H100 SXM", "H200", "B200", "RTX 5090")),
    ],
)
def test_the_workspace_of_cublas_is_that_of_the_card(name: str, size: int) -> None:
    assert cublas_workspace(find_device(name)) == size


def test_a_card_that_is_not_known_may_be_a_new_one() -> None:
    assert cublas_workspace(None) == CUBLAS_WORKSPACE_HOPPER
    assert cublas_workspace(Device("NVIDIA RTX PRO 6000 Blackwell")) == CUBLAS_WORKSPACE_HOPPER
    assert cublas_workspace(Device("Quadro RTX 6000 (2018)")) == CUBLAS_WORKSPACE_HOPPER  # by the name alone: too much


# --- what only a GPU, or only mixed precision, takes ---


def test_dropout_is_one_operator_on_a_gpu() -> None:
    text = "INPUT(8) -> FC(64) -> DROPOUT -> FC(4)"
    on_cpu = make_schedule(build(parse(text)), TORCH_CPU)
    assert "dropout1.kept" in on_cpu.buffers
    assert "dropout1.kept" not in schedule(text).buffers
    assert bytes_of(schedule(text), "activations")["dropout1.mask"] == 64


def test_kernels_copy_what_has_gaps() -> None:
    found = bytes_of(schedule("INPUT(8x8x4) -> CONV(4) -> CONCAT[ID | CONV(2)] -> CONV(3) -> GAP"), "temporaries")
    maps = 4 * 8 * 8
    assert found["d conv2 dense"] == 2 * maps  # its gradient is a part of that of CONCAT
    assert "d conv3 dense" not in found
    found = bytes_of(schedule("INPUT(8x8x4) -> CONV(4) -> SLICE(0, 2) -> CONV(3) -> GAP"), "temporaries")
    again = {name: size for name, size in found.items() if "dense" in name}
    assert again == {"conv2 dense": 2 * maps, "conv2 dense again": 2 * maps}  # in each pass


def test_mixed_precision_casts_the_gradients_of_weights() -> None:
    found = schedule("INPUT(8) -> FC(64) -> RELU -> FC(4)", bits=16)
    assert bytes_of(found, "weights") == {
        f"{name}.copy": 2 * size
        for name, size in [("fc1.weight", 512), ("fc1.bias", 64), ("fc2.weight", 256), ("fc2.bias", 4)]
    }
    narrow, wide = found.buffers["d fc1.weight.copy"], found.buffers["d fc1.weight"]
    assert (narrow.size(1), wide.size(1)) == (1024, 2048)
    assert narrow.last == wide.first  # alive together, while one is made of the other
    weight, bias = found.buffers["fc2.weight.copy"], found.buffers["fc2.bias.copy"]
    assert found.steps[weight.last].phase == "backward"
    assert found.steps[bias.last].phase == "forward"  # autocast forgets it there, and nobody else needs it


@pytest.mark.parametrize(
    ("optimizer", "count"),
    [
        (SGD(momentum=0.9), 0),
        (Adam(), 0),
        (Adam(clip_norm=1.0), 0),  # their lengths alone
        (RMSProp(), 1),
        (RMSProp(weight_decay=0.1), 2),
    ],
)
def test_what_an_update_takes(optimizer, count: int) -> None:
    found = schedule("INPUT(8) -> FC(64) -> RELU -> FC(4)", optimizer=optimizer)
    gradients = 4 * (8 * 64 + 64 + 64 * 4 + 4)
    assert found.steps[-1].phase == "update"
    assert found.alive(1)[-1] == gradients * (1 + count)


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(9)",
        "INPUT(8x8x1) -> FLATTEN",
        "INPUT(8x8x3) -> POOL",
        "INPUT(8x8x3) -> SOFTMAX",
        "INPUT(8x8x3) -> DROPOUT -> RELU -> FC(3) -> SOFTMAX",
    ],
)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "bf16"])
def test_next_to_nothing_is_a_network_too(text: str, training: bool, dtype: str) -> None:
    network = build(parse(text))
    found = foretell(network, StepSettings(4, SGD(), "torch", dtype, training))
    held = 4 * (sum(p.size for p in network.parameters().values()) + 4 * product(network.input_shape))
    assert held <= found.allocated_peak <= held + 2 * CUBLAS_WORKSPACE_HOPPER + 50_000
