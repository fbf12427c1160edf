"""The largest batch that fits a memory, what binds it, and what would move it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

from tatami.network import Network
from tatami.plan.cost import LayerCost, layer_costs
from tatami.plan.kept import find_engine
from tatami.plan.memory import (
    Memory,
    Segments,
    StepSettings,
    memory,
    optimizer_bytes,
    step_schedule,
    weight_bytes,
)
from tatami.plan.schedule import shared_memory

MAX_SEGMENTS = 12
MAX_BATCH = 2**24  # a search for more would not end: such a step takes no memory that grows

# What a GPU holds besides the tensors: the CUDA context with the kernels of PyTorch, cuDNN and cuBLAS with its
# workspace. An assumption: drivers and cards differ by some 200 MiB.
GPU_CONTEXT = 600 * 2**20
# And what PyTorch's caching allocator loses to rounding and to holes, as a share of the peak. An assumption.
GPU_ROUNDING = 0.03


@dataclass(frozen=True)
class LargestBatch:
    """The largest batch for a memory of ``limit`` bytes.

    Attributes:
        batch: 0 when not even one sample fits.
        settings: of the step.
        limit: bytes that there are.
        reserve: bytes of them that the tensors cannot have.
        memory: of the step with this batch, of one sample where none fits.
        per_sample: bytes that each more sample takes at the peak.
        recomputed: share of the training's arithmetic that checkpointing adds, 0 without.
    """

    batch: int
    settings: StepSettings
    limit: int
    reserve: int
    memory: Memory
    per_sample: int
    recomputed: float = 0.0


def largest_batch(network: Network, settings: StepSettings, limit: int) -> LargestBatch:
    """The largest batch whose step fits into ``limit`` bytes. The batch of ``settings`` plays no part."""
    if settings.has_arena:
        return _largest_in_arena(network, settings, limit)
    schedule = step_schedule(network, settings)
    constant = weight_bytes(network, settings) + optimizer_bytes(network, settings)
    is_gpu = settings.engine == "torch"
    context = GPU_CONTEXT if is_gpu else 0
    room = int((limit - context) / (1 + GPU_ROUNDING)) if is_gpu else limit
    # Every tensor is a fixed part and a part a sample, so every step sets a bound of its own. Eight samples make whole
    # bytes of any number of bits.
    fixed, eight = schedule.alive(0), schedule.alive(8)
    slopes = [(b - a) / 8 for a, b in zip(fixed, eight, strict=True)]
    bounds = [int((room - constant - a) // slope) for a, slope in zip(fixed, slopes, strict=True) if slope > 0]
    batch = max(0, min(bounds))
    while batch and constant + max(schedule.alive(batch)) > room:  # bits rounded up to bytes
        batch -= 1
    costs = layer_costs(network)
    chosen = replace(settings, batch=max(batch, 1))
    found = memory(network, costs, chosen)
    at = max(range(len(found.timeline)), key=lambda i: found.timeline[i][1])
    reserve = context + (limit - context - room)
    return LargestBatch(batch, chosen, limit, reserve, found, round(slopes[at]), _recomputed(costs, settings.segments))


def _largest_in_arena(network: Network, settings: StepSettings, limit: int) -> LargestBatch:
    """By bisection: an arena grows with the batch, but not in a straight line."""
    costs = layer_costs(network)

    def step(batch: int) -> Memory:
        return memory(network, costs, replace(settings, batch=batch))

    low, high = 0, 1
    while high <= MAX_BATCH and step(high).peak_bytes <= limit:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if step(middle).peak_bytes <= limit:
            low = middle
        else:
            high = middle
    chosen = replace(settings, batch=max(low, 1))
    found = memory(network, costs, chosen)
    more = memory(network, costs, replace(chosen, batch=2 * chosen.batch)).peak_bytes
    per_sample = (more - found.peak_bytes) // chosen.batch
    return LargestBatch(low, chosen, limit, 0, found, per_sample)


def checkpointed(network: Network, settings: StepSettings, limit: int) -> LargestBatch | None:
    """The largest batch with activation checkpointing, over divisions of the network into up to ``MAX_SEGMENTS`` parts.

    None where the network cannot be divided, or where no division helps. Source: Chen et al. 2016, section 4.1.
    """
    if settings.has_arena:
        return None  # that engine finds its own cuts for a batch: see tatami.plan.checkpoint
    best: LargestBatch | None = None
    plain = largest_batch(network, settings, limit)
    for segments in divisions(network, settings):
        found = largest_batch(network, replace(settings, segments=segments), limit)
        if found.batch > max(plain.batch, best.batch if best else 0):
            best = found
    return best


def divisions(network: Network, settings: StepSettings) -> Iterator[Segments]:
    """Ways to divide the network into parts that run again, the last part left out: its turn comes at once anyway.

    A network may be cut where all its paths run through one tensor that the next layer does not write over. The parts
    keep about equally much.
    """
    shared = shared_memory(network, find_engine(settings.engine), settings.training)
    dominators = network.dominators()
    cut, cuts = network.nodes[-1].name, []
    while cut in dominators:
        cut = dominators[cut]
        cuts.append(cut)
    written_over = {network[name].inputs[0] for name in shared}
    places = {node.name: i for i, node in enumerate(network)}
    ends = sorted(places[name] for name in cuts[:-1] if name not in written_over)
    schedule = step_schedule(network, settings)
    weights = [0.0] * len(network)
    for name, buffer in schedule.buffers.items():
        owner = name.split(".")[0]
        if buffer.kind == "activations" and owner in places:
            weights[places[owner]] += buffer.bits
    total = sum(weights)
    until = list(accumulate(weights))
    seen: set[Segments] = set()
    for parts in range(2, MAX_SEGMENTS + 1):
        chosen: list[int] = []
        for i in range(1, parts):
            wanted = total * i / parts
            end = min(ends, key=lambda e: abs(until[e] - wanted), default=None)
            if end is not None and end not in chosen:
                chosen.append(end)
        chosen.sort()
        begins = [1, *(end + 1 for end in chosen[:-1])]
        segments = (
            tuple(
                tuple(node.name for node in network.nodes[begin : end + 1])
                for begin, end in zip(begins, chosen, strict=True)
            )
            if chosen
            else ()
        )
        if segments and segments not in seen:
            seen.add(segments)
            yield segments


def _recomputed(costs: tuple[LayerCost, ...], segments: Segments) -> float:
    """Arithmetic that runs twice, as a share of that of a whole training step."""
    again = {name for segment in segments for name in segment}
    total = sum(cost.macs + cost.backward_macs for cost in costs)
    return sum(cost.macs for cost in costs if cost.name in again) / total if total else 0.0
