"""What tatami's plan says before anything runs: the memory of a step on a card, and the largest batch."""

from __future__ import annotations

from dataclasses import dataclass

from tatami.network import Network
from tatami.plan.batch import largest_batch
from tatami.plan.cost import layer_costs
from tatami.plan.cuda import foretell as foretell_step
from tatami.plan.cudnn import GPU_CONTEXT, MARGIN
from tatami.plan.devices import Device
from tatami.plan.memory import StepSettings, memory


@dataclass(frozen=True)
class Foretold:
    """Bytes: of tensors at the peak, of the allocator's segments, and of the card, context included.

    A step on a processor has the first alone.
    """

    allocated: int
    reserved: int | None = None
    driver: int | None = None


def foretell(network: Network, settings: StepSettings, card: Device | None) -> Foretold:
    if settings.engine != "torch":
        return Foretold(memory(network, layer_costs(network), settings).peak_bytes)
    found = foretell_step(network, settings, card)
    return Foretold(found.allocated_peak, found.reserved_peak, found.reserved_peak + found.context)


def largest(network: Network, settings: StepSettings, card: Device | None, limit: int, *, whole: bool) -> int:
    """The largest batch for a card of ``limit`` bytes, or for an allocator that may take so many; 0 where none fits."""
    context = GPU_CONTEXT if settings.engine == "torch" and not whole else 0
    return largest_batch(network, settings, limit + context, card).batch


def constants_text() -> str:
    """What the plan adds to what it knows."""
    return f"{GPU_CONTEXT / 2**20:,.0f} MiB of context, and a margin of {MARGIN:.2%} of the card's memory"
