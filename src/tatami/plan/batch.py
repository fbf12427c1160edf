"""The largest batch that fits a memory, what binds it, and what would move it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

from tatami.network import Network
from tatami.plan.constant import constant_tensors
from tatami.plan.cost import LayerCost, layer_costs
from tatami.plan.cuda import Foreteller
from tatami.plan.cudnn import GPU_CONTEXT
from tatami.plan.devices import Device
from tatami.plan.kept import ENGINES
from tatami.plan.memory import Memory, Segments, StepSettings, memory, step_schedule
from tatami.plan.schedule import shared_memory

MAX_SEGMENTS = 12
MAX_BATCH = 2**24  # a search for more would not end: such a step takes no memory that grows


@dataclass(frozen=True)
class LargestBatch:
    """The largest batch for a memory of ``limit`` bytes.

    Attributes:
        batch: 0 when not even one sample fits.
        settings: of the step.
        limit: bytes that there are.
        reserve: bytes of them that the tensors cannot have: on a GPU its context, and a margin.
        memory: of the step with this batch, of one sample where none fits.
        per_sample: bytes that each more sample takes.
        recomputed: share of the training's arithmetic that checkpointing adds, 0 without.
    """

    batch: int
    settings: StepSettings
    limit: int
    reserve: int
    memory: Memory
    per_sample: int
    recomputed: float = 0.0


def largest_batch(network: Network, settings: StepSettings, limit: int, device: Device | None = None) -> LargestBatch:
    """The largest batch whose step fits into ``limit`` bytes.

    Args:
        network: any network.
        settings: of the step; their batch plays no part.
        limit: bytes of memory that there are.
        device: the card, where the memory is that of one.
    """
    if settings.has_arena:
        costs = layer_costs(network)

        def fits(batch: int) -> bool:
            return memory(network, costs, replace(settings, batch=batch)).peak_bytes <= limit

        low, high = 0, 1
        while high <= MAX_BATCH and fits(high):
            low, high = high, 2 * high
        return _answer(network, settings, limit, _bisect(fits, low, high))
    if settings.engine != "torch":
        return _answer(network, settings, limit, _linear_bound(network, settings, limit))
    foreteller = Foreteller(network, settings, device, limit)
    reserve = GPU_CONTEXT + foreteller.margin
    # The allocator needs a little more than the tensors: the answer lies just below their bound.
    high = _linear_bound(network, settings, limit - reserve) + 1
    low, step = high - 1, 1
    while low > 0 and not foreteller.fits(low):
        low, high, step = max(0, low - step), low, 2 * step
    return _answer(network, settings, limit, _bisect(foreteller.fits, low, high), reserve)


def _answer(network: Network, settings: StepSettings, limit: int, batch: int, reserve: int = 0) -> LargestBatch:
    chosen = replace(settings, batch=max(batch, 1))
    costs = layer_costs(network)
    found = memory(network, costs, chosen)
    more = memory(network, costs, replace(chosen, batch=2 * chosen.batch)).peak_bytes
    per_sample = (more - found.peak_bytes) // chosen.batch
    return LargestBatch(batch, chosen, limit, reserve, found, per_sample, _recomputed(costs, settings.segments))


def _bisect(fits: Callable[[int], bool], low: int, high: int) -> int:
    """Between ``low``, which fits, and ``high``, which does not: the number that fits while the next one does not."""
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _linear_bound(network: Network, settings: StepSettings, limit: int) -> int:
    """The largest batch whose tensors, side by side, fit: every step of the schedule sets a bound of its own."""
    schedule = step_schedule(network, settings)
    tensors = constant_tensors(network, settings.optimizer if settings.training else None)
    room = limit - sum(tensor.size for tensor in tensors)
    # Eight samples make whole bytes of any number of bits.
    fixed, eight = schedule.alive(0), schedule.alive(8)
    slopes = [(b - a) / 8 for a, b in zip(fixed, eight, strict=True)]
    bounds = [int((room - a) // slope) for a, slope in zip(fixed, slopes, strict=True) if slope > 0]
    batch = max(0, min(bounds))
    while batch and max(schedule.alive(batch)) > room:  # bits rounded up to bytes
        batch -= 1
    return batch


def checkpointed(
    network: Network, settings: StepSettings, limit: int, device: Device | None = None
) -> LargestBatch | None:
    """The largest batch with activation checkpointing, over divisions of the network into up to ``MAX_SEGMENTS`` parts.

    None where the network cannot be divided, or where no division seems to help. Source: Chen et al. 2016, section 4.1.
    """
    if settings.has_arena:
        return None  # that engine finds its own cuts for a batch: see tatami.plan.checkpoint
    # The schedule alone says which division is the best one; the allocator has its word on that one.
    ways: list[Segments] = [(), *divisions(network, settings)]
    best = max(ways, key=lambda way: _linear_bound(network, replace(settings, segments=way), limit))
    return largest_batch(network, replace(settings, segments=best), limit, device) if best else None


def divisions(network: Network, settings: StepSettings) -> Iterator[Segments]:
    """Ways to divide the network into parts that run again, the last part left out: its turn comes at once anyway.

    A network may be cut where all its paths run through one tensor that the next layer does not write over. The parts
    keep about equally much.
    """
    shared = shared_memory(network, ENGINES[settings.engine], settings.training)
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
    for buffer in schedule.buffers.values():
        if buffer.kind == "activations" and buffer.node in places:
            weights[places[buffer.node]] += buffer.bits
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
