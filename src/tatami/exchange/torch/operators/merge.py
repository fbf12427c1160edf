"""Sums and products."""

from __future__ import annotations

from typing import Any

from tatami.exchange.onnx.views import View
from tatami.exchange.torch.draft import CannotRead, Constant, Weight
from tatami.exchange.torch.operators.rules import Call, rule
from tatami.network.layers import Add, Multiply, Scale


@rule("add")
def _add(call: Call) -> View:
    if call.kwargs.get("alpha", 1) != 1:
        raise CannotRead("a sum with a factor")
    a, b = call.args[:2]
    if not (isinstance(a, View) and isinstance(b, View)):
        number = b if isinstance(a, View) else a
        if isinstance(number, (int, float)) and number == 0:
            return call.view(0 if isinstance(a, View) else 1)
        raise CannotRead("a constant added")
    a, b = _alike(call, a, b)
    if a.sizes != b.sizes or a.over(b.node) != b:
        raise CannotRead(f"a sum of {a.sizes} and {b.sizes}")
    return a.over(call.draft.add(Add(), (a, b), call.path))


def _alike(call: Call, a: View, b: View) -> tuple[View, View]:
    """Two views in one order where only one of them had its channels dealt out anew, or was a map."""
    if a.over(b.node) == b or len(a.shape) != len(b.shape) or len(a.dims) == 1:
        return a, b
    return call.draft.as_map(a, call.path), call.draft.as_map(b, call.path)


@rule("mul")
def _mul(call: Call) -> View:
    a, b = call.args[:2]
    if isinstance(a, View):
        return _product(call, a, b)
    return _product(call, call.view(1), a)


def _product(call: Call, a: View, b: Any) -> View:
    if isinstance(b, (int, float)):
        if b == 1:
            return a
        raise CannotRead(f"a product with {b}")
    if isinstance(b, Constant):
        return _scale(call, a, b)
    if not isinstance(b, View):
        raise CannotRead("a product with padding")
    if len(a.shape) < len(b.shape):
        a, b = b, a
    if a.sizes == b.sizes:
        a, b = _alike(call, a, b)
        if a.over(b.node) == b:
            return a.over(call.draft.add(Multiply(), (a, b), call.path))
    elif len(b.shape) == 1 and a.is_map and b.sizes == (a.shape[-1], *(1,) * (len(a.dims) - 1)):
        return a.over(call.draft.add(Multiply(), (a, b), call.path))
    raise CannotRead(f"a product of {a.sizes} and {b.sizes}")


def _scale(call: Call, view: View, factor: Constant) -> View:
    shape = (1,) * (len(view.dims) + 1 - factor.array.ndim) + factor.array.shape
    at = view.channel_dim()
    if at is None or shape != tuple(view.sizes[at] if i == at + 1 else 1 for i in range(len(view.dims) + 1)):
        raise CannotRead(f"a product with weights of {factor.array.shape}")
    return call.over(Scale(), view, weight=Weight(factor.array.reshape(-1), factor))
