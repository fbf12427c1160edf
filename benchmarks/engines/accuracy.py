"""Time to 99% of MNIST's and to 85% of CIFAR-10's test images, both sides alike. Writes ../RESULTS-accuracy.md.

Run by `make bench-accuracy`. Network, first weights, recipe and batches are the same for each side; the clock starts
when the data are in memory and stops when the accuracy is reached, after the epoch's test: compiling, shuffling,
augmentation and tests count. The data sets are looked for in ../shared/data, beside the repository.

    python benchmarks/engines/accuracy.py mnist --sides tatami
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from accuracy_data import DATA, SHIFT, load
from accuracy_worker import MOMENTUM, TASKS
from machine import Machine
from report import markdown, spread
from rounds import busy_seconds, say

WORKER = Path(__file__).parent / "accuracy_worker.py"
SIDES = ("tatami", "torch-channels-last")
INTRODUCTION = """\
Network, first weights, recipe and batches are the same. The clock starts when the data are in memory; compiling,
shuffling, augmentation and the test after each epoch count. `make bench-accuracy` repeats."""


def train(name: str, side: str, options: list[str]) -> dict:
    """The epochs that one process told, and its exit status with the last line of its errors."""
    command = [sys.executable, str(WORKER), name, side, *options]
    epochs, before = [], busy_seconds()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            epochs.append(json.loads(line))
            told = f"{epochs[-1]['accuracy']:.4f} after {epochs[-1]['seconds']:.1f} s"
            say(f"{name} {side}, epoch {epochs[-1]['epoch']}: {told}")
        errors = process.stderr.read().strip().splitlines()
    found = {"epochs": epochs, "others": busy_seconds() - before}
    return found | ({"error": errors[-1] if errors else "ended"} if process.returncode else {})


def reached(result: dict, target: float) -> bool:
    return "error" not in result and bool(result["epochs"]) and result["epochs"][-1]["accuracy"] >= target


def cells(name: str, results: list[dict]) -> tuple[str, str, str, str]:
    """Seconds to the target, those without the tests, epochs, and the accuracy at the end."""
    target = TASKS[name].target
    failed = next((result["error"] for result in results if "error" in result), None)
    if failed:
        return (f"failed: {failed}".replace("|", "/"), "", "", "")
    last = [result["epochs"][-1] for result in results]
    accuracy = spread([100 * epoch["accuracy"] for epoch in last])
    if not all(reached(result, target) for result in results):
        return ("not reached", "", str(last[0]["epoch"]), accuracy)
    seconds, tests = [epoch["seconds"] for epoch in last], [epoch["testing"] for epoch in last]
    trained = [a - b for a, b in zip(seconds, tests, strict=True)]
    return (spread(seconds), spread(trained), spread([epoch["epoch"] for epoch in last]), accuracy)


def report(found: dict[str, dict[str, list[dict]]], about: str) -> str:
    lines = ["# Time to an accuracy, beside PyTorch", "", about, ""]
    lines += ["Network, first weights, recipe and batches are the same. The clock starts when the data are in memory;"]
    lines += [
        "compiling, shuffling, augmentation and the test after each epoch count.",
        "`make bench-accuracy` repeats.",
    ]
    for name, sides in found.items():
        task = TASKS[name]
        lines += [
            "",
            f"## {task.target:.0%} of the test images of {task.title}",
            "",
            *(f"    {line}" for line in task.net.strip().splitlines()),
            "",
        ]
        extra = f"; shifts by up to {SHIFT} pixels and flips" if task.augmented else ""
        lines += [
            f"SGD, momentum {MOMENTUM}, weight decay {task.weight_decay:g}, batches of {task.batch}; the learning rate "
            f"in one cycle of {task.epochs} epochs up to {task.lr:g}{extra}.",
            "",
        ]
        rows = [
            (side.replace("torch-", "PyTorch "), *cells(name, results)) for side, results in sides.items() if results
        ]
        lines += markdown(("side", "seconds", "without tests", "epochs", "accuracy at the end, %"), rows)[:-1]
        mine, *its = (results for results in sides.values())
        pairs = [(a, b) for other in its for a, b in zip(mine, other, strict=False)]
        if pairs and all(reached(result, task.target) for pair in pairs for result in pair):
            ratios = [b["epochs"][-1]["seconds"] / a["epochs"][-1]["seconds"] for a, b in pairs]
            lines += ["", f"PyTorch takes {spread(ratios)} times as long: {statistics.median(ratios):.2f}."]
        busy = [r["others"] / r["epochs"][-1]["seconds"] for results in sides.values() for r in results if r["epochs"]]
        if busy:
            lines += ["", f"Cores' worth of work of other processes meanwhile: {spread(busy)}."]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}; all unless given")
    parser.add_argument("--sides", nargs="+", default=list(SIDES), help="such as tatami torch-eager")
    parser.add_argument("--engine", default="cpu", help="tatami's engine")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--samples", type=int, help="of each part of the data, to see that all works")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parents[1] / "RESULTS-accuracy.md")
    given = parser.parse_args()
    unknown = [task for task in given.tasks if task not in TASKS]
    if unknown:
        parser.error(f"no such task: {unknown[0]}; there are {', '.join(TASKS)}")
    if not DATA.is_dir():
        sys.exit("the data sets are not in ../shared/data, beside the repository")
    machine = Machine()
    options = ["--engine", given.engine] + (["--samples", str(given.samples)] if given.samples else [])
    found: dict[str, dict[str, list[dict]]] = {}
    for name in given.tasks or TASKS:
        load(name)  # decodes the pictures, once
        found[name] = {side: [] for side in given.sides}
        for i in range(given.rounds):
            for side in given.sides[::-1] if i % 2 else given.sides:
                found[name][side].append(train(name, side, options))
            given.output.write_text(report(found, machine.about(given.engine, given.rounds)), encoding="utf-8")
    print(given.output.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
