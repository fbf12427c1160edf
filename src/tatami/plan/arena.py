"""One piece of memory for all tensors of a step: who lies where, from who is needed when.

Tensors whose lives do not meet may share memory. They are placed in the order of their birth, each into the smallest
hole that holds it (best fit); what dies leaves a hole. Source: Wilson et al. 1995, Dynamic Storage Allocation: A Survey
and Critical Review, section 3.4 (best fit with coalescing), with all requests known beforehand.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

ALIGNMENT = 64  # bytes: a cache line, and a vector


class Life(Protocol):
    """A tensor of ``bytes``, needed from step ``first`` to step ``last``, both included."""

    bytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Arena:
    """Offsets of tensors by name, and the size of the whole, in bytes."""

    offsets: Mapping[str, int]
    size: int


def aligned(size: int) -> int:
    """``size`` rounded up to whole cache lines."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def place(lives: Mapping[str, Life]) -> Arena:
    """Place every tensor."""
    births: dict[int, list[str]] = {}
    deaths: dict[int, list[str]] = {}
    for name, life in lives.items():
        births.setdefault(life.first, []).append(name)
        deaths.setdefault(life.last, []).append(name)
    offsets: dict[str, int] = {}
    holes = _Holes()
    for step in range(max(deaths, default=-1) + 1):
        # The large ones first: small ones find room between them.
        for name in sorted(births.get(step, ()), key=lambda name: (-lives[name].bytes, name)):
            offsets[name] = holes.take(aligned(lives[name].bytes))
        for name in deaths.get(step, ()):
            holes.give(offsets[name], aligned(lives[name].bytes))
    return Arena(offsets, holes.end)


class _Holes:
    """Free ranges [start, stop) below ``end``, sorted, no two touching."""

    def __init__(self) -> None:
        self.end = 0
        self._starts: list[int] = []
        self._stops: dict[int, int] = {}

    def take(self, size: int) -> int:
        if not size:
            return 0
        best = None
        for start in self._starts:
            room = self._stops[start] - start
            if room >= size and (best is None or room < self._stops[best] - best):
                best = start
        if best is None:
            # Grow, from the last hole if that touches the end.
            last = self._starts[-1] if self._starts else None
            best = last if last is not None and self._stops[last] == self.end else self.end
            if best == self.end:
                self.end += size
                return best
            self.end = best + size
            self._remove(best)
            return best
        stop = self._stops[best]
        self._remove(best)
        if best + size < stop:
            self._insert(best + size, stop)
        return best

    def give(self, start: int, size: int) -> None:
        if not size:
            return
        stop = start + size
        i = bisect_left(self._starts, start)
        if i < len(self._starts) and self._starts[i] == stop:
            stop = self._stops[self._starts[i]]
            self._remove(self._starts[i])
        if i and self._stops[self._starts[i - 1]] == start:
            start = self._starts[i - 1]
            self._remove(start)
        self._insert(start, stop)

    def _insert(self, start: int, stop: int) -> None:
        insort(self._starts, start)
        self._stops[start] = stop

    def _remove(self, start: int) -> None:
        del self._starts[bisect_left(self._starts, start)]
        del self._stops[start]
