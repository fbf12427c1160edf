"""From the results of all rounds to figures: medians, ratios within rounds, differences of losses and scores."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from rounds import TORCH

MIB = 2**20
Sides = dict[str, list[dict]]


def counted(results: Sequence[dict]) -> list[dict]:
    """The results of the rounds that count; of the first, where there is no other."""
    return [result for result in (results[1:] or results) if "error" not in result]


def values(sides: Sides, side: str, key: str = "median") -> list[float]:
    return [result[key] for result in counted(sides.get(side, []))]


def fastest_torch(sides: Sides, ways: Sequence[str] = TORCH) -> str | None:
    """The way to run it in PyTorch whose median over the rounds is the smallest; of those that ran in all rounds."""
    rounds = max((len(sides.get(side, [])) for side in ways), default=0)
    through = [side for side in ways if len(sides.get(side, [])) == rounds]
    times = {side: statistics.median(found) for side in through if (found := values(sides, side))}
    return min(times, key=times.__getitem__) if times else None


def ratios(sides: Sides, other: str | None) -> list[float]:
    """How many times as long ``other`` takes as tatami: one ratio a round, both from the same round."""
    if other is None:
        return []
    pairs = zip(counted_in_place(sides.get("tatami", [])), counted_in_place(sides.get(other, [])), strict=False)
    return [b["median"] / a["median"] for a, b in pairs if "error" not in a and "error" not in b]


def counted_in_place(results: Sequence[dict]) -> Sequence[dict]:
    return results[1:] or results


def geometric_mean(numbers: Sequence[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, numbers)))


def geometric_means(by_case: Sequence[Sequence[float]]) -> list[float]:
    """One geometric mean over the cases a round."""
    return [geometric_mean(row) for row in zip(*by_case, strict=False)]


def growth(sides: Sides, side: str) -> list[float]:
    """MiB that the steps need at their peak, above what was resident before the model was made."""
    return [(result["peak"] - result["resident"]) / MIB for result in counted(sides.get(side, []))]


def loss_difference(sides: Sides) -> tuple[float, int, float, float] | None:
    """Largest relative difference from PyTorch's losses, over how many steps, and PyTorch's first and last loss."""
    mine, its = (sides.get(side, [{}])[0].get("losses") for side in ("tatami", "torch-eager"))
    if not mine or not its:
        return None
    steps = min(len(mine), len(its))
    return relative(mine[:steps], its[:steps]), steps, its[0], its[steps - 1]


def relative(mine: Sequence[float], its: Sequence[float]) -> float:
    """Largest relative difference; infinite where one is no number."""
    pairs = zip(mine, its, strict=True)
    return max(abs(a - b) / abs(b) if math.isfinite(a) and math.isfinite(b) else math.inf for a, b in pairs)


def score_difference(sides: Sides) -> float | None:
    """Largest difference of the outputs for one sample from PyTorch's, relative to the largest output."""
    its = next((sides[side][0]["scores"] for side in TORCH if "scores" in sides.get(side, [{}])[0]), None)
    mine = sides.get("tatami", [{}])[0].get("scores")
    if not its or not mine:
        return None
    return max(abs(a - b) for a, b in zip(mine, its, strict=True)) / max(map(abs, its))


def others(results: dict[str, Sides]) -> list[float]:
    """Cores' worth of work that other processes did meanwhile, of every process that counts."""
    return [r["others"] for sides in results.values() for side in sides.values() for r in counted(side)]
