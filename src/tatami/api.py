"""The Python names of tatami: ``tatami.Network``, ``tatami.compile`` and the recipes."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tatami.errors import OptionError
from tatami.network import Fit, Node, find_network, network_from_json, network_json, network_program
from tatami.network import Network as _Network
from tatami.network.layers.arguments import is_whole
from tatami.network.layers.base import shown
from tatami.notation import ast, print_text
from tatami.notation.lexer import MAX_DIGITS
from tatami.plan import Plan, make_plan
from tatami.recipe import Optimizer

if TYPE_CHECKING:
    from tatami.exchange.imported import Imported
    from tatami.exchange.onnx.reading import ImportedOnnx


class Network(_Network):
    """A network from one line.

    Args:
        net: notation, a zoo name, or the path of a ``.net`` file.
        input: the sample's shape, channels last, for a bare INPUT; replaces INPUT's own.
        classes: the size of a bare last FC.
        fit: what to do where (W - F + 2P) is not divisible by S: ``crop`` the rest, or ``error``.
        bind: values for the free names of a family: ``Network("... [CONV]*N ...", N=2, POOL=True)``.

    Raises:
        NotationError: with line, column and what was expected.
        OptionError: an argument that makes no sense; ``where`` names it.
        NetworkError: a ``.net`` file that cannot be read, or a network too large as a whole.

    >>> net = Network("INPUT(32x32x3) -> [CONV(3, 3, P=0) -> RELU]*3")
    >>> net.output_shape, net.plan().totals.params
    ((26, 26, 3), 252)
    """

    def __init__(
        self,
        net: str,
        *,
        input: Sequence[int] | None = None,
        classes: int | None = None,
        fit: Fit = "crop",
        **bind: int | bool | Sequence[int],
    ) -> None:
        source = find_network(net, {name: _as_value(name, value) for name, value in bind.items()})
        built = source.build(_as_shape(input), _as_whole(classes), fit)
        super().__init__(built.nodes)

    @classmethod
    def from_nodes(cls, nodes: Sequence[Node]) -> Network:
        """A network from nodes in topological order, checked."""
        network = cls.__new__(cls)
        _Network.__init__(network, tuple(nodes))
        return network

    @property
    def text(self) -> str:
        """The network in notation; ``Network(net.text) == net``."""
        return print_text(network_program(self))

    def to_json(self) -> dict[str, Any]:
        """The network as plain JSON types, for :meth:`from_json`."""
        return network_json(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Network:
        """The network that :meth:`to_json` gave."""
        return cls.from_nodes(network_from_json(value).nodes)

    def _repr_html_(self) -> str:
        """The drawing to scale, and the layers: what a notebook shows."""
        return self.plan()._repr_html_()

    def plan(self, batch: int = 1, optimizer: Optimizer | None = None, **settings: Any) -> ShownPlan:
        """What the network costs: see :func:`tatami.plan.make_plan`, which also says the other ``settings``."""
        plan = make_plan(self, batch, optimizer, **settings)
        return ShownPlan(plan.network, plan.layers, plan.totals, plan.settings)


def from_torch(module: Any, example: Any) -> Imported:
    """A module of PyTorch as a :class:`Network` with its weights: see :func:`tatami.exchange.torch.reading.from_torch`.

    Args:
        module: any ``torch.nn.Module`` of layers that tatami has.
        example: a tensor of samples as it takes them, (N, C, *spatial).
    """
    from tatami.exchange.torch.reading import from_torch

    found = from_torch(module, example)
    return replace(found, network=Network.from_nodes(found.network.nodes))


def from_onnx(source: str | os.PathLike[str] | bytes, *, input: Sequence[int] | None = None) -> ImportedOnnx:
    """A model of ONNX as a :class:`Network` with its weights: see :func:`tatami.exchange.onnx.reading.import_onnx`.

    Args:
        source: the path of a file, or its bytes.
        input: the sample's shape, channels last, where the file leaves sizes open.
    """
    from tatami.exchange.onnx.library import need_onnx

    need_onnx()
    from tatami.exchange.onnx.reading import import_onnx

    found = import_onnx(source, input_shape=_as_shape(input))
    return replace(found, network=Network.from_nodes(found.network.nodes))


class ShownPlan(Plan):
    """A plan that shows itself: a table in the terminal, a drawing and a table in a notebook."""

    def __repr__(self) -> str:
        from rich.console import Console

        from tatami.views.plan_table import plan_table

        console = Console(width=100)
        with console.capture() as captured:
            console.print(plan_table(self))
        return captured.get()

    def _repr_html_(self) -> str:
        from tatami.views.drawing import network_svg
        from tatami.views.plan_html import plan_html

        return network_svg(self) + plan_html(self)


def _as_whole(value: Any) -> Any:
    """A whole number of any library as Python's own; anything else as it is, for ``build`` to refuse."""
    return operator.index(value) if hasattr(value, "__index__") and not isinstance(value, bool) else value


def _as_shape(value: Any) -> Any:
    return tuple(map(_as_whole, value)) if isinstance(value, (list, tuple)) else value


def _as_value(name: str, value: object) -> ast.Value:
    if isinstance(value, bool):
        return ast.Name("yes" if value else "no")
    read = _as_shape(_as_whole(value))
    numbers = read if isinstance(read, tuple) else (read,)
    if not numbers or not all(is_whole(number, 0) and number < 10**MAX_DIGITS for number in numbers):
        raise OptionError(
            "cannot be bound to this",
            where=name,
            got=shown(value)[:60],
            expected=f"whole numbers of at most {MAX_DIGITS} digits, alone or in a list; or True or False",
        )
    values = tuple(map(ast.Number, numbers))
    return ast.List(values) if isinstance(read, tuple) else values[0]
