"""Plan: everything that is known of a network before the first batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tatami.network import Network
from tatami.network.layers import Shape
from tatami.plan.cost import LayerCost, layer_costs
from tatami.plan.memory import Memory, StepSettings, memory
from tatami.plan.receptive_field import Field
from tatami.plan.seen import seen_fraction
from tatami.recipe import SGD, CrossEntropy, Loss, Optimizer


@dataclass(frozen=True)
class Totals:
    """Sums over the layers, for one sample.

    ``field`` is that of the last map, before the values become a plain vector.
    """

    params: int
    buffers: int
    macs: int
    backward_macs: int
    activation_values: int
    field: Field

    @property
    def flops(self) -> int:
        """Floating-point operations of the layers with weights: 2 a MAC."""
        return 2 * self.macs


@dataclass(frozen=True)
class Plan:
    """The costs of a network's layers, their sums, and the memory of one step."""

    network: Network
    layers: tuple[LayerCost, ...]
    totals: Totals
    settings: StepSettings

    @property
    def input(self) -> Shape:
        """Shape of one sample."""
        return self.network.input_shape

    @property
    def last_map(self) -> LayerCost:
        """The last layer whose output has positions; INPUT where there is none."""
        return _last_map(self.layers)

    @cached_property
    def seen_fraction(self) -> float:
        """The fraction of the input that the positions of the last map see together."""
        return seen_fraction(self.network, self.last_map.name)

    @cached_property
    def memory(self) -> Memory:
        """The memory of one step; worked out when it is first asked for."""
        return memory(self.network, self.layers, self.settings)


def make_plan(
    network: Network,
    batch: int = 1,
    optimizer: Optimizer | None = None,
    *,
    engine: str = "cpu",
    dtype: str = "float32",
    training: bool = True,
    forced: tuple[str, ...] = (),
    loss: Loss | None = None,
) -> Plan:
    """Plan a network. Takes milliseconds and allocates nothing.

    Args:
        network: any network.
        batch: samples in one step.
        optimizer: whose state the memory counts; plain SGD, which has none, unless given.
        engine: whose memory is foretold: cpu, torch (a GPU) or torch-cpu.
        dtype: float32, or bf16 for mixed precision.
        training: False for the memory of inference.
        loss: of the training, whose labels the CPU engine keeps; cross-entropy unless given.
        forced: methods of convolution that the CPU engine takes wherever it can: see :mod:`tatami.plan.methods`.

    Raises:
        OptionError: a setting that makes no sense.
    """
    settings = StepSettings(
        batch, optimizer or SGD(), engine, dtype, training, forced=forced, loss=loss or CrossEntropy()
    )
    costs = layer_costs(network)
    return Plan(network, costs, totals_of(costs), settings)


def totals_of(costs: tuple[LayerCost, ...]) -> Totals:
    """The sums over layers."""
    return Totals(
        params=sum(cost.params for cost in costs),
        buffers=sum(cost.buffers for cost in costs),
        macs=sum(cost.macs for cost in costs),
        backward_macs=sum(cost.backward_macs for cost in costs),
        activation_values=sum(cost.activation_values for cost in costs),
        field=_last_map(costs).field,
    )


def _last_map(costs: tuple[LayerCost, ...]) -> LayerCost:
    return next((cost for cost in reversed(costs) if len(cost.output) > 1), costs[0])
