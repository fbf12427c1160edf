"""Repeats folded for display: a row of equal blocks is shown once, with how often it stands there."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

MAX_PERIOD = 64


@dataclass(frozen=True)
class Segment:
    """``count`` blocks of ``length`` rows each, the first from ``start`` on."""

    start: int
    length: int
    count: int


def fold(signatures: Sequence[Hashable]) -> list[Segment]:
    """Cover the rows, in order, by segments; equal neighbouring blocks share one.

    At each row the block is taken whose repeats cover the most rows, the shortest one among equals. A pair of single
    rows is left alone: folding it would save nothing.
    """
    # Equal rows as equal small numbers, so that comparing blocks is cheap.
    numbers: dict[Hashable, int] = {}
    rows = [numbers.setdefault(signature, len(numbers)) for signature in signatures]
    segments: list[Segment] = []
    at = 0
    while at < len(rows):
        best = Segment(at, 1, 1)
        for length in range(1, min(MAX_PERIOD, (len(rows) - at) // 2) + 1):
            count = _repeats(rows, at, length)
            if count > 1 and count * length > max(2, best.count * best.length):
                best = Segment(at, length, count)
        if best.count > 1:
            # A block may be cut anywhere; the latest cut that loses no turn begins where the repeat was written, since
            # what stands before it often looks like the block's own end.
            later = max(k for k in range(best.length) if _repeats(rows, at + k, best.length) >= best.count)
            segments += [Segment(at + k, 1, 1) for k in range(later)]
            best = Segment(at + later, best.length, best.count)
            at += later
        segments.append(best)
        at += best.length * best.count
    return segments


def _repeats(rows: list[int], start: int, length: int) -> int:
    """How often the block of ``length`` rows at ``start`` stands there in a row."""
    if start + length >= len(rows) or rows[start + length] != rows[start]:
        return 1
    block = rows[start : start + length]
    count, at = 1, start + length
    while rows[at : at + length] == block:
        count, at = count + 1, at + length
    return count
