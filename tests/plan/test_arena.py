"""Tensors in one piece of memory: those that live at the same time never share a byte."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tatami.plan.arena import ALIGNMENT, aligned, place


@dataclass
class Life:
    bytes: int
    first: int
    last: int


SPANS = st.tuples(st.integers(0, 20), st.integers(0, 8))
LIVES = st.lists(st.tuples(st.integers(0, 400), SPANS), max_size=40)


def lives_of(drawn) -> dict[str, Life]:
    return {f"t{i}": Life(size, first, first + length) for i, (size, (first, length)) in enumerate(drawn)}


@given(LIVES)
def test_who_lives_at_the_same_time_shares_nothing(drawn) -> None:
    lives = lives_of(drawn)
    arena = place(lives)
    named = list(lives.items())
    for i, (name, life) in enumerate(named):
        assert arena.offsets[name] % ALIGNMENT == 0
        assert arena.offsets[name] + life.bytes <= arena.size
        for other_name, other in named[i + 1 :]:
            if life.first <= other.last and other.first <= life.last and life.bytes and other.bytes:
                start, there = arena.offsets[name], arena.offsets[other_name]
                assert start + life.bytes <= there or there + other.bytes <= start


@given(LIVES)
def test_it_takes_at_least_what_is_alive_and_at_most_everything(drawn) -> None:
    lives = lives_of(drawn)
    alive = [sum(aligned(one.bytes) for one in lives.values() if one.first <= t <= one.last) for t in range(30)]
    assert max(alive) <= place(lives).size <= sum(aligned(one.bytes) for one in lives.values())


def test_memory_of_the_dead_is_used_again_and_holes_join() -> None:
    lives = {
        "a": Life(64, 0, 1),
        "b": Life(64, 0, 1),
        "kept": Life(64, 0, 9),
        "wide": Life(128, 2, 3),  # fits where a and b lay side by side
        "late": Life(192, 4, 5),  # does not: it grows the end
    }
    arena = place(lives)
    assert arena.offsets["wide"] == min(arena.offsets["a"], arena.offsets["b"])
    assert arena.size == 3 * 64 + 192
