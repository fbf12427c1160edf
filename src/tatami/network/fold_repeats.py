"""Chains with what comes again in a row written once: ``[...]*n``; where numbers differ from turn to turn, as lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tatami.network.fold_pattern import filled, length, pattern, with_chains
from tatami.notation import ast

_LONGEST = 64  # items in one turn


def exact_repeats(chain: ast.Chain) -> ast.Chain:
    """Every chain within ``chain``, itself too, with equal turns in a row written as one repeat."""
    return with_chains(chain, lambda each: _folded(each, listed=False))


def listed_repeats(chain: ast.Chain) -> ast.Chain:
    """As :func:`exact_repeats`; turns that differ in numbers become one, too, with lists."""
    return with_chains(chain, lambda each: _folded(each, listed=True))


def _folded(chain: ast.Chain, listed: bool) -> ast.Chain:
    items = list(chain.items)
    while True:
        run = _best(items, listed)
        if run is None:
            return ast.Chain(tuple(items))
        items[run.start : run.start + run.period * run.count] = [run.item]


@dataclass(frozen=True)
class _Run:
    """Turns in a row: ``count`` of ``period`` items each, written as ``item``, which saves ``gain`` characters."""

    start: int
    period: int
    count: int
    item: ast.Item
    gain: int


def _best(items: Sequence[ast.Item], listed: bool) -> _Run | None:
    """The run that saves most; of exact ones before those with lists, which may then span over them."""
    ids = {item: i for i, item in enumerate(dict.fromkeys(items))}
    found = _best_of([ids[item] for item in items], items)
    if found is not None or not listed:
        return found
    patterns = [pattern(item)[0] for item in items]
    ids = {each: i for i, each in enumerate(dict.fromkeys(patterns))}
    return _best_of([ids[each] for each in patterns], items)


def _best_of(ids: Sequence[int], items: Sequence[ast.Item]) -> _Run | None:
    best: _Run | None = None
    n = len(ids)
    lengths = [length(item) + 4 for item in items]
    for period in range(1, min(n // 2, _LONGEST) + 1):
        streak = 0  # of items in a row that are as those one period behind
        for i in range(n - period - 1, -1, -1):
            streak = streak + 1 if ids[i] == ids[i + period] else 0
            count = streak // period + 1
            if count < 2 or (best is not None and sum(lengths[i : i + period * count]) <= best.gain):
                continue
            run = _run(items, i, period, count)
            if run is not None and run.gain > 0 and (best is None or run.gain > best.gain):
                best = run
    return best


def _run(items: Sequence[ast.Item], start: int, period: int, count: int) -> _Run | None:
    """The run, or None where its lists would belong to a repeat within it."""
    turns: list[ast.Chain] = [
        ast.Chain(tuple(items[start + k * period : start + (k + 1) * period])) for k in range(count)
    ]
    shape = ast.Chain(tuple(pattern(item)[0] for item in turns[0].items))
    columns = zip(*(pattern(turn)[1] for turn in turns), strict=True)
    values = [column[0] if len(set(column)) == 1 else ast.List(column) for column in columns]
    body = filled(shape, iter(values))
    if _is_claimed(body, count):
        return None
    single = body.items[0] if period == 1 else body
    item = ast.Repeat(single, ast.Number(count))
    before = sum(length(each) + 4 for turn in turns for each in turn.items)
    stars = 0
    inner: ast.Item = single
    while isinstance(inner, ast.Repeat):
        inner, stars = inner.body, stars + 1
    return _Run(start, period, count, item, before - length(item) - 4) if stars < 3 else None


def _is_claimed(item: ast.Item, count: int, inside: bool = False) -> bool:
    """Whether a list of ``count`` values stands in a repeat of as many turns within ``item``, which would claim it."""
    match item:
        case ast.Layer():
            return inside and any(
                isinstance(a.value, ast.List) and len(a.value.values) == count for a in item.arguments
            )
        case ast.Branches():
            return any(_is_claimed(path, count, inside) for path in item.paths)
        case ast.Chain():
            return any(_is_claimed(each, count, inside) for each in item.items)
        case ast.Repeat():
            claims = isinstance(item.count, ast.Number) and item.count.value == count
            if inside and isinstance(item.count, ast.List) and len(item.count.values) == count:
                return True
            return _is_claimed(item.body, count, inside or claims)
    return False
