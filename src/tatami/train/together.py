"""What several ranks do together before they train: an error of one is an error of all, and is told once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tatami.engines.ranks import Ranks
from tatami.errors import BAD_INPUT, RankError, TatamiError

_T = TypeVar("_T")


def at_once(ranks: Ranks, make: Callable[[], _T]) -> _T:
    """What ``make`` gives, which all ranks call at the same time, and may speak to one another in.

    Raises:
        TatamiError: ``make`` failed on this rank.
        RankError: it failed on another one, or another is gone.
    """
    problem = made = None
    try:
        made = make()
    except RankError:
        raise
    except TatamiError as error:
        problem = error
    _settle(ranks, problem)
    return made  # type: ignore[return-value]  # it is there where there was no problem


def in_turn(ranks: Ranks, make: Callable[[], _T]) -> _T:
    """What ``make`` gives, which rank 0 calls first and then the others: they find the caches that it leaves.

    Raises:
        TatamiError, RankError: as of :func:`at_once`.
    """
    if ranks.rank == 0:
        made = at_once(ranks, make)
        _settle(ranks, None)
        return made
    _settle(ranks, None)
    return at_once(ranks, make)


def by_the_first(ranks: Ranks, make: Callable[[], _T]) -> _T:
    """What ``make`` gives on rank 0, which alone calls it: a value that JSON can write.

    Raises:
        TatamiError, RankError: as of :func:`at_once`.
    """
    made = at_once(ranks, make if ranks.rank == 0 else lambda: None)
    first: _T = ranks.exchange(made)[0]
    return first


def _settle(ranks: Ranks, problem: TatamiError | None) -> None:
    """Go on where no rank has a problem; otherwise all fail, and rank 0 says why.

    Raises:
        TatamiError: the problem of this rank, if it is the first.
        RankError: another has one.
    """
    told = ranks.exchange(None if problem is None else str(problem))
    failed = [rank for rank, text in enumerate(told) if text is not None]
    if not failed:
        return
    if problem is not None and ranks.rank == 0:
        raise problem
    rank = failed[0]
    raise RankError(told[rank], where=f"rank {rank}", said=ranks.rank != 0, code=BAD_INPUT) from problem
