"""The memory of a step: by hand on small networks, and against PyTorch's saved tensors on published ones."""

from dataclasses import replace

import pytest

from tatami.errors import OptionError
from tatami.network import build, find_network
from tatami.notation import parse
from tatami.plan import make_plan
from tatami.plan.kept import TORCH, TORCH_CPU
from tatami.plan.schedule import make_schedule, shared_memory
from tatami.plan.steps import Step
from tatami.recipe import SGD


def schedule(text: str, engine=TORCH_CPU, **settings):
    return make_schedule(build(parse(text)), engine, **settings)


def kept(found, batch: int) -> int:
    return sum(buffer.size(batch) for buffer in found.kept())


def test_a_chain_by_hand() -> None:
    # Values: input 10, fc1 8 (relu1 in place), fc2 4. Bytes for a batch of 3: input 120, fc1 96, fc2 48.
    found = schedule("INPUT(10) -> FC(8) -> RELU -> FC(4)")
    scores, labels, loss = 48, 24, 4
    before = 120 + 96
    steps = [
        ("forward", "input", 120),
        ("forward", "fc1", before),
        ("forward", "relu1", before),
        ("forward", "fc2", before + scores),
        ("loss", "fc2", before + scores + 48),  # the log-probabilities
        ("loss", "fc2", before + scores + 48 + labels + 2 * loss),  # the loss, and the sum of the samples' weights
        ("backward", "loss", before + scores + 48 + labels + 3 * loss + 48),  # of the log-probabilities
        ("backward", "loss", before + scores + 48 + 2 * loss + 96),  # of the scores; the labels are gone
        ("backward", "fc2", before + scores + 2 * loss + 48 + 96),  # and that of what it read
        ("backward", "relu1", before + scores + 2 * loss + 96 + 96),  # a new tensor
        ("backward", "fc1", before - 96 + scores + 2 * loss + 96),
        ("update", "weights", 0),
    ]
    gradients = found.alive(3, "gradients")
    alive = [total - part for total, part in zip(found.alive(3), gradients, strict=True)]
    assert [(s.phase, s.node, n) for s, n in zip(found.steps, alive, strict=True)] == steps
    assert gradients == [0] * 8 + [4 * 36, 4 * 36, 4 * 124, 4 * 124]  # born in the backward pass
    assert kept(found, 3) == 96


def test_summed_gradients_live_from_step_to_step() -> None:
    found = schedule("INPUT(10) -> FC(8) -> RELU -> FC(4)", accumulate=True)
    assert found.alive(3, "gradients") == [4 * 124] * len(found.steps)
    added = found.alive(3, "temporaries")
    assert {s.node: n for s, n in zip(found.steps, added, strict=True) if n} == {"fc2": 4 * 36, "fc1": 4 * 88}


