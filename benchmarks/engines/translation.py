"""A tatami Network as a PyTorch module with the same weights: both sides are one network by construction.

The module is what a careful user of PyTorch would write: its own layers, channels first, ReLU and the sum of a residual
block over their input where nobody else reads it, and no value held longer than it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch

import numpy as np
import torch
from layout import channels_first
from torch import nn
from torch.nn import functional

from tatami.network import Network, Node
from tatami.network import layers as tl

OVERWRITABLE = (tl.Conv, tl.BatchNorm, tl.Dense, tl.Add)  # PyTorch needs their outputs for no gradient


class Translated(nn.Module):
    """``network``, for input (n, C, *spatial)."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        uses = network.consumers()
        last = {source: node.name for node in network for source in node.inputs}
        self.layers = nn.ModuleDict()
        self.steps: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = []
        for node in network.nodes[1:]:
            over = [isinstance(network[name].layer, OVERWRITABLE) and len(uses[name]) == 1 for name in node.inputs]
            key = node.name.replace(".", "_")
            self.layers[key] = translate(node.layer, network.input_shapes(node), over)
            done = tuple(name for name in dict.fromkeys(node.inputs) if last[name] == node.name)
            self.steps.append((key, node.name, node.inputs, done))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = {self.network.nodes[0].name: x}
        for key, name, inputs, done in self.steps:
            x = self.layers[key](*[values[source] for source in inputs])
            for source in done:
                del values[source]
            values[name] = x
        return x


def make_module(network: Network, weights: Mapping[str, np.ndarray], dtype: torch.dtype = torch.float32) -> Translated:
    """The translated network with ``weights`` in tatami's names and order."""
    with torch.device("meta"):  # without first weights of its own
        module = Translated(network)
    module = module.to(dtype).to_empty(device="cpu")
    for node in network.nodes[1:]:
        load(module.layers[node.name.replace(".", "_")], node, network, weights)
    return module


@torch.no_grad()
def load(module: nn.Module, node: Node, network: Network, weights: Mapping[str, np.ndarray]) -> None:
    """Copy the weights of ``node`` into its module."""
    shapes = network.input_shapes(node)
    holder = module[-1] if isinstance(module, nn.Sequential) else module  # a padding may come before
    for name, parameter in node.layer.parameters(*shapes).items():
        array = weights[f"{node.name}.{name}"].reshape(parameter.shape)
        array = np.ascontiguousarray(channels_first(node.layer, name, array, shapes[0]))
        getattr(holder, name).copy_(torch.from_numpy(array))
    if isinstance(holder, nn.modules.batchnorm._BatchNorm):
        holder.num_batches_tracked.zero_()


# --- layers ---


