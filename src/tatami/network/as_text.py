"""Network -> notation. Together with the parser and :func:`tatami.network.build.build` it loses nothing.

A network that came from notation is series-parallel: every merge joins paths that left one node, its immediate
dominator. The chain up to that node, then the merge with its paths, is the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tatami.errors import NetworkError, NotationError
from tatami.network.expand import IDENTITY
from tatami.network.graph import Network, Node, default_name
from tatami.network.layers import Add, BatchNorm, Concat, Context, Conv, Foreign, Merge, Pool, Slice
from tatami.network.layers.arguments import Argument
from tatami.network.values import DEPTH
from tatami.notation import ast
from tatami.notation.lexer import tokenize

# Their defaults depend on the place in the network; a reader should not have to count.
_ALWAYS_SHOWN = {"filters", "units"}


def network_program(network: Network) -> ast.Program:
    """The syntax tree of ``network``, every layer with only those arguments that are not its defaults.

    Raises:
        NetworkError: paths cross, so that no nesting of branches says it; a merge has a name of its own; a name is no
            word of the notation; or a layer is FOREIGN.
    """
    writer = _Writer(network)
    chain = writer.chain_to(network.nodes[-1], None)
    unwritten = [node.name for node in network if node.name not in writer.written]
    if unwritten:
        raise NetworkError("a layer leads nowhere", where=unwritten[0], expected="a path to the last layer")
    return ast.Program((), chain)


@dataclass
class _Writer:
    network: Network
    pools: dict[str, int] = field(default_factory=dict)
    default_names: dict[str, str] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        counts: dict[str, int] = {}
        for node in self.network:
            stem = node.layer.keyword.lower()
            default = default_name(node.layer, counts.get(stem, 0) + 1) if node.inputs else stem
            self.default_names[node.name] = default
            counts[stem] = counts.get(stem, 0) + (node.name == default)  # a name of its own does not count
            before = max((self.pools[name] for name in node.inputs), default=0)
            self.pools[node.name] = before + isinstance(node.layer, Pool)
        self.dominators = self.network.dominators()
        self.consumers = self.network.consumers()
        self.places = {node.name: i for i, node in enumerate(self.network)}

    def chain_to(self, end: Node, start: Node | None) -> ast.Chain:
        """The chain from behind ``start`` (None: from INPUT on) up to ``end``."""
        items: list[ast.Item] = []
        node: Node | None = end
        following: Node | None = None
        while node is not None and node is not start:
            self.write(node)
            if isinstance(node.layer, Foreign):
                problem = "the notation has no layer for an operator from elsewhere"
                raise NetworkError(problem, where=node.name, got=node.layer.operator)
            if isinstance(node.layer, Merge):
                fork = self.network[self.dominators[node.name]]
                items.append(self.branches(node, fork))
                following, node = node, fork
            else:
                items.append(self.layer(node, following))
                following, node = node, self.network[node.inputs[0]] if node.inputs else None
        return ast.Chain(tuple(reversed(items)) or (ast.Layer(IDENTITY),))

    def write(self, node: Node) -> None:
        """Note that ``node`` is in the text now; on two paths of one merge, it would be there twice."""
        if node.name in self.written:
            raise NetworkError(
                "the network's paths cross, so it cannot be written as nested branches",
                where=node.name,
                hint="as JSON it can be kept",
            )
        self.written.add(node.name)

    def branches(self, node: Node, fork: Node) -> ast.Branches:
        if node.name != self.default_names[node.name]:
            raise NetworkError("the notation gives a merge no name of its own", where=node.name)
        ends = [self.network[name] for name in node.inputs]
        heads = self.split_heads(node, fork, ends)
        if heads is not None:
            for head in heads:
                self.write(head)
            paths = [self.chain_to(end, head) for end, head in zip(ends, heads, strict=True)]
            return ast.Branches("SPLIT", tuple(paths))
        paths = [self.chain_to(end, fork) for end in ends]
        if isinstance(node.layer, Add) and len(ends) == 2 and ends[0] is not fork:
            return ast.Branches("RES", tuple(paths[:1] if ends[1] is fork else paths))
        return ast.Branches(node.layer.keyword, tuple(paths))

    def split_heads(self, node: Node, fork: Node, ends: list[Node]) -> list[Node] | None:
        """The slices of SPLIT[...], if the merge is one: equal shares of the fork's depth, in order, made together."""
        if not isinstance(node.layer, Concat) or fork.shape[-1] % len(ends):
            return None
        width = fork.shape[-1] // len(ends)
        expected = [Slice(i * width, (i + 1) * width) for i in range(len(ends))]
        for name in self.consumers[fork.name]:
            first, i = self.network[name], self.places[name]
            if first.layer == expected[0]:
                heads = list(self.network.nodes[i : i + len(ends)])
                if [head.layer for head in heads] == expected and all(head.inputs == (fork.name,) for head in heads):
                    comes_from = [self.leads_to(head, end) for head, end in zip(heads, ends, strict=True)]
                    return heads if all(comes_from) else None
        return None

    def leads_to(self, head: Node, end: Node) -> bool:
        """Whether every path to ``end`` runs through ``head``."""
        name: str | None = end.name
        while name is not None and name != head.name:
            name = self.dominators.get(name)
        return name == head.name

    def layer(self, node: Node, following: Node | None) -> ast.Layer:
        source = self.network[node.inputs[0]] if node.inputs else node
        context = Context((source.shape,), self.pools[source.name] if node.inputs else 0)
        cls = type(node.layer)
        given = {argument.field: getattr(node.layer, argument.field) for argument in cls.arguments}
        settled: dict[str, Any] = {}
        if isinstance(node.layer, Conv):
            # The notation's default is a bias, and none right before BN: see build.drop_bias_before_norm.
            is_before_norm = following is not None and isinstance(following.layer, BatchNorm)
            bias = given.pop("bias")
            settled = {"bias": bias}
        shown = dict(given)
        for name in given if node.inputs else ():
            if name in _ALWAYS_SHOWN:
                continue
            fewer = {key: value for key, value in shown.items() if key != name}
            try:
                if cls.from_notation({**fewer, **settled}, context) == node.layer:
                    shown = fewer
            except TypeError:  # an argument without a default
                continue
        if settled and bias == is_before_norm:
            shown["bias"] = bias
        arguments = []
        omitted = False
        for a in sorted(cls.arguments, key=lambda a: not a.positional):
            if a.field in shown:
                key = None if a.positional and not omitted else a.key
                arguments.append(ast.Argument(key, _value(shown[a.field], a)))
            else:
                omitted = True
        if node.name != self.default_names[node.name]:
            _need_readable(node.name)
            arguments.append(ast.Argument("name", ast.Name(node.name)))
        return ast.Layer(cls.keyword, tuple(arguments))


