"""A step of the torch engine rehearsed: every operator is called, on tensors that have a shape but no values.

What it saves and takes is then PyTorch's own word, for any network and batch, in seconds and next to no memory. Only
what a device's kernels take within themselves is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from tatami.engines.torch.losses import loss_of
from tatami.engines.torch.measure import LiveBytes, Saved
from tatami.engines.torch.module import NetworkModule
from tatami.engines.torch.optimizers import make_optimizer
from tatami.engines.torch.rules import channels_first
from tatami.network import Network
from tatami.plan.checkpoint import even_cuts
from tatami.plan.program import scored_network
from tatami.recipe import SGD, CrossEntropy, Loss, Optimizer


@dataclass(frozen=True)
class Rehearsal:
    """What a step was seen to take on a CPU, in bytes, beside the weights and the optimizer's state.

    Attributes:
        saved: what the forward pass keeps for the backward pass; input and weights are left out.
        peak: the most that was alive after any operator.
    """

    saved: int
    peak: int


class _Watch(LiveBytes):
    """As its base, and knows the narrow copies of the weights that mixed precision makes."""

    def __init__(self, module: nn.Module) -> None:
        tensors = [*module.parameters(), *module.buffers()]
        super().__init__(tensors)
        self.saved = Saved(tensors)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = super().__torch_dispatch__(func, types, args, kwargs)
        if func is torch.ops.aten._to_copy.default and args[0].untyped_storage()._cdata in self.saved.own:
            self.saved.own.add(result.untyped_storage()._cdata)
        return result


def rehearse(
    network: Network,
    batch: int,
    *,
    optimizer: Optimizer | None = None,
    loss: Loss | None = None,
    training: bool = True,
    mixed: bool = False,
    checkpoint: bool = False,
) -> Rehearsal:
    """Rehearse one step on a CPU.

    Args:
        network: any network.
        batch: samples.
        optimizer: plain SGD unless given.
        loss: cross-entropy unless given.
        training: False for the forward pass of inference.
        mixed: in mixed precision, bf16.
        checkpoint: whether the engine runs parts of the forward pass again.
    """
    loss = loss or CrossEntropy()
    scored = scored_network(network, loss)
    with FakeTensorMode(allow_non_fake_inputs=True):
        module = NetworkModule(scored, even_cuts(scored) if checkpoint else ())
        _lay_channels_last(module)
        module.train(training)
        updates = make_optimizer(optimizer or SGD(), list(module.parameters()))
        with _Watch(module) as watch:
            if training:
                _passes(module, watch, scored, batch, loss, mixed)
                updates.step()
            else:
                with torch.no_grad():  # in inference mode PyTorch would show operators that are made of others
                    _forward(module, watch, scored, batch, mixed)
        for parameter in module.parameters():
            parameter.grad = None
    return Rehearsal(sum(watch.saved.sizes.values()), watch.peak)


def _passes(module: nn.Module, watch: _Watch, network: Network, batch: int, loss: Loss, mixed: bool) -> None:
    """Both passes, as the model makes them."""
    with watch.saved.hooks():
        scores = _forward(module, watch, network, batch, mixed)
    labels = torch.empty(batch, *network.output_shape[:-1], dtype=torch.int64)
    value = loss_of(loss, scores.float(), labels)
    del labels
    value.backward()


def _forward(module: nn.Module, watch: _Watch, network: Network, batch: int, mixed: bool) -> Any:
    x = _samples(network, batch)
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        scores = module(x)
    watch.saved.sizes.pop(x.untyped_storage()._cdata, None)
    return scores


def _samples(network: Network, batch: int) -> torch.Tensor:
    return channels_first(torch.empty(batch, *network.input_shape))


def _lay_channels_last(module: nn.Module) -> None:
    """The weights as the model has them; tensors without values cannot be moved by the module itself."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None and parameter.ndim in formats:
                dense = parameter.detach().contiguous(memory_format=formats[parameter.ndim])
                part._parameters[name] = nn.Parameter(dense)
