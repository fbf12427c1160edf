"""Hold tatami to the figures that it must show, in processes of their own, as a user starts them: `make figures`.

Run by any Python that has tatami. Takes a few minutes. It prints one row a check and exits with 1 when one fails:

- `tatami train` reaches an accuracy of 0.97 on the built-in digits, and `tatami train fcn sample:gunpoint` one of 0.93;
- `tatami plan` of vgg16 and of resnet152 gives their exact counts.

Seconds are those of the whole process: of the one training, or the median of 7 plans. A plan should take less than
0.4 s; since that depends on the machine, it is shown beside the aim, and fails nothing.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import NamedTuple

LEAST_ACCURACY = {("train",): 0.97, ("train", "fcn", "sample:gunpoint"): 0.93}
COUNTS = {
    "vgg16": {
        "params": 138_357_544,
        "macs": 15_470_264_320,
        "activation_values": 15_237_608,
        "receptive_field": 212,
    },
    "resnet152": {"params": 60_192_808, "macs": 11_513_626_624},
}
AIM, TIMES = 0.4, 7  # seconds of a plan, and how many are taken


class Row(NamedTuple):
    """A line of the table."""

    command: str
    figure: str
    wanted: str
    seconds: float
    aim: str
    holds: bool


def run(folder: str, *arguments: str) -> tuple[str, float]:
    """Return what a process of `tatami` prints, and the seconds that it takes; end with its errors when it fails."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "tatami", *arguments], cwd=folder, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit(f"`tatami {' '.join(arguments)}` ended with {done.returncode}:\n{done.stderr}")
    return done.stdout, seconds


def trainings(folder: str) -> Iterator[Row]:
    """Train, and hold the accuracy on the test data against the least that will do."""
    for arguments, least in LEAST_ACCURACY.items():
        out, seconds = run(folder, *arguments)
        match = re.search(r"^test accuracy (\d\.\d+) \(", out, re.MULTILINE)
        accuracy = float(match[1]) if match else 0.0
        yield Row(" ".join(arguments), f"accuracy {accuracy:.4f}", f">= {least}", seconds, "", accuracy >= least)


def plans(folder: str) -> Iterator[Row]:
    """Plan, and hold each count against the published one."""
    for name, counts in COUNTS.items():
        taken = [run(folder, "plan", name, "--format", "json") for _ in range(TIMES)]
        seconds = statistics.median(seconds for _, seconds in taken)
        aim = f"< {AIM}{'' if seconds < AIM else ' missed'}"
        totals = json.loads(taken[0][0])["totals"]
        for figure, wanted in counts.items():
            found = totals[figure]
            yield Row(f"plan {name}", f"{figure} {found:,}", f"{wanted:,}", seconds, aim, found == wanted)


def check() -> None:
    """Print the table; exit with 1 unless all holds."""
    form = "{:<26} {:<34} {:>15} {:>8} {:>13}  {}"
    print(form.format("tatami", "figure", "wanted", "seconds", "aim", "").rstrip(), flush=True)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:  # runs are made in the current folder
        for rows in (plans(folder), trainings(folder)):
            for row in rows:
                verdict = "holds" if row.holds else "FAILS"
                seconds = f"{row.seconds:.2f}"
                print(form.format(row.command, row.figure, row.wanted, seconds, row.aim, verdict), flush=True)
                failures += not row.holds
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    check()
