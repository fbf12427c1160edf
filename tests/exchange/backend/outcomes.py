"""What becomes of the suite's cases in an engine."""

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from tatami.engines import compile
from tatami.errors import NetworkError
from tatami.exchange.onnx.reading import ImportedOnnx, import_onnx

from .exclusions import NAMES, REFUSALS
from .suite import Case, cases

NEAR = 1e-6  # of the largest expected value: float32 adds in another order


@dataclass(frozen=True)
class Outcome:
    """What became of a case: passed, excluded for a ``reason`` by a ``rule``, or failed as ``failure`` says."""

    kind: str
    name: str
    reason: str = ""
    rule: str = ""
    failure: str = ""


@cache
def outcomes(engine: str) -> tuple[Outcome, ...]:
    """Of all cases but the whole architectures."""
    return tuple(outcome(case, engine) for case in cases())


def outcome(case: Case, engine: str) -> Outcome:
    read = imported(case.kind, case.name) if case.kind != "light" else _imported(case)
    if isinstance(read, str):
        return _excluded(case, REFUSALS, read) or Outcome(case.kind, case.name, failure=f"refused: {read}")
    failure = difference(case, read, engine)
    excluded = _excluded(case, NAMES, case.name)
    if excluded is not None:
        return excluded if failure else Outcome(case.kind, case.name, failure="it is excluded, and passes")
    return Outcome(case.kind, case.name, failure=failure)


def _excluded(case: Case, rules: dict[str, str], text: str) -> Outcome | None:
    for pattern, reason in rules.items():
        if re.search(pattern, text):
            return Outcome(case.kind, case.name, reason, pattern)
    return None


@cache
def imported(kind: str, name: str) -> ImportedOnnx | str:
    """What a case is read as; or what the import says against it."""
    return _imported(next(case for case in cases() if (case.kind, case.name) == (kind, name)))


def _imported(case: Case) -> ImportedOnnx | str:
    try:
        return import_onnx(case.model.SerializeToString())
    except NetworkError as error:
        return str(error)


def difference(case: Case, read: ImportedOnnx, engine: str) -> str:
    """How the engine's answer differs from the expected one; empty where it does not.

    A map may come out channels first, as it does from most operators, or as tatami has it, channels last.
    """
    model = compile(read.network, engine, batch=max(len(case.x), 1))
    model.load_state_dict(read.state or {})
    shape = (len(case.x), *read.network.input_shape)
    x = np.moveaxis(case.x, 1, -1) if case.x.ndim > 2 and not _is_last(case, shape) else case.x
    with np.errstate(over="ignore", invalid="ignore"):  # one case feeds memory that was never set
        y = model.forward(np.ascontiguousarray(x.reshape(shape), dtype=np.float32))
    expected = case.expected.astype(np.float64)
    if y.size != expected.size:
        return f"{y.shape}, not {expected.shape}"
    near = max(case.atol, NEAR * float(np.abs(expected).max(initial=0)))
    layouts = [np.moveaxis(y, -1, 1), y] if y.ndim > 2 else [y]
    errors = [np.abs(each.reshape(expected.shape) - expected) - case.rtol * np.abs(expected) for each in layouts]
    worst = min(float(each.max(initial=0)) for each in errors)
    return "" if worst <= near else f"off by {worst:.3g}"


def _is_last(case: Case, shape: tuple[int, ...]) -> bool:
    """Whether the file's input has its channels last: it is turned first thing."""
    first = case.model.graph.node[0]
    return first.op_type == "Transpose" and case.x.shape == shape
