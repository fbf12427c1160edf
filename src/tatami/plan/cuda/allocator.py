"""PyTorch's caching allocator for CUDA as a pure function: from allocations in order to the memory that they take.

The allocator asks the driver for *segments*, gives out *blocks* of them, and keeps what is freed for the next request.
Its rules, in its default configuration: a request is rounded up to 512 bytes. One of at most 1 MiB is served from the
small pool, of segments of 2 MiB; a larger one from the large pool, of segments of 20 MiB for requests below 10 MiB and
of their own size, rounded up to 2 MiB, above. Within a pool the smallest free block that is large enough is taken, the
one at the lowest address among equals. What is left over of it is split off where it is of use: from 512 bytes in the
small pool, from more than 1 MiB in the large one. A freed block merges with free neighbours of its segment. Segments
return to the driver only when it has no more to give: then all that are wholly free do, and the request is made again.

Source: PyTorch 2.13, c10/cuda/CUDACachingAllocator.cpp, with the constants of c10/core/AllocatorConfig.h.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Event: TypeAlias = tuple[str, int | None]
"""A tensor by name: it is made with so many bytes, or with None it is freed."""

ROUNDING = 512
SMALL_REQUEST = 2**20
SMALL_SEGMENT = 2 * 2**20
MIDDLE_REQUEST = 10 * 2**20
MIDDLE_SEGMENT = 20 * 2**20
LARGE_ROUNDING = 2 * 2**20


@dataclass(frozen=True)
class Usage:
    """What a sequence of events takes.

    Attributes:
        fits: False where a request could not be served within the limit; the others then say what was taken until it.
        allocated_peak: most bytes in blocks given out at a time: ``torch.cuda.max_memory_allocated``.
        requested_peak: the bytes asked for at that time, before rounding.
        reserved_peak: most bytes in segments at a time: ``torch.cuda.max_memory_reserved``.
        peak_at: index of the event that reached ``allocated_peak`` first; -1 where nothing was asked for.
    """

    fits: bool
    allocated_peak: int
    requested_peak: int
    reserved_peak: int
    peak_at: int


def rounded(size: int) -> int:
    """The bytes of the block that serves a request of ``size`` bytes, if one of that size can be split off."""
    return -(-size // ROUNDING) * ROUNDING or ROUNDING


def segment_size(size: int) -> int:
    """The bytes of a new segment for a rounded request of ``size`` bytes."""
    if size <= SMALL_REQUEST:
        return SMALL_SEGMENT
    if size < MIDDLE_REQUEST:
        return MIDDLE_SEGMENT
    return -(-size // LARGE_ROUNDING) * LARGE_ROUNDING


class Block:
    """Part of a segment: given out, or free. ``before`` and ``behind`` are its neighbours in the segment."""

    __slots__ = ("address", "before", "behind", "free", "size", "small")

    def __init__(self, address: int, size: int, small: bool) -> None:
        self.address, self.size, self.small = address, size, small
        self.free = True
        self.before: Block | None = None
        self.behind: Block | None = None


class Allocator:
    """The allocator's state. Addresses count on from segment to segment.

    Args:
        limit: bytes that the driver has to give; None for as many as are asked for.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.reserved = self.allocated = self.requested = self.reserved_peak = 0
        self.blocks: dict[str, tuple[Block, int]] = {}  # given out: by name, with the bytes asked for
        self._free: dict[bool, list[tuple[int, int, Block]]] = {True: [], False: []}  # by size, then address
        self._next_address = 0

    def allocate(self, name: str, size: int) -> bool:
        """Serve a request; False where the limit forbids it. Nothing is kept for 0 bytes."""
        if not size:
            return True
        wanted = rounded(size)
        free = self._free[wanted <= SMALL_REQUEST]
        at = bisect_left(free, (wanted,))
        block = free.pop(at)[2] if at < len(free) else self._new_segment(wanted)
        if block is None:
            return False
        left = block.size - wanted
        if left >= ROUNDING if block.small else left > SMALL_REQUEST:
            self._split(block, wanted)
        block.free = False
        self.blocks[name] = (block, size)
        self.allocated += block.size
        self.requested += size
        return True

    def release(self, name: str) -> None:
        """Free what ``name`` was given."""
        block, size = self.blocks.pop(name, (None, 0))
        if block is None:
            return
        self.allocated -= block.size
        self.requested -= size
        block.free = True
        before, behind = block.before, block.behind
        if before is not None and before.free:
            self._remove(before)
            before.size += block.size
            before.behind = behind
            if behind is not None:
                behind.before = before
            block = before
        if behind is not None and behind.free:
            self._remove(behind)
            block.size += behind.size
            block.behind = behind.behind
            if behind.behind is not None:
                behind.behind.before = block
        self._put(block)

    def return_segments(self) -> None:
        """Give the segments that are wholly free back to the driver."""
        for small, free in self._free.items():
            whole = [entry for entry in free if entry[2].before is None and entry[2].behind is None]
            self.reserved -= sum(size for size, _, _ in whole)
            self._free[small] = [entry for entry in free if entry not in whole]

    def _new_segment(self, size: int) -> Block | None:
        length = segment_size(size)
        if self.limit is not None and self.reserved + length > self.limit:
            self.return_segments()
            if self.reserved + length > self.limit:
                return None
        block = Block(self._next_address, length, size <= SMALL_REQUEST)
        self._next_address += length
        self.reserved += length
        self.reserved_peak = max(self.reserved_peak, self.reserved)
        return block

    def _split(self, block: Block, size: int) -> None:
        rest = Block(block.address + size, block.size - size, block.small)
        rest.before, rest.behind = block, block.behind
        if block.behind is not None:
            block.behind.before = rest
        block.behind, block.size = rest, size
        self._put(rest)

    def _put(self, block: Block) -> None:
        insort(self._free[block.small], (block.size, block.address, block))

    def _remove(self, block: Block) -> None:
        free = self._free[block.small]
        del free[bisect_left(free, (block.size, block.address))]


def simulate(events: Iterable[Event], limit: int | None = None) -> Usage:
    """What ``events`` take, in order; with a ``limit`` they end at the first request that cannot be served."""
    allocator = Allocator(limit)
    peak, requested, at = 0, 0, -1
    for i, (name, size) in enumerate(events):
        if size is None:
            allocator.release(name)
        elif not allocator.allocate(name, size):
            return Usage(False, peak, requested, allocator.reserved_peak, at)
        elif allocator.allocated > peak:
            peak, requested, at = allocator.allocated, allocator.requested, i
    return Usage(True, peak, requested, allocator.reserved_peak, at)
