"""The memory of a step on a card, as foretold and as measured, and the true largest batch: RESULTS-gpu-memory.md.

Run by `make bench-gpu-memory` on a machine with a CUDA device that does nothing else; an hour or two, less with a limit
to what the allocator may take, or without the search for the largest batch.

    python benchmarks/gpu_memory.py --only resnet50 --memory-limit 8GB
    python benchmarks/gpu_memory.py --dry-run      (on any machine: walks through it all on the processor)
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

HERE = Path(__file__).parent
sys.path[1:1] = [str(HERE / "gpu"), str(HERE / "engines")]

from foretold import foretell, largest  # noqa: E402
from gpu_card import DRY, MISSING, about_card, card_text, known_card, run_here, taken, what_is_missing  # noqa: E402
from gpu_cases import GpuCase, chosen  # noqa: E402
from machine import Machine  # noqa: E402
from memory_fit import Row  # noqa: E402
from memory_report import report  # noqa: E402
from memory_search import Found, search  # noqa: E402
from memory_worker import OPTIMIZERS  # noqa: E402
from rounds import say  # noqa: E402

from tatami.errors import TatamiError  # noqa: E402
from tatami.network import Network  # noqa: E402
from tatami.plan.devices import parse_memory  # noqa: E402
from tatami.plan.memory import DTYPES, StepSettings  # noqa: E402

RESULTS = HERE / "RESULTS-gpu-memory.md"
DRY_LIMIT = 2**18  # bytes: reached by a few dozen samples of a tiny network
NO_MORE = "out of memory"


class FailedError(Exception):
    """A process ended otherwise than for want of the card's memory."""


class Measuring:
    """Processes that measure on the card, or on the processor in its place.

    Attributes:
        card: what :func:`about_card` says; nothing in a dry run.
        model: the card in the catalogue, None where it is not there.
        limit: bytes that the allocator may take in the search for the largest batch; 0 for all that there are.
    """

    def __init__(self, dry: bool, limit: int) -> None:
        self.dry = dry
        self.card = {} if dry else about_card(sys.executable)
        self.model = None if dry else known_card(self.card["card"])
        self.limit = limit or (DRY_LIMIT if dry else 0)

    def step(self, name: str, settings: StepSettings, optimizer: str, limit: int = 0) -> dict:
        """What a step takes, the driver's bytes less those that were taken before."""
        before = None if self.dry else taken(self.card["uuid"])
        options = ["--batch", settings.batch, "--dtype", settings.dtype, "--optimizer", optimizer, "--limit", limit]
        options += ["--device", "cpu"] if self.dry else ["--uuid", self.card["uuid"]]
        found = run_here(sys.executable, "memory_worker.py", name, *map(str, options))
        if found.get("driver") is not None:
            found["driver"] = None if before is None else found["driver"] - before
        return found

    def largest(self, name: str, network: Network, settings: StepSettings, optimizer: str) -> Found:
        """The true largest batch, beginning from the foretold one."""
        predicted = largest(network, settings, self.model, self.limit or self.card["total"], whole=not self.limit)

        def fits(batch: int) -> bool:
            found = self.step(name, replace(settings, batch=batch), optimizer, self.limit)
            if "error" in found:
                raise FailedError(f"batch {batch}: {found['error']}")
            say(f"{name}, {settings.dtype}, {optimizer}, batch {batch}: {'fits' if found['fits'] else 'does not fit'}")
            return found["fits"]

        return search(fits, predicted)

    def row(self, name: str, case: GpuCase, dtype: str, optimizer: str, searching: bool) -> Row:
        """One line of the tables."""
        network = case.network()
        settings = StepSettings(case.batch, OPTIMIZERS[optimizer], "torch-cpu" if self.dry else "torch", dtype)
        measured = self.step(name, settings, optimizer)
        if measured.get("fits") is False:
            measured = {"error": NO_MORE}
        say(f"{name}, {dtype}, {optimizer}: {measured}")
        found: Found | str | None = None
        if searching:
            try:
                found = self.largest(name, network, settings, optimizer)
            except FailedError as failure:
                found = str(failure)
        return Row(
            case.title,
            case.calibrates,
            dtype,
            optimizer,
            case.batch,
            foretell(network, settings, self.model),
            measured,
            found,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="such as lenet resnet50")
    parser.add_argument("--dtypes", nargs="+", default=list(DTYPES), choices=DTYPES)
    parser.add_argument("--optimizers", nargs="+", default=list(OPTIMIZERS), choices=OPTIMIZERS)
    parser.add_argument("--no-search", action="store_true", help="leave out the largest batch, which takes longest")
    parser.add_argument("--memory-limit", metavar="SIZE", help="for the largest batch, to the allocator: 8GB")
    parser.add_argument("--dry-run", action="store_true", help="on the processor, with tiny networks; writes nothing")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    missing = what_is_missing("cpu" if given.dry_run else "cuda")
    if missing is not None:
        return refuse(missing)
    try:
        cases = chosen(given.only, given.dry_run)
        limit = parse_memory(given.memory_limit) if given.memory_limit else 0
    except TatamiError as error:
        return refuse(str(error))

    machine, measuring, rows = Machine(), Measuring(given.dry_run, limit), []
    for (name, case), dtype, optimizer in product(cases.items(), given.dtypes, given.optimizers):
        rows.append(measuring.row(name, case, dtype, optimizer, not given.no_search))
        page = report(rows, about(machine, measuring))
        if not given.dry_run:
            given.output.write_text(page, encoding="utf-8")
    print(page)
    return 0


def about(machine: Machine, measuring: Measuring) -> str:
    """Where, when, and under which limit."""
    if measuring.dry:
        return DRY
    limit = measuring.limit
    lines = [machine.about("torch", 1), card_text(measuring.card)]
    if limit:
        lines.append(f"In the search for the largest batch the allocator might take {limit / 2**20:,.0f} MiB.")
    return "\n".join(lines)


def refuse(problem: str) -> int:
    """Say why nothing was measured."""
    say(f"gpu_memory: {problem}")
    return MISSING


if __name__ == "__main__":
    sys.exit(main())