@singledispatch
def translate(layer: tl.Layer, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    """The module for ``layer`` on inputs of ``shapes``; ``over`` says which of them it may overwrite."""
    raise NotImplementedError(f"no translation of {layer.keyword} into PyTorch")


@translate.register
def conv(layer: tl.Conv, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    axes = len(shapes[0]) - 1
    padding, before = _padding(layer.window(*shapes), 0.0)
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    sizes = (layer.kernel_size, layer.stride, padding, layer.dilation)
    return _behind(before, kind(shapes[0][-1], layer.filters, *sizes, groups=layer.groups, bias=layer.bias))


@translate.register
def pool(layer: tl.Pool, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    axes, window = len(shapes[0]) - 1, layer.window(*shapes)
    if layer.kind == "max":
        padding, before = _padding(window, float("-inf"))
        kind = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[axes - 1]
        return _behind(before, kind(layer.kernel_size, layer.stride, padding))
    padding, before = _padding(window, 0.0)
    if before is not None and not layer.count_pad:
        return UnevenMean(layer, shapes[0])
    kind = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)[axes - 1]
    return _behind(before, kind(layer.kernel_size, layer.stride, padding, count_include_pad=layer.count_pad))


def _padding(window, value: float) -> tuple[tuple[int, ...], nn.Module | None]:
    """Padding for the layer itself, and where it is uneven, a padding before it instead."""
    pairs = window.padding
    if all(before == after for before, after in pairs):
        return tuple(before for before, _ in pairs), None
    return (0,) * len(pairs), Pad(tuple(size for pair in pairs[::-1] for size in pair), value)


def _behind(before: nn.Module | None, module: nn.Module) -> nn.Module:
    return module if before is None else nn.Sequential(before, module)


class Pad(nn.Module):
    def __init__(self, sizes: tuple[int, ...], value: float) -> None:
        super().__init__()
        self.sizes, self.value = sizes, value

    def forward(self, x):
        return functional.pad(x, self.sizes, value=self.value)


class UnevenMean(nn.Module):
    """Mean pooling that counts no padding, where the padding is uneven."""

    def __init__(self, layer: tl.Pool, shape: tl.Shape) -> None:
        super().__init__()
        _, self.pad = _padding(layer.window(shape), 0.0)
        kind = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)[len(shape) - 2]
        self.mean = kind(layer.kernel_size, layer.stride)

    def forward(self, x):
        return self.mean(self.pad(x)) / self.mean(self.pad(torch.ones_like(x[:1, :1])))


@translate.register
def global_average_pool(layer: tl.GlobalAveragePool, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return Function(lambda x: x.mean(tuple(range(2, x.ndim))))


@translate.register
def dense(layer: tl.Dense, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    linear = nn.Linear(int(np.prod(shapes[0])), layer.units, layer.bias)
    return linear if len(shapes[0]) == 1 else nn.Sequential(nn.Flatten(), linear)


@translate.register
def batch_norm(layer: tl.BatchNorm, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    kind = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[len(shapes[0]) - 1]
    return kind(shapes[0][-1], layer.eps, layer.momentum)


@translate.register
def layer_norm(layer: tl.LayerNorm, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return ChannelNorm(shapes[0][-1], layer.eps)


class ChannelNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


@translate.register
def local_response_norm(layer: tl.LocalResponseNorm, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return nn.LocalResponseNorm(layer.size, layer.alpha * layer.size, layer.beta, layer.k)


@translate.register
def scale(layer: tl.Scale, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return ChannelScale(shapes[0])


class ChannelScale(nn.Module):
    def __init__(self, shape: tl.Shape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape[-1]))
        self.broad = (-1, *(1 for _ in shape[:-1]))

    def forward(self, x):
        return x * self.weight.view(self.broad)


# --- without weights ---


class Function(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


@translate.register(tl.ReLU)
@translate.register(tl.ReLU6)
def relu(layer: tl.Layer, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return (nn.ReLU if isinstance(layer, tl.ReLU) else nn.ReLU6)(inplace=over[0])


@translate.register
def leaky(layer: tl.LeakyReLU, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return nn.LeakyReLU(layer.slope)


@translate.register
def softmax(layer: tl.Softmax, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return nn.Softmax(1)


@translate.register
def dropout(layer: tl.Dropout, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return nn.Dropout(layer.rate)


@translate.register
def add(layer: tl.Add, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return Sum(over)


class Sum(nn.Module):
    """Inputs added, over the first that may be overwritten."""

    def __init__(self, over: list[bool]) -> None:
        super().__init__()
        self.place = over.index(True) if True in over else None

    def forward(self, *inputs):
        if self.place is None:
            return sum(inputs[1:], inputs[0])
        total, *others = inputs[self.place], *inputs[: self.place], *inputs[self.place + 1 :]
        for x in others:
            total += x
        return total


@translate.register
def multiply(layer: tl.Multiply, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return Function(_multiply)


def _multiply(*inputs):
    axes = max(x.ndim for x in inputs)
    broad = [x.view(*x.shape, *(1 for _ in range(axes - x.ndim))) for x in inputs]
    product = broad[0]
    for x in broad[1:]:
        product = product * x
    return product


@translate.register
def concat(layer: tl.Concat, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return Function(lambda *inputs: torch.cat(inputs, 1))


@translate.register
def flatten(layer: tl.Flatten, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return Function(lambda x: x.movedim(1, -1).flatten(1))  # tatami's order, channels last


@translate.register
def channels(layer: tl.Slice, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return Function(lambda x: x[:, layer.start : layer.stop])


@translate.register
def shuffle(layer: tl.Shuffle, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return Function(lambda x: x.unflatten(1, (layer.groups, -1)).transpose(1, 2).flatten(1, 2))


def _plain(layer: tl.Layer, shapes: tuple[tl.Shape, ...], over: list[bool]) -> nn.Module:
    return PLAIN[type(layer)]()


PLAIN = {
    tl.Sigmoid: nn.Sigmoid,
    tl.Tanh: nn.Tanh,
    tl.GELU: nn.GELU,
    tl.SiLU: nn.SiLU,
    tl.HardSigmoid: nn.Hardsigmoid,
    tl.HardSwish: nn.Hardswish,
}
for _kind in PLAIN:
    translate.register(_kind, _plain)
