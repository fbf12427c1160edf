"""The network that an estimator trains, fit to its samples."""

from __future__ import annotations

from collections.abc import Sequence

from tatami.network import Source, find_network

MEMO = "memo"
_BLOCK = "[CONV -> RELU]*2"
_BLOCKS = 2


def find_source(net: str, shape: Sequence[int]) -> Source:
    """The network that ``net`` names; of the memo's, one without the POOLs that samples of ``shape`` are too small for.

    A table of a few columns is a short signal, and so is fit to learn from by the network that is the default.
    """
    source = find_network(net)
    pools = pools_that_fit(shape)
    if net != MEMO or pools == _BLOCKS:
        return source
    blocks = [_BLOCK + (" -> POOL" if block < pools else "") for block in range(_BLOCKS)]
    return find_network(f"INPUT -> {' -> '.join(blocks)} -> [FC -> RELU]*1 -> FC")


def pools_that_fit(shape: Sequence[int]) -> int:
    """How many POOLs of 2, up to two, the shortest axis of samples (*spatial, C) has room for."""
    return min(_BLOCKS, min(shape[:-1]).bit_length() - 1)
