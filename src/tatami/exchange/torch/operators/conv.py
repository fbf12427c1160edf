"""Convolutions, and padding in front of windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tatami.exchange.onnx.views import View
from tatami.exchange.torch.draft import CannotRead, Constant
from tatami.exchange.torch.operators.dense import dense
from tatami.exchange.torch.operators.rules import Call, Pairs, biased, rule, sizes_of, weight_of, wide
from tatami.network.layers import Conv, DepthwiseConv
from tatami.network.layers.windows import same_padding


@dataclass(frozen=True)
class Padded:
    """A view with padding laid around its spatial axes, for the window that follows."""

    view: View
    pairs: Pairs
    value: float


def opened(call: Call, value: float) -> tuple[View, Pairs]:
    """The first argument, and the padding around it, which has to be of this value."""
    given = call.args[0]
    if not isinstance(given, Padded):
        view = call.view()
        return view, ((0, 0),) * (len(view.dims) - 1)
    if given.value != value:
        raise CannotRead(f"padding by {given.value}")
    return given.view, given.pairs


@rule("pad", "constant_pad_nd")
def _pad(call: Call) -> Any:
    view, numbers = call.view(), list(call.args[1])
    mode, value = (
        (call.get(2, "mode", "constant"), call.get(3, "value"))
        if len(call.args) != 3 or isinstance(call.args[2], str)
        else ("constant", call.args[2])
    )
    pairs = tuple((numbers[i], numbers[i + 1]) for i in range(0, len(numbers), 2))[::-1]  # the last axis comes first
    if not any(map(any, pairs)):
        return view
    lacking = len(view.dims) - 1 - len(pairs)
    if mode != "constant" or lacking < 0 or any(n < 0 for pair in pairs for n in pair):
        raise CannotRead(f"padding {numbers}, {mode}")
    return Padded(view, ((0, 0),) * lacking + pairs, float(value or 0))


@rule("conv1d", "conv2d", "conv3d", "convolution")
def _conv(call: Call) -> View:
    view, around = opened(call, 0.0)
    weight, bias = call.args[1], call.get(2, "bias")
    if not isinstance(weight, Constant):
        raise CannotRead("weights that are computed")
    axes = weight.tensor.ndim - 2
    F = tuple(weight.tensor.shape[2:])
    is_whole = len(call.args) == 9  # aten.convolution has transposed and output_padding
    if is_whole and call.args[6]:
        raise CannotRead("a transposed convolution")
    if len(view.dims) != axes + 1:
        raise CannotRead(f"a convolution of {view.sizes}")
    S = sizes_of(call.get(3, "stride", 1), axes)
    D = sizes_of(call.get(5, "dilation", 1), axes)
    groups = call.args[8] if is_whole else call.get(6, "groups", 1)
    own = _pairs(call.get(4, "padding", 0), F, D)
    pairs = tuple((a + c, b + d) for (a, b), (c, d) in zip(around, own, strict=True))
    K, C = weight.tensor.shape[0], view.sizes[0]
    is_pointwise = set(F) == set(S) == {1} and not any(map(any, pairs))
    if len(view.shape) == 1 and groups == 1 and is_pointwise:
        # A 1x1 convolution behind a global mean, as in squeeze-and-excitation, is fully connected.
        return wide(dense(call, view, weight, weight.array.reshape(K, -1), bias), axes)
    same = tuple(same_padding(*one) for one in zip(view.sizes[1:], F, S, D, strict=True))
    padding: Any = pairs if any(map(any, pairs)) else "valid"
    if set(S) == {1} and pairs == same:
        padding = "same"  # the notation's default
    kind = DepthwiseConv if groups == C > 1 else Conv
    weights = biased(bias, weight=weight_of(weight, *range(2, axes + 2), 1, 0))
    return call.map(kind(K, F, S, padding, D, groups, bias is not None), view, **weights)


def _pairs(P: Any, F: tuple[int, ...], D: tuple[int, ...]) -> Pairs:
    """Padding as (before, after) of each axis; PyTorch's ``same`` has the larger half behind."""
    if P == "same":
        return tuple((d * (f - 1) // 2, d * (f - 1) - d * (f - 1) // 2) for f, d in zip(F, D, strict=True))
    return tuple((p, p) for p in sizes_of(0 if P == "valid" else P, len(F)))
