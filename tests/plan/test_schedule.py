"""The memory of a step: by hand on small networks, and against PyTorch's saved tensors on published ones."""

import pytest

from tatami.errors import OptionError
from tatami.network import build, find_network
from tatami.notation import parse
from tatami.plan import make_plan
from tatami.plan.kept import CPU, TORCH, TORCH_CPU
from tatami.plan.schedule import Step, make_schedule, shared_memory
from tatami.recipe import SGD


def schedule(text: str, engine=CPU, **settings):
    return make_schedule(build(parse(text)), engine, **settings)


def test_a_chain_by_hand() -> None:
    # Values: input 10, fc1 8 (relu1 in place), fc2 4. Bytes for a batch of 3: input 120, fc1 96, fc2 48.
    found = schedule("INPUT(10) -> FC(8) -> RELU -> FC(4)")
    steps = [
        ("forward", "input", 120),
        ("forward", "fc1", 120 + 96),
        ("forward", "relu1", 120 + 96),
        ("forward", "fc2", 120 + 96 + 48),
        ("loss", "fc2", 120 + 96 + 48 + 48),  # the log-probabilities
        ("backward", "loss", 120 + 96 + 48 + 48),  # the scores are gone, their gradient is there
        ("backward", "fc2", 120 + 96 + 48 + 96),  # its gradient, and that of what it read
        ("backward", "relu1", 120 + 96 + 96),  # over the same gradient
        ("backward", "fc1", 120 + 96),
        ("update", "weights", 0),
    ]
    weights = 4 * (8 * 4 + 4 + 10 * 8 + 8)  # gradients, which persist
    assert [(s.phase, s.node, n - weights) for s, n in zip(found.steps, found.alive(3), strict=True)] == steps
    assert found.kept(3) == 96


def test_gradients_are_born_in_the_backward_pass_of_pytorch() -> None:
    found = schedule("INPUT(10) -> FC(8) -> RELU -> FC(4)", TORCH)
    assert found.alive(3, "gradients") == [0, 0, 0, 0, 0, 0, 4 * 36, 4 * 36, 4 * 124, 4 * 124]


def test_a_residual_branch_keeps_its_input_until_both_have_read_it() -> None:
    found = schedule("INPUT(4x4x2) -> CONV(2) -> RES[CONV(2) -> RELU] -> RELU", training=False)
    size = 4 * 4 * 2 * 4
    assert [(s.node, n // size) for s, n in zip(found.steps, found.alive(1), strict=True)] == [
        ("input", 1),
        ("conv1", 2),
        ("conv2", 2),  # conv1's output waits for the sum; the input is gone
        ("relu1", 2),
        ("add1", 3),
        ("relu2", 1),
    ]


def test_masks_and_indices_have_their_width() -> None:
    text = "INPUT(8x8x2) -> CONV(2) -> POOL -> DROPOUT -> FC(3)"
    pooled = 4 * 4 * 2

    def kept(engine) -> int:
        return schedule(text, engine).kept(1) - 4 * pooled  # FC's input

    assert kept(CPU) == pooled + pooled // 8  # one byte a place, one bit a mask
    assert kept(TORCH) == 4 * 8 * 8 * 2 + 8 * pooled + pooled  # the pool's input, int64, bool
    assert kept(TORCH_CPU) == 4 * 8 * 8 * 2 + 8 * pooled + 4 * pooled


def test_no_gradient_flows_to_the_data() -> None:
    found = schedule("INPUT(8x8x2) -> POOL -> CONV(2) -> GAP -> FC(3)")
    assert "d pool1" not in found.buffers
    assert "d conv1" in found.buffers
    assert "pool1.indices" not in found.buffers  # nobody will ask where the maxima were


def test_checkpointing_trades_memory_for_a_second_forward_pass() -> None:
    text = "INPUT(16x16x8) -> [CONV(8) -> RELU]*12 -> GAP -> FC(2)"
    names = [f"{kind}{i}" for i in range(1, 13) for kind in ("conv", "relu")]
    segments = [names[0:8], names[8:16], names[16:24]]
    plain, checkpointed = schedule(text), schedule(text, segments=segments)
    assert [s.node for s in checkpointed.steps if s.phase == "recompute"] == [*names[16:24], *names[8:16], *names[0:8]]
    assert max(checkpointed.alive(8)) < 0.65 * max(plain.alive(8))
    one_map = 16 * 16 * 8 * 4
    assert plain.kept(1) == 12 * one_map + 8 * 4  # every CONV's input, GAP's output
    assert checkpointed.kept(1) == 2 * one_map + 8 * 4  # what leaves the first two segments


# --- PyTorch's own word ---


@pytest.mark.parametrize(
    ("net", "batch"),
    [("lenet5", 3), ("vgg16", 1), ("resnet50", 2), ("densenet121", 1), ("mobilenet_v2", 2), ("alexnet2012", 2)],
)
def test_activations_are_those_that_pytorch_saves_byte_for_byte(net: str, batch: int) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")
    from .saved_by_torch import saved_bytes

    network = find_network(net).build()
    assert make_plan(network, batch, engine="torch-cpu").memory.activations == saved_bytes(network, batch)


@pytest.mark.parametrize(("net", "batch"), [("lenet5", 3), ("resnet18", 1), ("mobilenet_v2", 1)])
def test_in_mixed_precision_too(net: str, batch: int) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")
    from .saved_by_torch import saved_bytes

    network = find_network(net).build()
    found = make_plan(network, batch, engine="torch-cpu", dtype="bf16").memory.activations
    assert found == saved_bytes(network, batch, mixed=True)


# --- memory that is shared ---


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("INPUT(8x8x3) -> CONV(4) -> RELU -> FLATTEN -> DROPOUT -> FC(5)", {"relu1", "flatten1"}),
        ("INPUT(8x8x3) -> CONV(4) -> TANH -> FLATTEN -> DROPOUT -> FC(5)", {"tanh1", "flatten1"}),  # TANH's is kept
        ("INPUT(8x8x3) -> FLATTEN -> RELU -> FC(5)", {"flatten1"}),  # not over the user's data
        ("INPUT(8x8x3) -> RELU -> FC(5)", set()),
        ("INPUT(8x8x3) -> CONV(4) -> CONCAT[FLATTEN -> TANH | FLATTEN]", {"flatten1", "flatten2"}),  # another reads it
        ("INPUT(8x8x3) -> CONV(4) -> FLATTEN -> DROPOUT -> FC(5)", {"flatten1", "dropout1"}),
    ],
)
def test_nothing_is_written_over_what_is_needed(text: str, shared: set[str]) -> None:
    assert shared_memory(build(parse(text)), CPU) == shared


