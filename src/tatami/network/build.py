"""Syntax tree -> Network: every layer gets its attributes, its name and its shape; branches are joined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, TypeAlias, get_args

from tatami.errors import NetworkError, OptionError, nearest
from tatami.network.binding import bind
from tatami.network.expand import BRANCHES, IDENTITY, check_expansion, program_scope, walk
from tatami.network.family import bind_names
from tatami.network.graph import Network, Node, default_name
from tatami.network.layers import (
    LAYERS,
    Add,
    BatchNorm,
    Concat,
    Context,
    Conv,
    Dense,
    Input,
    Layer,
    Merge,
    Multiply,
    Pool,
    Shape,
    Slice,
    Softmax,
    size_text,
)
from tatami.network.layers.arguments import COUNT
from tatami.network.layers.base import shown
from tatami.network.layers.windows import need_exact_fit
from tatami.network.values import Scope, failure
from tatami.notation import ast

Fit: TypeAlias = Literal["crop", "error"]

_ELSEWHERE = {  # what other libraries call our layers
    **dict.fromkeys(["DENSE", "LINEAR", "FULLYCONNECTED"], "FC"),
    **dict.fromkeys(["MAXPOOL", "MAXPOOLING"], "POOL"),
    **dict.fromkeys(["AVGPOOL", "AVERAGEPOOL", "AVERAGEPOOLING"], "POOL(avg)"),
    **dict.fromkeys(["GLOBALAVGPOOL", "GLOBALAVERAGEPOOL", "GLOBALAVERAGEPOOLING", "ADAPTIVEAVGPOOL"], "GAP"),
    **dict.fromkeys(["BATCHNORM", "BATCHNORMALIZATION"], "BN"),
    **dict.fromkeys(["LAYERNORM", "LAYERNORMALIZATION"], "LN"),
    **dict.fromkeys(["CONVOLUTION"], "CONV"),
    **dict.fromkeys(["DEPTHWISECONV"], "DWCONV"),
    **dict.fromkeys(["LEAKYRELU"], "LEAKY"),
    **dict.fromkeys(["SWISH"], "SILU"),
    **dict.fromkeys(["IDENTITY"], "ID"),
}


def build(
    program: ast.Program,
    *,
    bindings: Mapping[str, ast.Value] | None = None,
    input_shape: Shape | None = None,
    classes: int | None = None,
    fit: Fit = "crop",
) -> Network:
    """Build the network that ``program`` describes.

    Args:
        program: a parsed text.
        bindings: values for the free names of a family.
        input_shape: the sample's shape, channels last; replaces what INPUT says.
        classes: the size of a bare last FC.
        fit: what to do where (W - F + 2P) is not divisible by S: ``crop`` leaves the rest out (the plan says what is
            never seen), ``error`` refuses it.

    Raises:
        NotationError: with line and column, for everything that is wrong with the text.
        OptionError: for an ``input_shape``, ``classes`` or ``fit`` that makes no sense.
        NetworkError: for a network that is too large as a whole.
    """
    _need_options(input_shape, classes, fit)
    program = bind_names(program, bindings or {})
    scope = program_scope(program)
    check_expansion(program, scope)
    first, *rest = program.chain.items
    if not isinstance(first, ast.Layer) or first.name.upper() != Input.keyword:
        raise failure(scope, first.position, "a network begins with INPUT", expected="INPUT(32x32x3) -> ...")
    builder = _Builder(fit)
    builder.begin(first, scope, input_shape)
    for item in rest:
        walk(item, scope, builder)
    builder.finish(scope, classes)
    return Network(tuple(builder.nodes))


def _need_options(input_shape: object, classes: object, fit: object) -> None:
    if input_shape is not None:
        try:
            Input(input_shape)  # type: ignore[arg-type]  # it says itself what it takes
        except NetworkError as error:
            raise OptionError(error.problem, where="input", got=error.got, expected=error.expected) from error
    if classes is not None:
        refusal = COUNT.refusal(classes)
        if refusal is not None:
            raise OptionError("impossible number of classes", where="classes", got=shown(classes), expected=refusal[1])
    if fit not in get_args(Fit):
        raise OptionError("unknown fit", where="fit", got=repr(fit), expected=" or ".join(get_args(Fit)))


@dataclass(frozen=True)
class _Place:
    """Where the builder stands: the node whose output comes next, and what a bare layer must know of the way.

    ``previous`` is the node just built on this very path, None at the head of a branch; ``told`` are the attributes
    that were written for it.
    """

    node: Node
    pools: int = 0
    previous: Node | None = None
    told: frozenset[str] = frozenset()


class _Builder:
    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        self.nodes: list[Node] = []
        self.names: set[str] = set()
        self.counts: dict[str, int] = {}
        self.bare_units: dict[str, ast.Position] = {}  # the FC layers written without a size, and where
        self.at: _Place

    # --- the visitor ---

    def depth(self) -> int | None:
        return self.at.node.shape[-1]

    def enter(self, item: ast.Item, scope: Scope) -> None:
        pass

    def layer(self, item: ast.Layer, scope: Scope) -> None:
        keyword = item.name.upper()
        if keyword == IDENTITY:
            if item.arguments:
                raise failure(scope, item.position, f"{IDENTITY} takes no arguments")
            return
        cls = self.layer_class(item, scope)
        if cls is Input:
            raise failure(scope, item.position, "INPUT stands only at the beginning")
        if issubclass(cls, Merge):
            raise failure(scope, item.position, f"{keyword} needs branches", expected=f"{keyword}[a | b]")
        given, name = bind(item, cls, scope, self.at.node.shape[-1])
        with _pointing_at(item.position, scope):
            built = _made(keyword, tuple(given.items()), Context((self.at.node.shape,), self.at.pools))
            if isinstance(built, BatchNorm):
                self.drop_bias_before_norm()
            self.add(built, (self.at.node,), name)
            self.hold_fit(built)
        pools = self.at.pools + isinstance(built, Pool)
        node = self.nodes[-1]
        if isinstance(built, Dense) and "units" not in given:
            self.bare_units[node.name] = item.position
        self.at = _Place(node, pools, node, frozenset(given))

    def branches(self, item: ast.Branches, scope: Scope) -> None:
        kind = item.name.upper()
        if kind not in BRANCHES:
            close = nearest(kind, BRANCHES)
            raise failure(
                scope,
                item.position,
                f"unknown branches {item.name}[...]",
                expected=", ".join(f"{name}[...]" for name in BRANCHES),
                hint=f"did you mean {close}?" if close else None,
            )
        counts = {"RES": (1, 2)}.get(kind, (2, len(item.paths)))
        if not counts[0] <= len(item.paths) <= counts[1]:
            expected = "RES[body] or RES[body | shortcut]" if kind == "RES" else f"at least two: {kind}[a | b]"
            raise failure(
                scope, item.position, f"wrong number of paths in {kind}", got=len(item.paths), expected=expected
            )
        fork = self.at
        start = len(self.nodes)
        heads = self.slices(item, fork, scope) if kind == "SPLIT" else [fork.node] * len(item.paths)
        ends: list[_Place] = []
        for path, head in zip(item.paths, heads, strict=True):
            self.at = _Place(head, fork.pools)
            walk(path, scope, self)
            ends.append(self.at)
        inputs = tuple(end.node for end in ends)
        with _pointing_at(item.position, scope):
            if kind == "RES" and len(inputs) == 1:
                inputs = (inputs[0], self.shortcut(fork.node, inputs[0], self.nodes[start:]))
            merge = {"RES": Add, "ADD": Add, "MUL": Multiply, "CONCAT": Concat, "SPLIT": Concat}[kind]
            node = self.add(merge(), inputs, None)
        self.at = _Place(node, max(end.pools for end in ends), node)

    # --- its parts ---

    def begin(self, item: ast.Layer, scope: Scope, input_shape: Shape | None) -> None:
        given, name = bind(item, Input, scope, 0)
        if input_shape is None and "shape" not in given:
            raise failure(
                scope,
                item.position,
                "INPUT has no shape",
                expected="INPUT(32x32x3) for images, INPUT(150x1) for signals",
                hint="--input 32x32x3 gives it from outside; training takes it from the data",
            )
        with _pointing_at(item.position, scope):
            layer = Input(tuple(given["shape"]) if input_shape is None else tuple(input_shape))
            node = self.add(layer, (), name)
        self.at = _Place(node)

    def finish(self, scope: Scope, classes: int | None) -> None:
        """Give a bare last FC the number of classes. A SOFTMAX may stand behind it."""
        at = len(self.nodes) - (2 if isinstance(self.nodes[-1].layer, Softmax) else 1)
        last = self.nodes[at]
        if not isinstance(last.layer, Dense) or last.name not in self.bare_units:
            return
        if classes is None:
            raise failure(
                scope,
                self.bare_units[last.name],
                "the last FC takes its size from the classes, and there are none",
                expected="FC(10)",
                hint="--classes 10 gives it from outside; training takes it from the data",
            )
        self.nodes[at] = replace(last, layer=replace(last.layer, units=classes), shape=(classes,))
        for i in range(at + 1, len(self.nodes)):
            self.nodes[i] = replace(self.nodes[i], shape=(classes,))

    def layer_class(self, item: ast.Layer, scope: Scope) -> type[Layer]:
        cls = LAYERS.get(item.name.upper())
        if cls is None:
            known = [*LAYERS, *BRANCHES, IDENTITY, *(b[0].name for b in scope.blocks.values())]
            close = _ELSEWHERE.get(item.name.upper().replace("_", "").rstrip("123D")) or nearest(item.name, known)
            raise failure(
                scope,
                item.position,
                f"unknown layer {item.name}",
                expected="a layer such as CONV, RELU, POOL, FC, or a block defined above",
                hint=f"did you mean {close}?" if close else None,
            )
        return cls

    def add(self, layer: Layer, inputs: tuple[Node, ...], name: str | None) -> Node:
        if name is not None and name in self.names:
            raise NetworkError("two layers have one name", got=name)
        shape = layer.output_shape(*(node.shape for node in inputs))
        node = Node(name or self.next_name(layer), layer, tuple(n.name for n in inputs), shape)
        self.names.add(node.name)
        self.nodes.append(node)
        return node

    def next_name(self, layer: Layer) -> str:
        stem = layer.keyword.lower()
        if isinstance(layer, Input):
            return stem
        while True:
            self.counts[stem] = self.counts.get(stem, 0) + 1
            name = default_name(layer, self.counts[stem])
            if name not in self.names:
                return name

    def hold_fit(self, layer: Layer) -> None:
        if self.fit == "error":
            window = layer.window(self.at.node.shape)
            if window is not None:
                need_exact_fit(window)

    def drop_bias_before_norm(self) -> None:
        """BN subtracts the mean, so a bias just before it does nothing: a CONV gets none unless told."""
        node = self.at.previous
        if node is None or not isinstance(node.layer, Conv) or "bias" in self.at.told:
            return
        changed = Node(node.name, _without_bias(node.layer), node.inputs, node.shape)
        self.nodes[-1] = changed
        self.at = _Place(changed, self.at.pools, changed, self.at.told)

    def slices(self, item: ast.Branches, fork: _Place, scope: Scope) -> list[Node]:
        depth, paths = fork.node.shape[-1], len(item.paths)
        if depth % paths:
            raise failure(
                scope,
                item.position,
                "SPLIT shares the depth out equally",
                got=f"depth {depth} for {paths} paths",
                expected=f"a depth divisible by {paths}",
            )
        width = depth // paths
        return [self.add(Slice(i * width, (i + 1) * width), (fork.node,), None) for i in range(paths)]

    def shortcut(self, fork: Node, end: Node, body: list[Node]) -> Node:
        """The other side of RES[body]: the input itself, or a 1x1 convolution of it when the body changes the shape.

        Source: He et al. 2015, equation 2 and option B of section 3.3.
        """
        if fork.shape == end.shape:
            return fork
        if len(fork.shape) < 2 or len(fork.shape) != len(end.shape):
            raise NetworkError(
                "RES cannot project its input to the body's shape",
                got=f"{size_text(fork.shape)} to {size_text(end.shape)}",
                expected="maps with as many axes",
                hint="RES[body | shortcut] says how",
            )
        axes = len(fork.shape) - 1
        has_norm = any(isinstance(node.layer, BatchNorm) for node in body)
        projection = Conv(
            end.shape[-1], (1,) * axes, _stride(fork, end, body), ((0, 0),) * axes, (1,) * axes, bias=not has_norm
        )
        found = projection.output_shape(fork.shape)
        if found != end.shape:
            raise NetworkError(
                "RES cannot project its input to the body's shape",
                got=f"body {size_text(end.shape)}, 1x1 projection {size_text(found)}",
                hint="RES[body | shortcut] says how",
            )
        node = self.add(projection, (fork,), None)
        return self.add(BatchNorm(), (node,), None) if has_norm else node


def _stride(fork: Node, end: Node, body: list[Node]) -> tuple[int, ...]:
    """The product of the strides on the body's (first) path, along each axis."""
    by_name = {node.name: node for node in (fork, *body)}
    stride = (1,) * (len(fork.shape) - 1)
    node = end
    while node.name != fork.name:
        source = by_name[node.inputs[0]]
        window = node.layer.window(source.shape)
        if window is not None:
            stride = tuple(s * axis.stride for s, axis in zip(stride, window.axes, strict=True))
        node = source
    return stride


# The layers of a deep network are alike, and so are a family's members: each is made, and checked, once.


@lru_cache(maxsize=4096)
def _made(keyword: str, given: tuple[tuple[str, Any], ...], context: Context) -> Layer:
    return LAYERS[keyword].from_notation(dict(given), context)


@lru_cache(maxsize=4096)
def _without_bias(conv: Conv) -> Conv:
    return replace(conv, bias=False)


@contextmanager
def _pointing_at(position: ast.Position, scope: Scope) -> Iterator[None]:
    """Give an error of a layer's rules the place in the text."""
    try:
        yield
    except NetworkError as error:
        raise failure(
            scope, position, error.problem, got=error.got, expected=error.expected, hint=error.hint
        ) from error
