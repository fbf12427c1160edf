"""Where a rule stands: an operator, what it reads, and the network so far. N samples, C channels, * spatial sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np

from tatami.engines.base import Array
from tatami.exchange.onnx.draft import Draft, Entry, Tensor
from tatami.exchange.onnx.graph import Graph, Operation
from tatami.exchange.onnx.values import UnreadableError, Value
from tatami.exchange.onnx.views import View
from tatami.network.layers import Flatten, Layer, Shuffle, product


class Reader(Protocol):
    """What a rule asks of the reader of the graph."""

    graph: Graph
    draft: Draft
    notes: list[str]

    def force(self, value: Value) -> View:
        """The layer's output that a value lies over, made if need be."""

    def readers(self, value: str) -> int:
        """How many operators read it."""

    def only_dense(self, value: str) -> bool:
        """Whether nothing reads it but FC, by itself or through operators that take each value alone."""


@dataclass(frozen=True)
class Site:
    """An operator in its place.

    Attributes:
        reader: of the graph.
        operation: the operator.
        inputs: values, or constants; None where one is left out.
        patient: whether inputs without a layer are left so: the operator may be a part of something larger.
    """

    reader: Reader
    operation: Operation
    inputs: Sequence[Value | Array | None]
    patient: bool = False

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        return self.operation.attributes.get(name, default)

    def view(self, i: int = 0) -> View:
        """An input that is a value, its channels in order.

        Raises:
            UnreadableError: it is a constant, or unreadable itself.
        """
        given = self.inputs[i] if i < len(self.inputs) else None
        if not isinstance(given, Value):
            raise UnreadableError(f"input {i} is a constant")
        return self.settled(self.forced(given))

    def forced(self, given: Value) -> View:
        """The layer's output that a value lies over.

        Raises:
            UnreadableError: it is unreadable; or has no layer, and the site is patient.
        """
        if given.view is None and self.patient:
            raise UnreadableError("")
        return self.reader.force(given)

    def array(self, i: int) -> Array | None:
        """An input that is a constant; None where it is left out.

        Raises:
            UnreadableError: it is computed.
        """
        given = self.inputs[i] if i < len(self.inputs) else None
        if isinstance(given, Value):
            raise UnreadableError(f"input {i} is computed, not a constant")
        if given is not None and given.dtype == object:
            raise UnreadableError(f"input {i} depends on the size of the batch")
        return given

    def sizes(self, i: int) -> list[Any]:
        """An input that is sizes of a value, that of the batch perhaps among them.

        Raises:
            UnreadableError: it is computed.
        """
        given = self.inputs[i]
        if given is None or isinstance(given, Value):
            raise UnreadableError(f"input {i} is computed, not a constant")
        return list(given.ravel())

    def need_array(self, i: int) -> Array:
        """As :meth:`array`, for one that must be there.

        Raises:
            UnreadableError: it is computed or left out.
        """
        array = self.array(i)
        if array is None:
            raise UnreadableError(f"input {i} is left out")
        return array

    def map(self, i: int = 0) -> View:
        """An input that is a map, (N, C, *).

        Raises:
            UnreadableError: it is something else.
        """
        view = self.view(i)
        if not view.is_map:
            raise UnreadableError("its input is no map with channels first")
        return view

    def add(self, layer: Layer, *views: View, **tensors: Tensor) -> View:
        """Add a layer; returns its output, channels first."""
        return self.reader.draft.add(layer, views, self.operation.name, tensors)

    def settled(self, view: View) -> View:
        """With a SHUFFLE behind it where its channels are dealt out anew."""
        axis = len(view.shape) - 1
        turned = ((axis, 1), (axis, 0))
        if len(view.parts[-1]) != 2 or turned not in view.dims:
            return view
        shuffled = self.add(Shuffle(view.parts[-1][0]), view)
        dims = tuple(((axis, 0),) if dim == turned else dim for dim in view.dims)
        return View(shuffled.node, view.shape, (*view.parts[:-1], (view.shape[-1],)), dims)

    def vector(self, view: View) -> View:
        """A vector (N, n) with a FLATTEN behind it where it is a map that was flattened, or one of a single position.

        Raises:
            UnreadableError: its values lie in another order than tatami's, or it is a map.
        """
        if sum(size > 1 for size in view.sizes) > 1 or not view.in_order:
            raise UnreadableError("a flattened map whose values lie channels first, read by other than FC")
        if len(view.shape) == 1:
            return view
        flat = self.add(Flatten(), view)
        size = product(view.shape)
        at = next((i for i, dim in enumerate(view.dims) if dim), 0)
        dims = tuple(((0, 0),) if i == at and size > 1 else () for i in range(len(view.dims)))
        return View(flat.node, flat.shape, flat.parts, dims)

    def channel_vector(self, array: Array, view: View) -> Array | None:
        """A constant that has one number for each channel of ``view``, (C,), or one for all; None if it has others."""
        at, axes = view.channel_dim(), 1 + len(view.dims)
        if at is None or array.ndim > axes:
            return None
        shape = (1,) * (axes - array.ndim) + array.shape
        if any(size > 1 for i, size in enumerate(shape) if i != at + 1) or shape[at + 1] not in (1, view.shape[-1]):
            return None
        return np.broadcast_to(array.ravel(), (view.shape[-1],))

    def sole(self, i: int) -> Entry | None:
        """The layer that gives input ``i``, if nothing else reads that, so that it may be changed."""
        given, name = self.inputs[i], self.operation.inputs[i]
        while isinstance(given, Value) and given.view is not None and name in given.made.outputs:
            if self.reader.readers(name) != 1:
                return None
            node = given.view.node
            at = next(
                (k for k, each in enumerate(given.inputs) if isinstance(each, Value) and each.lies_over(node)), -1
            )
            if at < 0:
                return self.reader.draft.entries[node]
            name, given = given.made.inputs[at], given.inputs[at]  # moved only: what lies before may be read elsewhere
        return None

    def change(self, view: View, layer: Layer, **tensors: Tensor) -> View:
        """Change the layer that gives ``view``: another one of the same shape, with tensors besides its own."""
        entries = self.reader.draft.entries
        entry = entries[view.node]
        changed = replace(entry, layer=layer, tensors={**entry.tensors, **tensors}, operation=self.operation.name)
        entries[view.node] = changed
        return view


Rule: TypeAlias = Callable[[Site], View | list[View]]
RULES: dict[str, Rule] = {}
"""How each operator is read, by its name."""


def reads(*operators: str) -> Callable[[Rule], Rule]:
    """Decorator: the rule of these operators."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(operators, rule))
        return rule

    return register


def constant(array: Array) -> Tensor:
    """A tensor that is there."""
    return lambda: array


def short(number: float) -> float:
    """A float32 by the shortest number that is it: 1e-05, not 9.99999974e-06."""
    return float(str(np.float32(number)))
