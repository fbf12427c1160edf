"""In which order members are tried: by seed, and so that the first few are spread over what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random


def spread_order(costs: Sequence[float], seed: int) -> list[int]:
    """The indices of ``costs`` in an order whose first 2, 4, 8, ... each lie in another half, quarter, eighth of them.

    Sorted by cost, they are taken in the order of van der Corput's sequence (1935): place ``i`` by the bits of ``i``
    reversed. ``seed`` shifts it digitally, and orders equal costs.
    """
    if not costs:
        return []
    random = Random(seed)
    among_equals = [random.random() for _ in costs]
    ranked = sorted(range(len(costs)), key=lambda i: (costs[i], among_equals[i]))
    bits = max(len(costs) - 1, 1).bit_length()
    shift = random.getrandbits(bits)

    def place(rank: int) -> int:
        scaled = rank * 2**bits // len(costs)  # evenly over 2^bits places
        return int(f"{scaled ^ shift:0{bits}b}"[::-1], 2)

    return [ranked[rank] for rank in sorted(range(len(costs)), key=place)]
