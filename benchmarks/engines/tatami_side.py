"""tatami's side: arrays are given as they are, channels last."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module

import numpy as np
from cases import Case

from tatami.engines import compile
from tatami.recipe import SGD


class TatamiSide:
    def __init__(self, engine: str) -> None:
        self.engine = engine
        import_module(f"tatami.engines.{engine}")
        with suppress(ImportError):  # loaded with the engine or not, its bytes are no part of a step
            import_module("numba")

    def place(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x, y

    def trainer(self, case: Case) -> Callable[[np.ndarray, np.ndarray], float]:
        optimizer = SGD(lr=case.lr, momentum=0.9)
        return compile(case.network(), self.engine, batch=case.batch, optimizer=optimizer, seed=0).step

    def predictor(self, case: Case) -> Callable[[np.ndarray], np.ndarray]:
        return compile(case.network(), self.engine, batch=case.batch, seed=0).forward
