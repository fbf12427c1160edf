"""Blocks: what comes again here and there is named once by ``let``, with parameters for the numbers that differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tatami.network.expand import BRANCHES
from tatami.network.fold_pattern import chains_of, filled, length, pattern, value_length, with_chains
from tatami.network.layers import LAYERS, Layer
from tatami.notation import ast

_LONGEST = 12  # items of a block
_PARAMETERS = 8
_MULTIPLES = range(2, 13)  # a number may be written as so many times a parameter
_SMALLEST_GAIN = 12  # characters that a block must save to be worth its name
_BRANCH_NAMES = {"RES": "residual", "CONCAT": "mixed", "MUL": "gated", "ADD": "sum", "SPLIT": "shared"}
_STEMS = {"filters": "w", "units": "w", "kernel_size": "f", "stride": "s", "padding": "p", "count": "n"}
_RESERVED = {*LAYERS, *BRANCHES, "ID", "LET"}


@dataclass(frozen=True)
class Candidate:
    """A block that might be.

    Attributes:
        shape: the pattern of what it stands for.
        block: its definition.
        columns: for each parameter, the hole that it is the value of.
        gain: characters that it saves, repeats aside.
    """

    shape: ast.Chain
    block: ast.Block
    columns: tuple[int, ...]
    gain: int


def candidates(program: ast.Program, most: int) -> list[Candidate]:
    """Blocks that would shorten ``program``, the best first."""
    windows: dict[ast.Item, list[tuple[ast.Value, ...]]] = {}
    roles: dict[ast.Item, tuple[str, ...]] = {}
    roots = [program.chain, *(block.body for block in program.blocks)]
    taken = {block.name for block in program.blocks}
    for root in roots:
        for chain in chains_of(root):
            for window in _windows(chain):
                shape, numbers, kinds = pattern(window)
                windows.setdefault(shape, []).append(numbers)
                roles[shape] = kinds
    found = []
    for shape, uses in windows.items():
        if len(uses) > 1 and isinstance(shape, ast.Chain):
            candidate = _candidate(shape, uses, roles[shape], taken)
            if candidate is not None and candidate.gain >= _SMALLEST_GAIN:
                found.append(candidate)
    return sorted(found, key=lambda each: -each.gain)[:most]


def with_block(program: ast.Program, candidate: Candidate) -> ast.Program:
    """The program with the block called wherever it fits."""

    def change(chain: ast.Chain) -> ast.Chain:
        return ast.Chain(tuple(_with_calls(chain.items, candidate)))

    blocks = [replace(block, body=with_chains(block.body, change)) for block in program.blocks]
    # A block may use those above it: this one stands above all that use it, below all that it uses.
    within = (item for chain in chains_of(candidate.block.body) for item in chain.items)
    used = {item.name for item in within if isinstance(item, ast.Layer)}
    place = max((i + 1 for i, block in enumerate(blocks) if block.name in used), default=0)
    blocks.insert(place, candidate.block)
    return ast.Program(tuple(blocks), with_chains(program.chain, change))


def _windows(chain: ast.Chain) -> Iterator[ast.Chain]:
    items = chain.items
    for size in range(1, min(len(items), _LONGEST) + 1):
        for start in range(len(items) - size + 1):
            window = items[start : start + size]
            if size > 1 or isinstance(window[0], ast.Branches):
                yield ast.Chain(window)


def _candidate(
    shape: ast.Chain, uses: Sequence[tuple[ast.Value, ...]], roles: tuple[str, ...], taken: set[str]
) -> Candidate | None:
    columns = list(zip(*uses, strict=True))
    names: list[str] = []
    chosen: list[int] = []
    values: list[ast.Value] = [column[0] for column in columns]
    varying = [i for i, column in enumerate(columns) if len(set(column)) > 1]
    for i in sorted(varying, key=lambda i: _size(columns[i])):
        derived = next((v for k in chosen if (v := _derived(columns[i], columns[k], names[chosen.index(k)]))), None)
        if derived is not None:
            values[i] = derived
            continue
        names.append(_parameter_name(roles[i], names))
        chosen.append(i)
        values[i] = ast.Name(names[-1])
    if len(chosen) > _PARAMETERS:
        return None
    order = sorted(range(len(chosen)), key=lambda k: chosen[k])
    names, chosen = [names[k] for k in order], [chosen[k] for k in order]
    body = filled(shape, iter(values))
    block = ast.Block(_block_name(shape, taken), tuple(names), body)
    size = length(shape)
    calls = [len(block.name) + 2 + sum(value_length(use[i]) + 2 for i in chosen) for use in uses]
    originals = [size + sum(value_length(value) for value in use) for use in uses]
    gain = sum(originals) - sum(calls) - length(body) - len(block.name) - 10 - 3 * len(names)
    return Candidate(shape, block, tuple(chosen), gain)


def _size(column: Sequence[ast.Value]) -> float:
    value = column[0]
    return value.value if isinstance(value, ast.Number) else 0


def _derived(column: Sequence[ast.Value], base: Sequence[ast.Value], name: str) -> ast.Value | None:
    """The column as the parameter of another one, or as so many times it."""
    if list(column) == list(base):
        return ast.Name(name)
    for times in _MULTIPLES:
        if all(
            isinstance(x, ast.Number)
            and isinstance(y, ast.Number)
            and isinstance(x.value, int)
            and isinstance(y.value, int)
            and x.value == times * y.value
            for x, y in zip(column, base, strict=True)
        ):
            return ast.Binary("*", ast.Number(times), ast.Name(name))
    return None


def _parameter_name(role: str, taken: Sequence[str]) -> str:
    keyword, _, key = role.partition(".")
    layer: type[Layer] | None = LAYERS.get(keyword.upper())
    arguments = layer.arguments if layer is not None else ()
    field = arguments[int(key)].field if key.isdigit() and int(key) < len(arguments) else key
    keys = {argument.key: argument.field for argument in arguments}
    stem = _STEMS.get(keys.get(field, field) if layer is not None else role, "a")
    return next(name for name in (stem, *(f"{stem}{i}" for i in range(2, 99))) if name not in taken)


def _block_name(shape: ast.Chain, taken: set[str]) -> str:
    """``residual`` for one of branches, ``conv_bn_relu`` for one of layers."""
    branches = [item.name for item in shape.items if isinstance(item, ast.Branches)]
    if branches:
        stem = _BRANCH_NAMES[branches[0]]
    else:
        layers = [item.name.lower() for item in shape.items if isinstance(item, ast.Layer)]
        stem = "_".join(dict.fromkeys(layers)) if len(shape.items) <= 4 and len(layers) == len(shape.items) else "block"
    stem = "block" if len(stem) > 20 or stem.upper() in _RESERVED else stem
    return next(name for name in (stem, *(f"{stem}_{i}" for i in range(2, 999))) if name not in taken)


def _with_calls(items: Sequence[ast.Item], candidate: Candidate) -> Iterator[ast.Item]:
    size = len(candidate.shape.items)
    at = 0
    while at < len(items):
        window = ast.Chain(tuple(items[at : at + size]))
        shape, numbers, _ = pattern(window)
        if shape == candidate.shape:
            call = tuple(ast.Argument(None, numbers[i]) for i in candidate.columns)
            yield ast.Layer(candidate.block.name, call)
            at += size
        else:
            yield items[at]
            at += 1
