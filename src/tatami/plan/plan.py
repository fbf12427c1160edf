"""Plan: everything that is known of a network before the first batch."""

from __future__ import annotations

from dataclasses import dataclass

from tatami.errors import OptionError
from tatami.network import Network
from tatami.network.layers import Shape
from tatami.plan.cost import LayerCost, layer_costs
from tatami.plan.memory import Memory, memory
from tatami.plan.receptive_field import Field
from tatami.recipe import SGD, Optimizer


@dataclass(frozen=True)
class Totals:
    """Sums over the layers, for one sample.

    ``field`` is that of the last map, before the values become a plain vector.
    """

    params: int
    buffers: int
    macs: int
    activation_values: int
    field: Field

    @property
    def flops(self) -> int:
        """Floating-point operations of the layers with weights: 2 a MAC."""
        return 2 * self.macs


@dataclass(frozen=True)
class Plan:
    """The costs of a network's layers, their sums, and the memory of a training step."""

    input: Shape
    layers: tuple[LayerCost, ...]
    totals: Totals
    memory: Memory


def make_plan(network: Network, batch: int = 1, optimizer: Optimizer | None = None) -> Plan:
    """Plan a network. Takes milliseconds and allocates nothing.

    Args:
        network: any network.
        batch: samples in one step.
        optimizer: whose state the memory counts; plain SGD, which has none, unless given.
    """
    if batch < 1:
        raise OptionError("impossible batch", got=batch, expected="at least 1")
    costs = layer_costs(network)
    last_map = next((cost for cost in reversed(costs) if len(cost.output) > 1), costs[0])
    totals = Totals(
        params=sum(cost.params for cost in costs),
        buffers=sum(cost.buffers for cost in costs),
        macs=sum(cost.macs for cost in costs),
        activation_values=sum(cost.activation_values for cost in costs),
        field=last_map.field,
    )
    return Plan(network.input_shape, costs, totals, memory(costs, batch, optimizer or SGD()))