def test_a_residual_branch_keeps_its_input_until_both_have_read_it() -> None:
    found = schedule("INPUT(4x4x2) -> CONV(2) -> RES[CONV(2) -> RELU] -> RELU", training=False)
    size = 4 * 4 * 2 * 4
    alive = [n - i for n, i in zip(found.alive(1), found.alive(1, "input"), strict=True)]
    assert [(s.node, n // size) for s, n in zip(found.steps, alive, strict=True)] == [
        ("input", 0),
        ("conv1", 1),
        ("conv2", 2),  # conv1's output waits for the sum
        ("relu1", 2),
        ("add1", 3),
        ("relu2", 1),
    ]


def test_masks_and_indices_have_their_width() -> None:
    found = schedule("INPUT(8x8x2) -> CONV(2) -> POOL -> DROPOUT -> FC(3)")
    pooled = 4 * 4 * 2
    assert kept(found, 1) == 4 * 8 * 8 * 2 + 8 * pooled + pooled + 4 * pooled  # the pool's input, int64, bool, FC's


def test_an_uneven_padding_is_a_copy_that_is_kept_in_place_of_the_input() -> None:
    found = schedule("INPUT(8x8x2) -> CONV(2) -> CONV(3, 2) -> GAP -> FC(3)")
    assert found.buffers["conv2.padded"].size(1) == 4 * 9 * 9 * 2
    assert kept(found, 1) == 4 * (9 * 9 * 2 + 3)  # and FC's input
    # Backward: the gradient of the copy, then the part of it that is the input's.
    assert found.buffers["d conv2.padded"].last == found.buffers["d conv1"].first


def test_a_maximum_may_look_over_the_edge_without_a_copy() -> None:
    found = schedule("INPUT(8x8x2) -> CONV(2) -> POOL(3, S=2, P=same) -> FC(3)")
    assert "pool1.padded" not in found.buffers  # output sizes rounded up do it
    assert "pool1.padded" in schedule("INPUT(8x8x2) -> CONV(2) -> POOL(avg, 3, S=2, P=same) -> FC(3)").buffers


def test_no_gradient_flows_to_the_data() -> None:
    found = schedule("INPUT(8x8x2) -> POOL -> CONV(2) -> GAP -> FC(3)")
    assert "d pool1" not in found.buffers
    assert "d conv1" in found.buffers
    indices = found.buffers["pool1.indices"]
    assert indices.first == indices.last  # nobody will ask where the maxima were


def test_checkpointing_trades_memory_for_a_second_forward_pass() -> None:
    text = "INPUT(16x16x8) -> [CONV(8) -> RELU]*12 -> GAP -> FC(2)"
    names = [f"{kind}{i}" for i in range(1, 13) for kind in ("conv", "relu")]
    segments = [names[0:8], names[8:16], names[16:24]]
    plain, checkpointed = schedule(text), schedule(text, segments=segments)
    assert [s.node for s in checkpointed.steps if s.phase == "recompute"] == [*names[16:24], *names[8:16], *names[0:8]]
    assert max(checkpointed.alive(8)) < 0.65 * max(plain.alive(8))
    one_map = 16 * 16 * 8 * 4
    assert kept(plain, 1) == 12 * one_map + 8 * 4  # every CONV's output, which RELU keeps; GAP's
    assert kept(checkpointed, 1) == 2 * one_map + 8 * 4  # what leaves the first two segments


# --- memory that is shared ---


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("INPUT(8x8x3) -> CONV(4) -> RELU -> FLATTEN -> DROPOUT -> FC(5)", {"relu1", "flatten1"}),
        ("INPUT(8x8x3) -> CONV(4) -> TANH -> RELU -> FC(5)", set()),  # TANH's output is kept
        ("INPUT(8x8x3) -> CONV(4) -> TANH -> FLATTEN -> DROPOUT -> FC(5)", {"flatten1"}),  # TANH's is kept
        ("INPUT(8x8x3) -> FLATTEN -> RELU -> FC(5)", {"flatten1"}),  # not over the user's data
        ("INPUT(8x8x3) -> RELU -> FC(5)", set()),
        ("INPUT(8x8x3) -> CONV(4) -> CONCAT[FLATTEN -> TANH | FLATTEN]", {"flatten1", "flatten2"}),  # another reads it
        ("INPUT(8x8x3) -> CONV(4) -> FLATTEN -> DROPOUT -> FC(5)", {"flatten1"}),
    ],
)
def test_nothing_is_written_over_what_is_needed(text: str, shared: set[str]) -> None:
    assert shared_memory(build(parse(text)), TORCH) == shared


def map_gradients(text: str, engine=TORCH) -> list[tuple[str, int]]:
    """Gradients of activations at each backward step, behind the loss, in maps of 4x4x2 values."""
    found = schedule(text, engine)
    alive = found.alive(1, "gradients of activations")
    return [
        (s.node, n // (4 * 32))
        for s, n in zip(found.steps, alive, strict=True)
        if s.phase == "backward" and s.node != "loss"
    ]


def test_the_gradient_of_a_sum_is_shared_until_one_side_adds_to_it() -> None:
    # add1's gradient serves conv3 and conv2 as it is. conv3's share goes to conv1 as a new tensor, as conv2 has yet
    # to read the other; conv2's share is added to that.
    text = "INPUT(4x4x1) -> CONV(2) -> ADD[CONV(2) | CONV(2) | ID]"
    assert map_gradients(text) == [
        ("add1", 1),  # of (conv2 + conv3) + conv1: all gradients lie there
        ("add1", 1),
        ("conv3", 2),
        ("conv3", 3),  # the sum for conv1 is a new tensor beside what conv2 has yet to read
        ("conv2", 3),
        ("conv2", 2),  # added where the sum lies
        ("conv1", 1),
    ]
    # Under a mode that measures, autograd adds nothing where it lies.
    assert map_gradients(text, replace(TORCH, adds_in_place=False))[5] == ("conv2", 3)


def test_a_part_of_a_gradient_is_never_added_to_where_it_lies() -> None:
    found = map_gradients("INPUT(4x4x1) -> CONV(2) -> CONCAT[ID | CONV(2)]")
    assert found == [
        ("concat1", 2),  # both parts are views of the one that came
        ("conv2", 3),
        ("conv2", 4),  # the sum is a new tensor beside conv2's share and the whole of the other
        ("conv1", 1),
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
    assert narrow.weights == wide.weights + 2 * 138_357_544  # biases too
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
        ({"dtype": "fp8"}, "unknown dtype; got fp8; expected float32, tf32, bf16"),
        ({"dtype": "bf16"}, "the CPU engine computes in float32; got bf16; expected --engine torch for bf16"),
        ({"dtype": "tf32"}, "the CPU engine computes in float32; got tf32; expected --engine torch for tf32"),
    ],
)
def test_bad_settings(settings: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_plan(find_network("lenet5").build(), **settings)
