"""The model of PyTorch's caching allocator: hand arithmetic on short sequences, invariants on drawn ones."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.plan.cuda.allocator import Allocator, rounded, segment_size, simulate

KiB, MiB = 2**10, 2**20


@pytest.mark.parametrize(("size", "block"), [(1, 512), (512, 512), (513, 1024), (MiB, MiB), (MiB + 1, MiB + 512)])
def test_requests_are_rounded_to_512_bytes(size: int, block: int) -> None:
    assert rounded(size) == block
    assert simulate([("a", size)]).allocated_peak == block


@pytest.mark.parametrize(
    ("size", "segment"),
    [
        (512, 2 * MiB),
        (MiB, 2 * MiB),
        (MiB + 512, 20 * MiB),
        (10 * MiB - 512, 20 * MiB),
        (10 * MiB, 10 * MiB),
        (10 * MiB + 512, 12 * MiB),
        (33 * MiB, 34 * MiB),
    ],
)
def test_segments(size: int, segment: int) -> None:
    assert segment_size(size) == segment
    assert simulate([("a", size)]).reserved_peak == segment


def test_small_requests_share_a_segment() -> None:
    four = [(str(i), 512 * KiB) for i in range(4)]
    assert simulate(four).reserved_peak == 2 * MiB
    assert simulate([*four, ("more", 1)]).reserved_peak == 4 * MiB


def test_the_pools_are_apart() -> None:
    # 20 MiB minus 2 are free in the large pool, but a small request does not get them.
    assert simulate([("large", 2 * MiB), ("small", 1)]).reserved_peak == 22 * MiB


def test_a_remainder_of_one_mib_stays_with_its_block() -> None:
    # A segment of 12 MiB for 11 and a half: the half is not split off, and counts as allocated.
    whole = simulate([("a", 11 * MiB + 512 * KiB)])
    assert (whole.requested_peak, whole.allocated_peak, whole.reserved_peak) == (11.5 * MiB, 12 * MiB, 12 * MiB)
    # Of 20 MiB for 9, 11 are split off, and serve a request of 10.5; the last half stays with it.
    two = simulate([("a", 9 * MiB), ("b", 10 * MiB + 512 * KiB)])
    assert (two.allocated_peak, two.reserved_peak) == (20 * MiB, 20 * MiB)


def test_the_smallest_block_that_fits_is_taken() -> None:
    events = [("a", 40 * MiB), ("b", 30 * MiB), ("a", None), ("b", None), ("c", 25 * MiB), ("d", 40 * MiB)]
    assert simulate(events).reserved_peak == 70 * MiB  # c in b's segment, d in a's


def test_the_lowest_address_among_equals() -> None:
    allocator = Allocator()
    for name in "ab":
        assert allocator.allocate(name, 32 * MiB)
    for name in "ba":
        allocator.release(name)
    assert allocator.allocate("c", 32 * MiB)
    assert allocator.blocks["c"][0].address == 0


def test_free_neighbours_become_one() -> None:
    three = [("a", 6 * MiB), ("b", 6 * MiB), ("c", 6 * MiB)]  # one segment of 20 MiB
    assert simulate([*three, ("a", None), ("c", None), ("d", 9 * MiB)]).reserved_peak == 40 * MiB
    assert simulate([*three, ("a", None), ("b", None), ("d", 9 * MiB)]).reserved_peak == 20 * MiB
    assert simulate([*three, ("b", None), ("a", None), ("d", 9 * MiB)]).reserved_peak == 20 * MiB
    assert simulate([*three, ("a", None), ("c", None), ("b", None), ("d", 20 * MiB)]).reserved_peak == 20 * MiB


def test_segments_return_only_where_the_driver_has_no_more() -> None:
    events = [("a", 30 * MiB), ("a", None), ("b", 40 * MiB)]
    assert simulate(events).reserved_peak == 70 * MiB
    assert simulate(events, limit=60 * MiB).fits
    assert simulate(events, limit=60 * MiB).reserved_peak == 40 * MiB
    assert not simulate(events, limit=39 * MiB).fits


def test_a_segment_in_part_use_does_not_return() -> None:
    events = [("a", 30 * MiB), ("a", None), ("b", 12 * MiB), ("c", 40 * MiB)]  # b lies in a's segment
    assert not simulate(events, limit=60 * MiB).fits
    assert simulate(events, limit=70 * MiB).fits


def test_the_peak_is_named() -> None:
    found = simulate([("a", 600), ("b", 600), ("b", None), ("c", 100), ("a", None)])
    assert (found.allocated_peak, found.requested_peak, found.peak_at) == (2048, 1200, 1)


def test_nothing_takes_nothing() -> None:
    found = simulate([("a", 0), ("a", None)])
    assert (found.fits, found.allocated_peak, found.reserved_peak, found.peak_at) == (True, 0, 0, -1)


@given(st.lists(st.tuples(st.integers(1, 24 * MiB), st.integers(0, 10)), max_size=60), st.booleans())
def test_blocks_never_overlap_and_the_sums_agree(draws: list[tuple[int, int]], limited: bool) -> None:
    """Each draw asks for so many bytes, and frees one of those that are held, or none."""
    allocator = Allocator(limit=128 * MiB if limited else None)
    held: dict[str, int] = {}
    for i, (size, freed) in enumerate(draws):
        if allocator.allocate(str(i), size):
            held[str(i)] = size
        else:
            assert limited
        if freed < len(held):
            name = list(held)[freed]
            del held[name]
            allocator.release(name)
        blocks = sorted((block.address, block.size) for block, _ in allocator.blocks.values())
        assert all(address + length <= behind for (address, length), (behind, _) in pairwise(blocks))
        assert all(allocator.blocks[name][0].size >= rounded(size) for name, size in held.items())
        assert allocator.allocated == sum(length for _, length in blocks)
        assert allocator.requested == sum(held.values())
        assert allocator.reserved >= allocator.allocated
        assert not limited or allocator.reserved <= 128 * MiB
    for name in held:
        allocator.release(name)
    allocator.return_segments()
    assert allocator.reserved == allocator.allocated == 0  # everything merged again into whole segments
