"""Training steps, inference and starts of the CPU engine beside PyTorch and ONNX Runtime. Writes ../RESULTS.md.

Run by `make bench`, which installs what is compared; about half an hour. Parts and cases can be chosen:

    python benchmarks/engines/run.py training --only lenet resnet20 --rounds 3
    python benchmarks/engines/run.py --quick
    python benchmarks/engines/run.py inference start --json found.json --add    (behind a run of the other parts)

Each measurement is a process of its own (worker.py), the sides in turn (rounds.py): the threads of PyTorch keep
spinning after a call and would slow a neighbour in the same process.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cases import CASES
from machine import Machine
from report import report
from rounds import Settings, known, measure, measure_peak, measure_starts

PARTS = tuple(CASES)
QUICK = ["lenet", "fcn", "mobilenet_v2_1"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all unless given")
    parser.add_argument("--only", nargs="+", default=[], metavar="CASE", help="such as lenet vgg16")
    parser.add_argument("--sides", nargs="+", default=[], help="such as tatami torch-eager")
    parser.add_argument("--engine", default="cpu", help="tatami's engine")
    parser.add_argument("--rounds", type=int, default=5, help="that count; of inference at most 3")
    parser.add_argument("--seconds", type=float, default=1.5, help="of measuring in each process, about")
    parser.add_argument("--quick", action="store_true", help="one round of a few small cases, to see that all works")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parents[1] / "RESULTS.md")
    parser.add_argument("--json", type=Path, help="where to keep the results of every round as well")
    parser.add_argument("--add", action="store_true", help="to what --json holds already, from this machine")
    given = parser.parse_args()
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        parser.error(f"no such part: {unknown[0]}; there are {', '.join(PARTS)}")
    if given.quick:
        given.rounds, given.seconds = min(given.rounds, 1), 0.3
        given.only = given.only or QUICK
    settings = Settings(given.engine, given.rounds, given.seconds, tuple(given.sides))

    machine = Machine()
    found: dict = {"peak": [], **{part: {} for part in PARTS}}
    if given.add and given.json and given.json.exists():
        found.update(json.loads(given.json.read_text(encoding="utf-8")))

    def save() -> None:
        text = report(found, machine.about(given.engine, given.rounds))
        given.output.write_text(text, encoding="utf-8")
        if given.json:
            given.json.write_text(json.dumps(found), encoding="utf-8")

    for part in given.parts or PARTS:
        names = known(part, given.only)
        if part == "start":
            measure_starts(names, settings, found["start"], save)
            continue
        if part == "training":
            found["peak"].append(measure_peak())
        measure(part, names, settings, found[part], save)
        if part == "training":
            found["peak"].append(measure_peak())
    save()
    print(given.output.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
