"""The figures as Markdown, the aim beside each."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from cases import (
    INFERENCE,
    INFERENCE_AIMS,
    LEAST_INFERENCE_AIM,
    LEAST_TRAINING_AIM,
    LOSS_TOLERANCE,
    MEMORY_AIM,
    NETWORK_AIMS,
    START,
    START_AIMS,
    TRAINING,
    TRAINING_AIM,
)
from figures import (
    MIB,
    Sides,
    fastest_torch,
    geometric_means,
    growth,
    loss_difference,
    others,
    ratios,
    score_difference,
    values,
)
from rounds import TORCH

CALM = 0.1  # cores' worth of other work

INTRODUCTION = """\
Every figure comes from a process of its own, the sides in turn, round after round: median, with the smallest and the
largest of the rounds in brackets. A ratio is taken within a round and says how many times as long the other side takes
as tatami; above 1, tatami is faster. PyTorch is the fastest of eager, channels last and torch.compile, by the median of
the rounds; it uses the fused SGD and as many threads as there are cores. Both sides start from the same weights and see
the same batches; DROPOUT is left out on both. `make bench` measures again."""


def report(found: dict, about: str) -> str:
    lines = ["# The CPU engine beside PyTorch and ONNX Runtime", "", about, "", INTRODUCTION, ""]
    training, inference, start = (found.get(part, {}) for part in ("training", "inference", "start"))
    lines += aims(training, inference, start)
    if training:
        lines += training_table(training) + ways_table(training) + memory_table(training)
        if found.get("peak"):
            lines += limit_table(training, found["peak"])
    if inference:
        lines += inference_table(inference)
    if start:
        lines += start_table(start)
    busy = others({**training, **inference})
    if busy:
        lines += ["## Other work on the machine", ""]
        lines += [f"Cores' worth of work of other processes while these ran: {spread(busy)}."]
        lines += ["**The machine was not calm: these figures say little.**"] * (statistics.median(busy) > CALM) + [""]
    return "\n".join(lines)


# --- the aims ---


def aims(training: dict[str, Sides], inference: dict[str, Sides], start: dict[str, Sides]) -> list[str]:
    rows = []
    by_case = {name: ratios(sides, fastest_torch(sides)) for name, sides in training.items()}
    by_case = {name: found for name, found in by_case.items() if found}
    if by_case:
        medians = {name: statistics.median(found) for name, found in by_case.items()}
        means = geometric_means(list(by_case.values()))
        title = f"training, geometric mean of {len(by_case)} of {len(TRAINING)} networks"
        rows.append((title, spread(means), f">= {TRAINING_AIM}", statistics.median(means) >= TRAINING_AIM))
        for name, aim in NETWORK_AIMS.items():
            if name in medians:
                title = f"training, {TRAINING[name].title}"
                rows.append((title, spread(by_case[name]), f">= {aim}", medians[name] >= aim))
        slowest = min(medians, key=medians.__getitem__)
        title = f"training, the least: {TRAINING[slowest].title}"
        rows.append(
            (title, spread(by_case[slowest]), f">= {LEAST_TRAINING_AIM}", medians[slowest] >= LEAST_TRAINING_AIM)
        )
        differences = {name: found[0] for name, sides in training.items() if (found := loss_difference(sides))}
        if differences:
            worst = max(differences, key=differences.__getitem__)
            title = f"losses, the largest relative difference: {TRAINING[worst].title}"
            reached = differences[worst] <= LOSS_TOLERANCE
            rows.append((title, f"{differences[worst]:.1e}", f"<= {LOSS_TOLERANCE:.0e}", reached))
        shares = {name: share for name, sides in training.items() if (share := memory_share(sides, "fastest"))}
        if shares:
            largest = max(shares, key=shares.__getitem__)
            title = f"peak memory as a share of PyTorch's, the largest: {TRAINING[largest].title}"
            rows.append((title, short(shares[largest]), f"<= {MEMORY_AIM}", shares[largest] <= MEMORY_AIM))
    for name, sides in inference.items():
        found = least_ratios(sides)
        if found:
            aim, case = INFERENCE_AIMS.get(name, LEAST_INFERENCE_AIM), INFERENCE[name]
            title = f"inference, {case.title}, batch {case.batch}"
            rows.append((title, spread(found), f">= {aim}", statistics.median(found) >= aim))
    for key, aim in START_AIMS.items():
        seconds = {name: statistics.median(v) for name, sides in start.items() if (v := all_values(sides, key))}
        if seconds:
            slowest = max(seconds, key=seconds.__getitem__)
            title = f"start to first step, {key}, the longest: {START[slowest].title}"
            rows.append((title, f"{seconds[slowest]:.2f} s", f"< {aim:.0f} s", seconds[slowest] < aim))
    table = [(what, measured, aim, "yes" if reached else "**no**") for what, measured, aim, reached in rows]
    return ["## Aims", "", *markdown(("what", "measured", "aim", "reached"), table)]


def least_ratios(sides: Sides) -> list[float]:
    """Against PyTorch or ONNX Runtime, whichever is the harder."""
    both = [found for side in (fastest_torch(sides), "onnxruntime") if (found := ratios(sides, side))]
    return min(both, key=statistics.median, default=[])


# --- training ---


def training_table(training: dict[str, Sides]) -> list[str]:
    rows = []
    for name, sides in training.items():
        case, best = TRAINING[name], fastest_torch(sides)
        found, losses = ratios(sides, best), loss_difference(sides)
        told = f"{losses[0]:.1e} in {losses[1]}: {losses[2]:.3g} to {losses[3]:.3g}" if losses else ""
        aim = f">= {NETWORK_AIMS.get(name, LEAST_TRAINING_AIM)}"
        theirs = f"{milliseconds(sides, best)}, {way(best)}" if best else failure(sides, TORCH[0])
        rows.append((case.title, case.batch, milliseconds(sides, "tatami"), theirs, spread(found), aim, told))
    titles = ("network", "batch", "tatami, ms", "PyTorch, ms", "ratio", "aim", "losses: relative difference in steps")
    return ["## Training step: forward, backward, momentum update", "", *markdown(titles, rows)]


def ways_table(training: dict[str, Sides]) -> list[str]:
    rows = [(TRAINING[name].title, *(milliseconds(sides, side) for side in TORCH)) for name, sides in training.items()]
    note = "One figure alone: after the first round it was left out, as the fastest was far ahead."
    return ["### PyTorch's ways, ms", "", *markdown(("network", *map(way, TORCH)), rows)[:-1], "", note, ""]


def memory_share(sides: Sides, which: str) -> float | None:
    """tatami's growth by that of PyTorch's fastest way, or of its leanest."""
    mine, its = growth(sides, "tatami"), [fastest_torch(sides)] if which == "fastest" else TORCH
    least = min((statistics.median(found) for side in its if side and (found := growth(sides, side))), default=0)
    return statistics.median(mine) / least if mine and least else None


def memory_table(training: dict[str, Sides]) -> list[str]:
    rows = []
    for name, sides in training.items():
        best = fastest_torch(sides)
        if best is None or not growth(sides, "tatami"):
            continue
        peaks = [statistics.median(values(sides, side, "peak")) / MIB for side in ("tatami", best)]
        shares = [short(memory_share(sides, which)) for which in ("fastest", "leanest")]
        grown = [spread(growth(sides, side)) for side in ("tatami", best)]
        rows.append((TRAINING[name].title, *grown, *shares, f"<= {MEMORY_AIM}", *map(short, peaks)))
    titles = ("network", "tatami", "PyTorch", "share", "share of the leanest way", "aim", "tatami, whole")
    note = (
        "Growth: the peak during the timed steps, above what was resident before the model was made, when the batches\n"
        "and the libraries were there and had made a step of a small network. PyTorch in the way that is fastest,\n"
        "then the share of its leanest way. The last columns are the peaks of the whole processes, libraries included."
    )
    return [
        "## Peak resident memory of the same steps, MiB",
        "",
        note,
        "",
        *markdown((*titles, "PyTorch, whole"), rows),
    ]


def limit_table(training: dict[str, Sides], peaks: Sequence[float]) -> list[str]:
    limit, rows = max(peaks), []
    for name, sides in training.items():
        flops = TRAINING[name].flops(training=True)
        cells = []
        for side in ("tatami", fastest_torch(sides)):
            times = values(sides, side) if side else []
            rate = flops / statistics.median(times) / 1e9 if times else None
            cells += [short(rate), f"{rate / limit:.0%}" if rate else ""]
        rows.append((TRAINING[name].title, f"{flops / 1e9:.3g}", *cells))
    note = (
        f"The limit: {limit:.0f} GFLOP/s, the fastest float32 matrix product of NumPy and PyTorch on all cores\n"
        f"({len(peaks)} measurements, {short(min(peaks))} to {short(max(peaks))}). A step counts by the direct\n"
        "definition of convolution: methods that need fewer multiplications may pass 100%."
    )
    titles = ("network", "GFLOP a step", "tatami, GFLOP/s", "share", "PyTorch, GFLOP/s", "share")
    return ["## Share of the machine's limit", "", note, "", *markdown(titles, rows)]


# --- inference and start ---


def inference_table(inference: dict[str, Sides]) -> list[str]:
    rows = []
    for name, sides in inference.items():
        case, best, difference = INFERENCE[name], fastest_torch(sides), score_difference(sides)
        theirs = f"{milliseconds(sides, best)}, {way(best)}" if best else failure(sides, TORCH[0])
        times = (milliseconds(sides, "tatami"), theirs, milliseconds(sides, "onnxruntime"))
        both = (spread(ratios(sides, best)), spread(ratios(sides, "onnxruntime")))
        aim = f">= {INFERENCE_AIMS.get(name, LEAST_INFERENCE_AIM)}"
        told = "" if difference is None else f"{difference:.1e}"
        rows.append((case.title, case.batch, *times, *both, aim, told))
    titles = (
        "network",
        "batch",
        "tatami, ms",
        "PyTorch, ms",
        "ONNX Runtime, ms",
        "ratio to PyTorch",
        "to ONNX Runtime",
    )
    return ["## Inference", "", *markdown((*titles, "aim", "outputs differ by"), rows)]


def start_table(start: dict[str, Sides]) -> list[str]:
    rows = []
    for name, sides in start.items():
        keys = ("cold", "warm", "torch-eager")
        cells = [spread(all_values(sides, key)) or first_error(sides.get(key, [])) for key in keys]
        rows.append((START[name].title, *cells))
    aim = ("aim", *(f"< {aim:.0f}" for aim in START_AIMS.values()), "")
    titles = ("network", "tatami, empty cache", "tatami, full cache", "PyTorch eager")
    return ["## From process start to the end of the first training step, s", "", *markdown(titles, [*rows, aim])]


# --- cells ---


def all_values(sides: Sides, key: str) -> list[float]:
    return [result["median"] for result in sides.get(key, []) if "error" not in result]


def milliseconds(sides: Sides, side: str) -> str:
    found = values(sides, side)
    return spread([1000 * seconds for seconds in found]) if found else failure(sides, side)


def failure(sides: Sides, side: str) -> str:
    return first_error(sides.get(side, []))


def first_error(results: Iterable[dict]) -> str:
    return next((f"failed: {result['error']}" for result in results if "error" in result), "").replace("|", "/")


def way(side: str) -> str:
    """``torch-channels-last`` as ``channels last``."""
    return side.removeprefix("torch-").replace("-", " ")


def spread(numbers: Sequence[float]) -> str:
    if not numbers:
        return ""
    middle = short(statistics.median(numbers))
    return middle if len(numbers) == 1 else f"{middle} ({short(min(numbers))} to {short(max(numbers))})"


def short(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [f"| {' | '.join(titles)} |", f"|---{'|---:' * (len(titles) - 1)}|"]
    return [*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows), ""]
