"""What `tatami train` reaches on real data, by its own recipe or the one that is named here: RESULTS-training.md.

Run by `make bench-training`; some twenty minutes on two cores. The data sets are looked for in ../shared/data, beside
the repository. A training that is finished in the folder of runs is not done again, so an interrupted measurement goes
on.

    python benchmarks/training.py ArrowHead GunPoint --runs /tmp/runs
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tatami.train.events import Ended, Started, Tested
from tatami.train.run import Run

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"

MEMO = "INPUT -> [[CONV -> RELU]*2 -> POOL]*2 -> [FC -> RELU]*1 -> FC"
RESNET9 = (
    "let block(w) = CONV(w) -> BN -> RELU\n"
    "INPUT -> block(32) -> block(64) -> POOL -> RES[block(64) -> block(64)]\n"
    "  -> block(128) -> POOL -> block(224) -> POOL -> RES[block(224) -> block(224)] -> POOL(4) -> FC"
)


@dataclass(frozen=True)
class Task:
    """One training, as many times as there are seeds, and the accuracy that is wanted of their mean."""

    net: str
    data: str
    wanted: float
    options: tuple[str, ...] = ()
    seeds: int = 1


TASKS = {
    "MNIST": Task(MEMO, "mnist", 0.992),
    "CIFAR-10": Task(
        RESNET9,
        "cifar10-jpeg.zip",
        0.88,
        (
            *("--epochs", "20", "--optimizer", "nesterov", "--lr", "0.1", "--weight-decay", "5e-4", "--batch", "128"),
            *("--smoothing", "0.1", "--validation", "0.02"),
        ),
    ),
    "GunPoint": Task("resnet1d", "ucr/GunPoint", 0.98, seeds=3),
    "ArrowHead": Task("resnet1d", "ucr/ArrowHead", 0.80, seeds=3),
    "ItalyPowerDemand": Task("resnet1d", "ucr/ItalyPowerDemand", 0.95, seeds=3),
    "BasicMotions": Task("resnet1d", "ucr/BasicMotions", 1.0, seeds=3),
}


@dataclass(frozen=True)
class Result:
    """What one training came to."""

    accuracy: float
    params: int
    epochs: int
    seconds: float


def finished(path: Path) -> Result | None:
    """The result of a run that has ended; None where there is none."""
    if not (path / "events.jsonl").is_file():
        return None
    events = Run(path).events()
    started = next((e for e in events if isinstance(e, Started)), None)
    tested = next((e for e in reversed(events) if isinstance(e, Tested)), None)
    ended = next((e for e in reversed(events) if isinstance(e, Ended)), None)
    if started is None or tested is None or ended is None or tested.split != "test":
        return None
    return Result(tested.accuracy, started.params, ended.epochs, ended.seconds)


def measure(name: str, seed: int, runs: Path) -> Result:
    """Train once, unless that has been done."""
    task, path = TASKS[name], runs / f"{name}-{seed}"
    found = finished(path)
    if found is None:
        command = [sys.executable, "-m", "tatami", "train", task.net, str(DATA / task.data), *task.options]
        subprocess.run([*command, "--seed", str(seed), "--run", str(path)], check=True, stdout=sys.stderr)
        found = finished(path)
    if found is None:
        sys.exit(f"{path} has no result")
    return found


def page(found: dict[str, list[Result]]) -> str:
    """The table, and the networks and settings that are not by themselves plain."""
    lines = [
        "# What training reaches",
        "",
        "`make bench-training` measures again; the validation part is not trained on. Seconds are those that passed,",
        "whatever else the machine did meanwhile.",
        "",
    ]
    lines += [
        "| data | network | accuracy | wanted | parameters | epochs | seconds each |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, results in found.items():
        task = TASKS[name]
        accuracies = [result.accuracy for result in results]
        shown = f"{statistics.mean(accuracies):.4f}"
        if len(results) > 1:
            shown += f", mean of {', '.join(f'{accuracy:.4f}' for accuracy in accuracies)}"
        net = task.net if "\n" not in task.net else "below"
        seconds = f"{statistics.mean(result.seconds for result in results):.0f}"
        first = results[0]
        cells = (name, f"`{net}`", shown, f">= {task.wanted}", f"{first.params:,}", str(first.epochs), seconds)
        lines.append(f"| {' | '.join(cells)} |")
    for name in found:
        task = TASKS[name]
        if task.options:
            lines += ["", f"{name}: `{' '.join(task.options)}`, and"]
            lines += ["", *(f"    {line}" for line in task.net.splitlines())]
    lines += ["", "Where nothing is said, the recipe is the one that tatami finds by itself."]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}; all unless given")
    parser.add_argument("--runs", type=Path, default=HERE.parent / "runs" / "training", help="where the runs lie")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "RESULTS-training.md")
    given = parser.parse_args()
    unknown = [task for task in given.tasks if task not in TASKS]
    if unknown:
        parser.error(f"no such task: {unknown[0]}; there are {', '.join(TASKS)}")
    if not DATA.is_dir():
        sys.exit("the data sets are not in ../shared/data, beside the repository")
    names = given.tasks or list(TASKS)
    found = {name: [measure(name, seed, given.runs) for seed in range(TASKS[name].seeds)] for name in names}
    text = page(found)
    given.output.write_text(text, encoding="utf-8")
    print(text)
    low = [name for name in names if statistics.mean(r.accuracy for r in found[name]) < TASKS[name].wanted]
    if low:
        sys.exit(f"below what is wanted: {', '.join(low)}")


if __name__ == "__main__":
    main()