def map_gradients(text: str, engine=TORCH) -> list[int]:
    """Bytes of gradients of activations at each backward step, in maps of 4x4x2 values."""
    found = schedule(text, engine)
    alive = found.alive(1, "gradients of activations")
    return [n // (4 * 32) for s, n in zip(found.steps, alive, strict=True) if s.phase == "backward"]


def test_the_gradient_of_a_sum_is_shared_until_one_side_adds_to_it() -> None:
    # add1's gradient serves conv3 and conv2 as it is. conv3's share goes to conv1 as a new tensor, as conv2 has yet
    # to read the other; conv2's share is added to that.
    text = "INPUT(4x4x1) -> CONV(2) -> ADD[CONV(2) | CONV(2) | ID]"
    assert map_gradients(text) == [
        1,  # loss: d add1
        1,  # add1: d conv2, d conv3 and d conv1 lie there too
        2,  # conv3: the sum for conv1 is a new tensor beside what conv2 has yet to read
        3,  # conv2: its share, while it is added
        1,  # conv1
    ]


def test_two_different_gradients_are_two_tensors() -> None:
    # Within RES[RES[CONV]], conv2 needs d and the input needs 2d at the same time.
    found = schedule("INPUT(4x4x1) -> CONV(2) -> RES[RES[CONV(2)]]", TORCH)
    maps = {name for name, buffer in found.buffers.items() if buffer.kind == "gradients of activations"}
    assert {"d add2", "d conv1"} <= maps


# --- the three views ---


def test_kinds_and_peak() -> None:
    memory = make_plan(find_network("resnet50").build(), 8, SGD(momentum=0.9)).memory
    assert memory.weights == 4 * (25_557_032 + 53_120)
    assert memory.gradients == memory.optimizer == 4 * 25_557_032
    assert memory.input == 8 * 224 * 224 * 3 * 4
    # What the arena takes beyond what is alive is its holes.
    assert 1 <= memory.peak_bytes / max(count for _, count in memory.timeline) < 1.02
    assert memory.peak_bytes >= sum((memory.weights, memory.gradients, memory.optimizer, memory.activations))
    assert memory.peak_at.phase == "backward"


def test_mixed_precision_halves_activations_and_adds_copies_of_the_matrices() -> None:
    network = find_network("vgg16").build()
    wide, narrow = (make_plan(network, 4, engine="torch", dtype=dtype).memory for dtype in ("float32", "bf16"))
    indices = 4 * 8 * sum(size * size * depth for size, depth in [(112, 64), (56, 128), (28, 256), (14, 512), (7, 512)])
    masks = 4 * 2 * 4096
    copy = 4 * 2 * 224 * 224 * 3  # the first CONV keeps a narrow copy of the input
    assert narrow.activations - indices - masks - copy == (wide.activations - indices - masks) // 2
    assert narrow.weights == wide.weights + 2 * 138_344_128  # without biases
    assert narrow.gradients == wide.gradients


def test_inference_keeps_nothing() -> None:
    memory = make_plan(find_network("vgg16").build(), training=False).memory
    assert memory.gradients == memory.optimizer == 0
    # Two maps of 64 channels at 224x224, the second made from the first, and what the kernels work with.
    maps = 2 * 4 * 224 * 224 * 64
    assert maps < memory.peak_bytes - memory.weights < maps + 8 * 2**20
    assert memory.peak_at == Step("forward", "conv2")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "tpu"}, "no memory is known for this engine; got tpu; expected cpu, torch, torch-cpu"),
        ({"dtype": "fp8"}, "unknown dtype; got fp8; expected float32, bf16"),
        ({"dtype": "bf16"}, "the CPU engine computes in float32"),
    ],
)
def test_bad_settings(settings: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_plan(find_network("lenet5").build(), **settings)
