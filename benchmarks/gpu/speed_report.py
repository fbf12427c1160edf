"""Speeds beside a hand-written loop, and foretold step times beside measured ones, as Markdown."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from figures import Sides, fastest_torch, ratios, values
from gpu_cases import GpuCase
from report import markdown, milliseconds, short, spread
from speed_fit import Measured, fit, foretold

from tatami.plan.devices import Device, Dtype
from tatami.plan.efficiency import DATA_SHEET, Efficiency

BY_HAND = ("by-hand", "by-hand-tuned")
AIM = 1.0  # times as fast as the loop by hand, every network

INTRODUCTION = """\
Every figure comes from a process of its own, the sides in turn, round after round: median, with the smallest and the
largest of the rounds in brackets. tatami is `compile(network, "torch", dtype=...)` and its `step` on batches in the
host's memory, each of which gives the loss back. By hand is what a careful user of PyTorch writes: channels last,
autocast, the fused optimizer, pinned batches whose copies nobody waits for, no loss read; once as cuDNN chooses its
methods, once *tuned*, with cuDNN trying them first. A ratio is taken within a round, against the faster of the two, and
says how many times as long by hand takes; above 1, tatami is faster. DROPOUT is left out on both sides."""

FORETOLD = """\
What `tatami plan --time` says beside the loop by hand with its batches on the card already: a plan knows of no copies.
Foretold by the assumptions for a data sheet; the last column is the error by what was fitted on the networks marked *.
An error is foretold / measured - 1. Only the networks without a mark say what the fit is worth."""


def report(
    found: Mapping[str, Sides], cases: Mapping[str, GpuCase], about: str, dtype: Dtype, card: Device | None
) -> str:
    lines = ["# The torch engine beside a loop by hand", "", about, "", INTRODUCTION, ""]
    lines += speed_table(found, cases)
    if card is not None:
        lines += time_table(found, cases, dtype, card)
    errors = [
        f"- {cases[name].title}, batch {cases[name].batch}, {side}: {result['error']}"
        for name, sides in found.items()
        for side, results in sides.items()
        for result in results
        if "error" in result
    ]
    return "\n".join([*lines, *(["## What failed", "", *errors, ""] if errors else [])])


def speed_table(found: Mapping[str, Sides], cases: Mapping[str, GpuCase]) -> list[str]:
    rows, medians = [], []
    for name, sides in found.items():
        best = fastest_torch(sides, BY_HAND)
        times = ratios(sides, best)
        medians += [statistics.median(times)] if times else []
        reached = ("yes" if medians[-1] >= AIM else "**no**") if times else ""
        mine = (milliseconds(sides, side) for side in ("tatami", *BY_HAND))
        rows.append((cases[name].title, cases[name].batch, *mine, spread(times), reached))
    lines = ["## Training step, ms", ""]
    if medians:
        mean = math.exp(statistics.fmean(map(math.log, medians)))
        lines += [
            f"Geometric mean of the ratios {short(mean)}, the least {short(min(medians))}; aim: >= {AIM:g}, each.",
            "",
        ]
    titles = ("network", "batch", "tatami", "by hand", "by hand, tuned", "ratio", "aim reached")
    return [*lines, *markdown(titles, rows)]


def time_table(found: Mapping[str, Sides], cases: Mapping[str, GpuCase], dtype: Dtype, card: Device) -> list[str]:
    measured = {
        name: Measured(cases[name], statistics.median(s)) for name, sides in found.items() if (s := resident(sides))
    }
    fitted = fit(list(measured.values()), card, dtype)
    rows, errors = [], []
    for name, one in measured.items():
        mark = " *" if one.case.calibrates else ""
        plain, after = (
            foretold(one.case, card, dtype, efficiency) / one.seconds - 1 if efficiency else None
            for efficiency in (DATA_SHEET, fitted)
        )
        if not one.case.calibrates:
            errors.append((plain, after))
        seconds = foretold(one.case, card, dtype)
        cells = (short(1000 * seconds), milliseconds(found[name], "resident"), percent(plain), percent(after))
        rows.append((f"{one.case.title}{mark}", one.case.batch, *cells))
    titles = ("network", "batch", "foretold, ms", "measured, ms", "error", "error, fitted")
    lines = ["## The foretold time of a step", "", FORETOLD, "", *markdown(titles, rows)]
    return [*lines, *verdict(fitted, errors), ""]


def verdict(fitted: Efficiency | None, errors: Sequence[tuple[float | None, float | None]]) -> list[str]:
    """What the plan assumes, what was fitted, and the errors on the networks that had no part in it."""
    lines = [f"Assumed: {constants(DATA_SHEET)}."]
    if fitted is not None:
        lines.append(f"Fitted: {constants(fitted)}.")
    for i, text in enumerate(("as assumed", "as fitted")):
        sizes = [abs(pair[i]) for pair in errors if pair[i] is not None]
        if sizes:
            lines.append(
                f"Errors of the others {text}: median {statistics.median(sizes):.0%}, largest {max(sizes):.0%}."
            )
    return lines


def resident(sides: Sides) -> list[float]:
    return values(sides, "resident")


def constants(efficiency: Efficiency) -> str:
    return (
        f"{efficiency.compute:.2f} of peak, {efficiency.memory:.2f} of bandwidth, "
        f"{1e6 * efficiency.launch:.1f} us a kernel"
    )


def percent(error: float | None) -> str:
    return "" if error is None else f"{error:+.0%}"
