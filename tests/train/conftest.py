import copy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tatami.engines import Model
from tatami.engines.ranks import Ranks, Share, share_of
from tatami.errors import RankError
from tatami.network import find_network
from tatami.train import train

from .ranked import NET, never, settings

Array = np.ndarray


@pytest.fixture
def stripes(write_stripes: Callable[..., Path]) -> Path:
    """A tiny problem as an .npz file: 8x8 images with horizontal or vertical stripes, 48 to train on, 20 to test."""
    return write_stripes(48, 20, tones=(200, 40), noise=40, classes=["across", "down"])


@pytest.fixture
def whole(stripes: Path, tmp_path: Path) -> Path:
    """The run of a training by one process, which nothing disturbs."""
    train(find_network(NET), settings(stripes), tmp_path / "whole", never)
    return tmp_path / "whole"


class Dead(BaseException):
    """In place of SIGKILL: nobody catches it."""


class Table:
    """Where the threads of :func:`in_ranks` meet: what each says, meeting by meeting, and who has left."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.news = threading.Condition()
        self.said: dict[int, dict[int, Any]] = {}
        self.gone: set[int] = set()

    def meet(self, number: int, rank: int, value: Any) -> list[Any]:
        """What all say at a meeting, once all have said it."""
        with self.news:
            said = self.said.setdefault(number, {})
            said[rank] = copy.deepcopy(value)
            self.news.notify_all()
            while len(said) < self.size:
                if self.gone - said.keys():
                    raise RankError("another rank of this training is gone", said=rank != 0)
                assert self.news.wait(60), "the ranks wait for one another"
            return [copy.deepcopy(said[rank]) for rank in range(self.size)]

    def leave(self, rank: int) -> None:
        with self.news:
            self.gone.add(rank)
            self.news.notify_all()


@dataclass
class Seat:
    """A rank in a thread. Each has a whole model, on which it takes the step of all samples: gradients as if summed.

    ``before`` is called at the beginning of each step with the rank and the number of steps that it has taken.
    """

    table: Table
    rank: int
    before: Callable[[int, int], None]
    device: str | None = None
    steps: int = 0
    meetings: int = 0

    @property
    def size(self) -> int:
        return self.table.size

    def any(self, flag: bool) -> bool:
        return any(self._all(flag))

    def exchange(self, value: Any) -> list[Any]:
        return self._all(value)

    def first(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        return dict(self._all(arrays)[0])

    def step(self, model: Model, x: Array, y: Array, share: Share, lr: float) -> float:
        self.before(self.rank, self.steps)
        assert share.start == share_of(share.total, self.rank, self.size).start
        xs, ys = zip(*self._all((x, y)), strict=True)
        assert sum(map(len, xs)) == share.total
        own, model.batch = model.batch, share.total  # for BN, in one pass
        loss = model.step(np.concatenate(xs), np.concatenate(ys), lr=lr)
        model.batch = own
        self.steps += 1
        return loss

    def _all(self, value: Any) -> list[Any]:
        self.meetings += 1
        return self.table.meet(self.meetings, self.rank, value)


def in_ranks(
    size: int, work: Callable[[Ranks], Any], before: Callable[[int, int], None] = lambda rank, step: None
) -> list[Any]:
    """Let each of ``size`` ranks work in a thread; what they return, or raise, by rank.

    A rank that ends while others wait for it is gone, as is the process of one.
    """
    table, results = Table(size), [None] * size

    def run(rank: int) -> None:
        try:
            results[rank] = work(Seat(table, rank, before))
        except BaseException as error:
            results[rank] = error
        finally:
            table.leave(rank)

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture(name="in_ranks")
def _in_ranks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Train in several ranks without PyTorch, on the textbook engine."""
    for module in ("defaults", "elsewhere"):
        monkeypatch.setattr(f"tatami.train.{module}.engine_for", lambda engine, ranks, *place: "textbook")
    return in_ranks


@pytest.fixture
def dead() -> type[Dead]:
    return Dead
