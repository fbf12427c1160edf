"""A network as an ``nn.Module``: one submodule a layer, by the layer's name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

# Each of these files adds its layers to ``rules.lower``.
from tatami.engines.torch import activation, conv, dense, dropout, merge, norm, pool, scale, shape_ops  # noqa: F401
from tatami.engines.torch.dropout import CountedDropout, Draws
from tatami.engines.torch.padding import padding_module
from tatami.engines.torch.rules import Place, lower
from tatami.network import Network
from tatami.plan.kept import TORCH
from tatami.plan.schedule import shared_memory


@dataclass(frozen=True)
class Call:
    """One layer's turn in the forward pass.

    Attributes:
        node: the layer's name.
        module, padding: names of submodules; the padding, if there is one, comes first.
        inputs: whose outputs it takes.
        done: those of them that nobody reads later.
    """

    node: str
    module: str
    padding: str | None
    inputs: tuple[str, ...]
    done: tuple[str, ...]


class NetworkModule(nn.Module):
    """``network``, from samples (n, C, *spatial) to its output, both channels last in memory.

    Parameters and submodules have the names of the network's nodes, with ``_`` for a dot.

    Args:
        network: any.
        cuts: names of nodes at which checkpointing divides it: what lies before the last of them keeps nothing in
            training but what enters each part, and runs again in the backward pass.

    Attributes:
        draws: what the random numbers of the next pass depend on.
    """

    def __init__(self, network: Network, cuts: Sequence[str] = ()) -> None:
        super().__init__()
        self.draws = Draws()
        in_place = shared_memory(network, TORCH, cuts=cuts)
        last = {source: node.name for node in network for source in node.inputs}
        calls = []
        for number, node in enumerate(network.nodes[1:], start=1):
            shapes = network.input_shapes(node)
            name = module_name(node.name)
            module = lower(node.layer, Place(shapes, node.shape, number, node.name in in_place))
            if isinstance(module, CountedDropout):
                module.draws = self.draws
            padding = padding_module(node.layer, shapes[0])
            if padding is not None:
                self.add_module(f"{name}_padding", padding)
            self.add_module(name, module)
            done = tuple(source for source in dict.fromkeys(node.inputs) if last[source] == node.name)
            calls.append(Call(node.name, name, f"{name}_padding" if padding else None, node.inputs, done))
        self._input = network.nodes[0].name
        self._parts = _divided(self._input, calls, cuts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, *spatial) -> (n, K, *spatial'), or (n, K)."""
        source = self._input
        for target, calls in self._parts[:-1]:
            part = partial(self._run, calls, source, target)
            x = checkpoint(part, x, use_reentrant=False, context_fn=self._contexts) if self.training else part(x)
            source = target
        target, calls = self._parts[-1]
        return self._run(calls, source, target, x)

    def _run(self, calls: Sequence[Call], source: str, target: str, x: torch.Tensor) -> torch.Tensor:
        """The output of ``target`` from that of ``source``; what nobody reads later is dropped."""
        values = {source: x}
        del x
        for call in calls:
            inputs = [values[name] for name in call.inputs]
            for name in call.done:
                if name != target:
                    del values[name]
            if call.padding is not None:
                inputs[0] = self._modules[call.padding](inputs[0])
            values[call.node] = self._modules[call.module](*inputs)
            del inputs
        return values[target]

    def layer(self, node: str) -> nn.Module:
        """The submodule of a node."""
        return self.get_submodule(module_name(node))

    @torch.no_grad()
    def first_not_finite(self, samples: Iterable[torch.Tensor]) -> str | None:
        """The first node with NaN or infinity in its output, for any of the samples (n, C, *spatial); None for none."""
        found: list[str] = []

        def look(node: str, module: nn.Module, inputs: object, output: torch.Tensor) -> None:
            if not found and not torch.isfinite(output).all():
                found.append(node)

        calls = (call for _, calls in self._parts for call in calls)
        hooks = [self.layer(call.node).register_forward_hook(partial(look, call.node)) for call in calls]
        try:
            for x in samples:
                self(x)
        finally:
            for hook in hooks:
                hook.remove()
        return found[0] if found else None

    def _contexts(self) -> tuple[object, object]:
        return _as_it_is(), self._again()

    @contextmanager
    def _again(self) -> Iterator[None]:
        """A forward pass that was done before: the running statistics have moved already."""
        norms = [module for module in self.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
        momenta = [each.momentum for each in norms]
        for each in norms:
            each.momentum = 0.0
        try:
            yield
        finally:
            for each, momentum in zip(norms, momenta, strict=True):
                each.momentum = momentum


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


def module_name(node: str) -> str:
    """A node's name as PyTorch takes it for a submodule."""
    return node.replace(".", "_")


def _divided(source: str, calls: Sequence[Call], cuts: Sequence[str]) -> list[tuple[str, list[Call]]]:
    """The calls up to each cut, with its name, and those behind the last, with the output's."""
    parts: list[list[Call]] = [[]]
    for call in calls:
        parts[-1].append(call)
        if call.node in cuts and call is not calls[-1]:
            parts.append([])
    return [(part[-1].node if part else source, part) for part in parts]
