"""How an operator of ATen becomes layers: each file of this package enters the rules of its family in :data:`RULES`.

N samples, C channels, * spatial sizes; views lie channels first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from tatami.exchange.onnx.views import View
from tatami.exchange.torch.draft import CannotRead, Constant, Draft, Weight
from tatami.network.layers import Layer


@dataclass(frozen=True)
class Call:
    """An operator with its arguments, views and constants in the place of values.

    Attributes:
        draft: the network so far.
        args, kwargs: as in the graph.
        owner, path: the module that calls it, and what that is called.
        sizes: of the result, the batch first.
    """

    draft: Draft
    args: list[Any]
    kwargs: dict[str, Any]
    owner: Any
    path: str
    sizes: tuple[int, ...]

    def get(self, place: int, name: str, usual: Any = None) -> Any:
        """An argument by its place or its name."""
        return self.args[place] if place < len(self.args) else self.kwargs.get(name, usual)

    def view(self, place: int = 0) -> View:
        """A value that depends on the input."""
        value = self.args[place]
        if not isinstance(value, View):
            raise CannotRead("a computation on weights alone")
        return value

    def over(self, layer: Layer, view: View, **weights: Weight) -> View:
        """A layer that leaves shape and order."""
        return view.over(self.draft.add(layer, (view,), self.path, **weights))

    def map(self, layer: Layer, view: View, **weights: Weight) -> View:
        """A layer on a map."""
        view = self.draft.as_map(view, self.path)
        name = self.draft.add(layer, (view,), self.path, **weights)
        return View.of(name, self.draft.shape(name))


Pairs: TypeAlias = tuple[tuple[int, int], ...]
Rule: TypeAlias = Callable[[Call], Any]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Enter a rule."""

    def enter(one: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, one))
        return one

    return enter


def sizes_of(value: Any, axes: int) -> tuple[int, ...]:
    """One number for each axis, from one for all or one for each."""
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    return values * axes if len(values) == 1 else values


def weight_of(source: Any, *order: int) -> Weight:
    """A tensor with its axes in another ``order``, or as it is."""
    if not isinstance(source, Constant):
        raise CannotRead("weights that are computed")
    return Weight(source.array.transpose(order) if order else source.array, source)


def biased(given: Any, **weights: Weight) -> dict[str, Weight]:
    """Weights, and the bias where one is given."""
    return weights if given is None else {**weights, "bias": weight_of(given)}


def wide(view: View, axes: int) -> View:
    """A vector (C,) as (C, 1, 1)."""
    return View(view.node, view.shape, view.parts, (*view.dims, *((),) * axes))
