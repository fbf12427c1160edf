"""What comes into tatami: a network, its weights, and where they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from tatami.engines import Model, compile
from tatami.engines.base import Array
from tatami.network import Network
from tatami.plan import Plan, make_plan
from tatami.plan.cost import LayerCost
from tatami.plan.memory import Memory, memory
from tatami.plan.plan import totals_of


@dataclass(frozen=True)
class SharedPlan(Plan):
    """A plan whose ``layers`` count shared tensors once; ``held`` are the layers as tatami's engines hold them."""

    held: tuple[LayerCost, ...] = ()

    @cached_property
    def memory(self) -> Memory:
        """The memory of one step of tatami's engines."""
        return memory(self.network, self.held, self.settings)


@dataclass(frozen=True)
class Imported:
    """A network from elsewhere.

    Attributes:
        network: what is computed. A layer that is used more than once is a node each time.
        state: its weights by name, in tatami's order of axes, float32.
        paths: for each node, what it is called where it comes from; of a function, the module that calls it.
        shared: for each tensor that was read before, under another node's name, that name: those of layers that are
            used again. tatami trains them apart.
    """

    network: Network
    state: Mapping[str, Array] = field(repr=False)
    paths: Mapping[str, str] = field(repr=False)
    shared: Mapping[str, str] = field(default_factory=dict, repr=False)

    def plan(self, batch: int = 1, **settings: Any) -> Plan:
        """What it costs: see :func:`tatami.plan.make_plan`.

        Parameters that are shared count once, their work each time; memory is that of tatami's engines, which hold them
        each time.
        """
        plan = make_plan(self.network, batch, **settings)
        parameters = self.network.parameters()

        def counted(cost: LayerCost) -> LayerCost:
            again = [
                p for name, p in parameters.items() if name in self.shared and name.rpartition(".")[0] == cost.name
            ]
            params = sum(parameter.size for parameter in again if parameter.trainable)
            buffers = sum(parameter.size for parameter in again if not parameter.trainable)
            return replace(cost, params=cost.params - params, buffers=cost.buffers - buffers)

        layers = tuple(map(counted, plan.layers)) if self.shared else plan.layers
        return SharedPlan(self.network, layers, totals_of(layers), plan.settings, plan.layers)

    def compile(self, engine: str = "cpu", **settings: Any) -> Model:
        """A model with these weights: see :func:`tatami.engines.compile`."""
        model = compile(self.network, engine, **settings)
        model.load_state_dict(self.state)
        return model
