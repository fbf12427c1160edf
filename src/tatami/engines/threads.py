"""How many threads the matrix products of NumPy may use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

_P = ParamSpec("_P")
_R = TypeVar("_R")


@cache
def _controller() -> Any:
    return ThreadpoolController()  # looks through all loaded libraries, so once is enough


def one_blas_thread(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorator: matrix products within ``function`` use one thread.

    For thousands of small products, threads cost about what they save: a step of the memo's network on 64 digits takes
    0.10 s with two threads and 0.12 s with one. But the threads wait for each other in busy loops, and where another
    process has one of the two cores, that step took 0.4 to 40 s with two threads, and 0.18 s with one.
    """

    @wraps(function)
    def limited(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with _controller().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
