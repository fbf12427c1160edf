from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tatami.explore import Settings
from tatami.train import TrainConfig

FAMILY = "INPUT -> [CONV({2|4}) -> RELU -> POOL?]*N -> FC"


@pytest.fixture
def stripes(write_stripes: Callable[..., Path]) -> Path:
    """8x8 images with horizontal or vertical stripes under noise: 60 to train on, 20 to test."""
    return write_stripes(60, 20, tones=(160, 90), noise=60)


@pytest.fixture
def settings(stripes: Path) -> Settings:
    """Eleven networks: N=0 is one, N=1..2 with and without POOL, each of 2 or 4 filters, are eight, and N=3 without."""
    return Settings(
        family=FAMILY,
        training=TrainConfig(str(stripes), batch=8, lr=0.01, augment="none"),
        choices={"N": ["0", "1", "2"]},
        budgets=(),
        epochs=(1, 2, 4),
        eta=2,
        seed=0,
        threads=1,
        seconds=600.0,
    )


class Direct(Executor):
    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Here:
    """Workers in this very process: each trial is done when it is submitted."""

    jobs = shares = 1

    def __init__(self) -> None:
        self.renewed = 0

    def executor(self) -> Executor:
        return Direct()

    def renew(self) -> None:
        self.renewed += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


@pytest.fixture
def here() -> Here:
    return Here()
