"""Several processes, the ranks, that train one network together: which samples are whose, and what they say.

They are started by ``torchrun``, each with its number in its environment. Rank 0 leads: it shows progress and writes
the run. What is random depends on the seed and on counters alone, so that all ranks know the same order of samples, and
each takes its rows of every step.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from tatami.engines.base import EVERYWHERE, Array, Model
from tatami.errors import OptionError


def usual_engine(device: str | None, dtype: str | None, ranks: int = 1) -> str:
    """The engine that is meant where none is named: cpu, unless something is asked for that only torch has."""
    everywhere = device in (None, "cpu") and dtype in (None, *EVERYWHERE) and ranks == 1
    return "cpu" if everywhere else "torch"


@dataclass(frozen=True)
class Share:
    """A rank's part of the samples of one step.

    Attributes:
        start: place of its first sample among those of the step.
        total: samples of the step, of all ranks together.
    """

    start: int
    total: int


def share_of(total: int, rank: int, size: int) -> slice:
    """A rank's rows of ``total`` rows: parts of nearly equal size, in order, as of :func:`numpy.array_split`."""
    rows, more = divmod(total, size)
    start = rank * rows + min(rank, more)
    return slice(start, start + rows + (rank < more))


class Ranks(Protocol):
    """All ranks, as one of them sees them. Every rank calls the same methods in the same order.

    Attributes:
        rank: this one's number, from 0.
        size: how many there are.
        device: where this one computes, such as ``cuda:1``; None where that is not for the ranks to say.
    """

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    @property
    def device(self) -> str | None: ...

    def any(self, flag: bool) -> bool:
        """Whether any rank says so.

        Raises:
            RankError: another rank is gone.
        """
        ...

    def exchange(self, value: Any) -> list[Any]:
        """What every rank says, by rank, as JSON: numbers come through bit for bit. It waits for all of them.

        Raises:
            RankError: another rank is gone.
        """
        ...

    def first(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The arrays of rank 0. All ranks give some of the same names, shapes and dtypes.

        Raises:
            RankError: another rank is gone.
        """
        ...

    def step(self, model: Model, x: Array, y: Array, share: Share, lr: float) -> float:
        """One step of gradient descent that all take together: see :meth:`tatami.engines.Model.step`.

        Args:
            model: with the same weights on every rank.
            x: this rank's samples.
            y: their labels or targets.
            share: which of the step's they are.
            lr: learning rate.

        Returns:
            The mean loss of all samples of the step.

        Raises:
            RankError: another rank is gone; nothing was changed.
            NumericError: as of a model's own step, on all ranks.
        """
        ...


@dataclass(frozen=True)
class Alone:
    """The only rank: one process, as usual."""

    rank: int = 0
    size: int = 1
    device: str | None = None

    def any(self, flag: bool) -> bool:
        return flag

    def exchange(self, value: Any) -> list[Any]:
        return [value]

    def first(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        return dict(arrays)

    def step(self, model: Model, x: Array, y: Array, share: Share, lr: float) -> float:
        return model.step(x, y, lr=lr)


ALONE = Alone()


@contextmanager
def find_ranks(device: str | None = None) -> Iterator[Ranks]:
    """The ranks of which this process is one, by what ``torchrun`` sets: WORLD_SIZE, RANK, LOCAL_RANK.

    Args:
        device: what the user wants: ``cuda``, ``cpu``, or None for the GPU of the rank's own number if there are GPUs.

    Raises:
        OptionError: no PyTorch, or fewer GPUs than ranks.
        RankError: the others do not come.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1":
        yield ALONE
        return
    try:
        ranks = importlib.import_module("tatami.engines.torch.ranks")
    except ModuleNotFoundError as error:
        raise OptionError(
            "several ranks need PyTorch", got=f"no module {error.name}", hint="pip install 'tatami[torch]'"
        ) from error
    with ranks.join(device) as joined:
        yield joined
