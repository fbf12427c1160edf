"""A search on the built-in digits, within ten minutes on two cores, into docs/explore.md.

    make explore-digits

Interrupted, it goes on where it was; `rm -r runs/explore-digits` begins anew.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from marked import write_between

DOCS = Path(__file__).parents[1] / "docs" / "explore.md"
FOLDER = Path("runs/explore-digits")

FAMILY = (
    "INPUT -> CONV(16, {3|5}) -> BN -> RELU -> [[CONV({16|24|32}) -> BN -> RELU]*N -> POOL]*M "
    "-> [FC(64) -> RELU]*K -> FC"
)
OPTIONS = [
    *("-D", "N=1..2", "-D", "M=2..3", "-D", "K=0..1"),
    *("--budget", "params < 30k", "--budget", "macs < 7M", "--budget", "memory(batch=64) < 64MB"),
    *("--epochs", "60", "--augment", "strong", "--time", "9.5m"),
]
MOST_PARAMS, LEAST_CORRECT = 30_000, 985  # of the 1,000 test digits


def command() -> list[str]:
    """The words of the command line."""
    return ["tatami", "explore", FAMILY, "sample:digits", *OPTIONS, "--run", str(FOLDER)]


def result(words: list[str], format: str) -> str:
    """What the command prints; its progress goes to stderr."""
    done = subprocess.run([sys.executable, "-m", *words, "--format", format], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def failures(data: dict[str, Any]) -> list[str]:
    """What is not as it must be."""
    best = next(trial for trial in data["trials"] if trial["number"] == data["best"])
    trained = [trial for trial in data["trials"] if not trial["failure"]]
    said = []
    if best["params"] >= MOST_PARAMS:
        said.append(f"the best has {best['params']:,} parameters, not under {MOST_PARAMS:,}")
    if data["tested"]["correct"] < LEAST_CORRECT:
        said.append(f"{data['tested']['text']}: fewer than {LEAST_CORRECT} right")
    if data["as_planned"] < len(trained):
        said.append(f"planned figures differ from measured ones in {len(trained) - data['as_planned']} trials")
    if data["seconds"] > 600:
        said.append(f"it took {data['seconds']:.0f} s, more than 600")
    return said


def main() -> None:
    """Search, write the result, and fail if it is not as it must be."""
    shown = shlex.join(command()[:-2])
    markdown, data = result(command(), "markdown"), json.loads(result(command(), "json"))
    write_between(DOCS, "the result", f"\n    {shown}\n\n{markdown}\n")
    print(markdown)
    for said in failures(data):
        print(f"failed: {said}", file=sys.stderr)
    sys.exit(bool(failures(data)))


if __name__ == "__main__":
    main()
