"""Errata: famous figures and rules that do not follow from their own lines. The claims are in ``errata.toml``.

tatami computes; where a published figure differs, it shows both, with the reason.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from tatami.network.layers.windows import Axis
from tatami.plan.cost import FLOAT32


@dataclass(frozen=True)
class Erratum:
    """A claim, where it is made, and why it does not hold."""

    says: str
    source: str
    why: str

    def __str__(self) -> str:
        return f'"{self.says}" ({self.source}) does not follow. {self.why}'


def memory_errata(values: int, apart_values: int) -> list[Erratum]:
    """Published memory figures for networks of so many activation values.

    Args:
        values: of one sample, activation functions in place.
        apart_values: the same with the activation functions on maps kept apart.
    """
    numbers = {
        "values": f"{values:,}",
        "bytes": f"{FLOAT32 * values:,}",
        "mib": _mib(values),
        "apart": f"{apart_values:,}",
        "apart_mib": _mib(apart_values),
    }
    found = [claim for claim in _claims()["figure"] if claim["activation_values"] == values]
    return [Erratum(claim["says"], claim["source"], claim["why"].format(**numbers)) for claim in found]


def same_erratum(axis: Axis) -> str:
    """What the memo's rule for ``same`` would give along ``axis``; empty where it agrees with the exact one."""
    claimed = -(-axis.size // 2)
    if (axis.before, axis.after) == (claimed, claimed) or axis.dilation > 1:
        return ""
    claimed_output = (axis.length + 2 * claimed - axis.size) // axis.stride + 1
    claim = _claims()["same"]
    if claimed_output == axis.output:
        return ""
    numbers = {
        "F": axis.size,
        "W": axis.length,
        "S": axis.stride,
        "claimed": claimed,
        "claimed_output": claimed_output,
        "output": axis.output,
        "before": axis.before,
        "after": axis.after,
    }
    return str(Erratum(claim["says"], claim["source"], claim["why"].format(**numbers)))


def _mib(values: int) -> str:
    return f"{FLOAT32 * values / 2**20:.1f}"


@cache
def _claims() -> Any:
    return tomllib.loads(files("tatami.plan").joinpath("errata.toml").read_text(encoding="utf-8"))
