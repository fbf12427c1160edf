"""The order of the trials: a permutation, by seed, spread over the costs from its first few on."""

from hypothesis import given
from hypothesis import strategies as st

from tatami.explore.sampling import spread_order


@given(st.lists(st.integers(0, 10**6), max_size=200), st.integers(0, 1000))
def test_every_member_once(costs: list[int], seed: int) -> None:
    order = spread_order(costs, seed)
    assert sorted(order) == list(range(len(costs)))
    assert order == spread_order(costs, seed)


@given(st.permutations(range(64)), st.integers(0, 1000))
def test_the_first_few_lie_each_in_another_part(costs: list[int], seed: int) -> None:
    order = spread_order(costs, seed)
    for first in (2, 4, 8, 16, 32):
        assert {costs[i] * first // 64 for i in order[:first]} == set(range(first))


def test_another_seed_is_another_order_among_equals_too() -> None:
    assert len({tuple(spread_order([5] * 20, seed)) for seed in range(20)}) == 20
    assert len({tuple(spread_order(range(100), seed)) for seed in range(20)}) > 10