def _need_readable(name: str) -> None:
    try:
        tokens = [(token.kind, token.text) for token in tokenize(name)]
    except NotationError:
        tokens = []
    if tokens != [("name", name), ("end", "")] or name.casefold() == DEPTH:
        raise NetworkError(
            "the notation cannot say this name",
            where=repr(name),
            expected=f'letters, digits and "_", no digit first, and not {DEPTH}',
            hint="as JSON it can be kept",
        )


def _value(value: Any, argument: Argument) -> ast.Value:
    match value:
        case bool():
            return ast.Name("yes" if value else "no")
        case int() | float():
            return ast.Number(value)
        case str():
            return ast.Name(value)
    if argument.field == "padding":
        return _padding(value)
    if argument.field != "shape" and len(set(value)) == 1:
        return ast.Number(value[0])
    return ast.Sizes(value) if len(value) > 1 else ast.Number(value[0])


def _padding(pairs: tuple[tuple[int, int], ...]) -> ast.Value:
    if all(before == after for before, after in pairs):
        sizes = tuple(before for before, _ in pairs)
        return ast.Number(sizes[0]) if len(set(sizes)) == 1 else ast.Sizes(sizes)
    each = tuple(ast.Tuple((ast.Number(before), ast.Number(after))) for before, after in pairs)
    return each[0] if len(set(each)) == 1 else ast.Tuple(each)
