"""tatami's torch engine beside a hand-written PyTorch loop, and foretold step times: RESULTS-gpu-speed.md.

Run by `make bench-gpu-speed` on a machine with a CUDA device that does nothing else; half an hour.

    python benchmarks/gpu_speed.py --only resnet50 --rounds 3
    python benchmarks/gpu_speed.py --dry-run      (on any machine: walks through it all on the processor)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path[1:1] = [str(HERE / "gpu"), str(HERE / "engines")]

from figures import Sides  # noqa: E402
from gpu_card import DRY, MISSING, about_card, card_text, known_card, run_here, what_is_missing  # noqa: E402
from gpu_cases import GpuCase, chosen  # noqa: E402
from machine import Machine  # noqa: E402
from rounds import say  # noqa: E402
from speed_report import report  # noqa: E402

from tatami.errors import TatamiError  # noqa: E402
from tatami.plan.devices import Device  # noqa: E402

RESULTS = HERE / "RESULTS-gpu-speed.md"
SIDES = ("tatami", "by-hand", "by-hand-tuned", "resident")
SMALL_BATCH = 8  # where the host binds rather than the card
SUPPOSED = Device("this processor, as a card would be foretold", bandwidth_gbs=10, fp32_tflops=0.05, bf16_tflops=0.05)


def with_batches(cases: dict[str, GpuCase], small: int | None) -> dict[str, GpuCase]:
    """Each network on its own batch, and on a small one if given; the key is ``name/batch``."""
    batches = ((name, case, batch) for name, case in cases.items() for batch in (case.batch, small) if batch)
    return {f"{name}/{batch}": case.with_batch(batch) for name, case, batch in batches}


def measure(
    cases: dict[str, GpuCase], rounds: int, run: Callable[[str, GpuCase, str], dict]
) -> Iterator[dict[str, Sides]]:
    """The sides of every case in turn, round after round, given out after each; the first does not count."""
    found: dict[str, Sides] = {}
    for i in range(rounds + 1):
        for key, case in cases.items():
            sides = found.setdefault(key, {})
            for side in SIDES[::-1] if i % 2 else SIDES:
                result = run(key.partition("/")[0], case, side)
                sides.setdefault(side, []).append(result)
                told = f"{1000 * result['median']:.2f} ms" if "median" in result else result["error"]
                say(f"{key} {side}, round {i}, the last is {rounds}: {told}")
        yield found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="such as lenet resnet50")
    parser.add_argument("--rounds", type=int, default=5, help="that count")
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring in each process, about")
    parser.add_argument("--dtype", default="bf16", choices=("float32", "bf16"))
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"), help="cpu: writes nothing")
    parser.add_argument("--dry-run", action="store_true", help="on the processor, with tiny networks; writes nothing")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.dry_run:
        given.device, given.rounds, given.seconds = "cpu", 0, 0.05
    missing = what_is_missing(given.device)
    if missing is not None:
        return refuse(missing)
    try:
        cases = with_batches(chosen(given.only, given.dry_run), None if given.dry_run else SMALL_BATCH)
    except TatamiError as error:
        return refuse(str(error))

    machine, card, about = Machine(), SUPPOSED, DRY
    if given.device == "cuda":
        properties = about_card(sys.executable)
        card, about = known_card(properties["card"]), card_text(properties)

    def run(name: str, case: GpuCase, side: str) -> dict:
        options = ["--batch", case.batch, "--dtype", given.dtype, "--device", given.device, "--seconds", given.seconds]
        return run_here(sys.executable, "speed_worker.py", name, side, *map(str, options))

    for found in measure(cases, given.rounds, run):
        where = f"{machine.about('torch', given.rounds)}\n{about} Computed in {given.dtype}."
        page = report(found, cases, where, given.dtype, card)
        if given.device == "cuda":
            given.output.write_text(page, encoding="utf-8")
    print(page)
    return 0


def refuse(problem: str) -> int:
    """Say why nothing was measured."""
    say(f"gpu_speed: {problem}")
    return MISSING


if __name__ == "__main__":
    sys.exit(main())
