"""A size that does not fit: the ways out of it, side by side.

Where (W - F + P) is no multiple of S, the last window would stand over the end. It can be left out (*crop*), the input
can be padded until it fits (*pad*), or the padding can follow TensorFlow's ``same``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tatami.errors import NotationError, TatamiError
from tatami.network import Network, Node
from tatami.network.layers import size_text
from tatami.network.layers.windows import Axis, Window, describe_unseen
from tatami.notation.lexer import Token, tokenize
from tatami.plan import make_plan
from tatami.web.failures import span_in_browser

_KEYS = {"p", "pad", "padding"}


@dataclass(frozen=True)
class AxisView:
    """A window along one axis, as :class:`tatami.network.layers.windows.Axis` has it, with its result."""

    length: int
    size: int
    stride: int
    dilation: int
    before: int
    after: int
    output: int
    left_over: int
    formula: str
    unseen: str


@dataclass(frozen=True)
class Way:
    """One way out, and what becomes of the network.

    Attributes:
        name: ``crop``, ``pad`` or ``same``.
        text: the line with it; empty where it is the line as it stands, or cannot be written into it.
        axes: the window of the layer.
        output: shape that the layer has then.
        params, macs, values: of the whole network.
        problem: why the network cannot be built so; empty when it can.
    """

    name: str
    text: str = ""
    axes: tuple[AxisView, ...] = ()
    output: str = ""
    params: int = 0
    macs: int = 0
    values: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Misfit:
    """The first layer whose size does not fit: its name, its place in the text in UTF-16 units, and the ways out."""

    layer: str
    start: int
    end: int
    ways: tuple[Way, ...]


def find_misfit(text: str, network: Network, built: Callable[[str, bool], Network]) -> Misfit | None:
    """The first size of ``network`` that does not fit, or None.

    Args:
        text: of the network.
        network: as it is built, cropped.
        built: builds a text; whether it shall refuse a size that does not fit.
    """
    if not any(_leaves_rest(network, node) for node in network.nodes):
        return None
    try:
        built(text, True)
    except NotationError as error:
        node = next((node for node in network.nodes if _is_meant(network, node, error)), None)
        if node is None:
            return None
        window = _window(network, node)
        assert window is not None
        padded = [(a.before, a.after + (a.stride - a.left_over) % a.stride) for a in window.axes]
        # Along all axes alike one pair says it.
        pairs = [f"({before}, {after})" for before, after in (padded[:1] if len(set(padded)) == 1 else padded)]
        padding = pairs[0] if len(pairs) == 1 else f"({', '.join(pairs)})"
        ways = [_way("crop", "", node.name, lambda: network)]
        for name, said in (("pad", padding), ("same", "same")):
            new = with_padding(text, error, said)
            ways.append(_way(name, new, node.name, partial(built, new, False)))
        return Misfit(node.name, *span_in_browser(error), tuple(ways))
    return None  # only a projection, which no text can change, leaves a rest


def with_padding(text: str, at: NotationError, padding: str) -> str:
    """The text with ``P=padding`` for the layer at which an error points."""
    tokens = tokenize(text)
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def place(token: Token) -> int:
        return starts[token.position.line - 1] + token.position.column - 1

    first = next(i for i, t in enumerate(tokens) if (t.position.line, t.position.column) == (at.line, at.column))
    name = tokens[first]
    if tokens[first + 1].kind != "(":
        end = place(name) + len(name.text)
        return f"{text[:end]}(P={padding}){text[end:]}"
    depth, value = 0, None
    for i in range(first + 1, len(tokens)):
        token = tokens[i]
        depth += (token.kind in "({") - (token.kind in ")}") if len(token.kind) == 1 else 0
        ends = depth == 0 or (depth == 1 and token.kind == ",")
        if value is not None and ends:
            return f"{text[:value]}{padding}{text[place(token) :]}"
        if depth == 0:
            end = place(token)
            comma = ", " if tokens[i - 1].kind != "(" else ""
            return f"{text[:end]}{comma}P={padding}{text[end:]}"
        if depth == 1 and token.kind == "=" and tokens[i - 1].text.casefold() in _KEYS:
            value = place(tokens[i + 1])
    raise AssertionError("the text has been read, so every bracket is closed")


def _way(name: str, text: str, layer: str, build: Callable[[], Network]) -> Way:
    try:
        network = build()
        totals = make_plan(network).totals
    except TatamiError as error:
        return Way(name, problem=error.problem)
    node = network[layer]
    window = _window(network, node)
    assert window is not None
    axes = tuple(map(_axis_view, window.axes))
    return Way(name, text, axes, size_text(node.shape), totals.params, totals.macs, totals.activation_values)


def _axis_view(axis: Axis) -> AxisView:
    said = {name: getattr(axis, name) for name in ("length", "size", "stride", "dilation", "before", "after")}
    unseen = describe_unseen(axis) if axis.left_over else ""
    return AxisView(**said, output=axis.output, left_over=axis.left_over, formula=axis.formula(), unseen=unseen)


def _window(network: Network, node: Node) -> Window | None:
    return node.layer.window(*network.input_shapes(node))


def _leaves_rest(network: Network, node: Node) -> bool:
    window = _window(network, node)
    return window is not None and any(axis.left_over for axis in window.axes)


def _is_meant(network: Network, node: Node, error: NotationError) -> bool:
    """Whether an error about a size speaks of this layer: it tells the formula."""
    window = _window(network, node)
    return window is not None and any(axis.left_over and axis.formula() == error.got for axis in window.axes)
