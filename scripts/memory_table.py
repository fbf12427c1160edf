"""Ring 1 of the memory model: every network of the zoo, foretold and rehearsed, into docs/gpu-memory.md.

    make memory-table

What is foretold is the plan's word for a CPU under a watch; what is seen is PyTorch's: see the docs. Some minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from marked import write_between

from tatami.engines.torch.rehearsal import Rehearsal, rehearse
from tatami.network import build, zoo
from tatami.notation import parse
from tatami.plan.kept import TORCH_CPU
from tatami.plan.program import scored_network
from tatami.plan.schedule import make_schedule
from tatami.recipe import CrossEntropy

DOCS = Path(__file__).parents[1] / "docs" / "gpu-memory.md"
BATCHES = (1, 8, 32)
WATCHED = replace(TORCH_CPU, adds_in_place=False)


@dataclass(frozen=True)
class Row:
    """A network at a batch."""

    net: str
    batch: int
    foretold: Rehearsal
    seen: Rehearsal

    @property
    def cells(self) -> tuple[str, ...]:
        """As in the table."""
        saved, peak = (100 * (a / b - 1) for a, b in zip(self._foretold, self._seen, strict=True))
        return (
            self.net,
            f"{self.batch}",
            *(f"{size:,}" for size in (self.foretold.saved, self.seen.saved)),
            f"{saved:.2f}%",
            *(f"{size:,}" for size in (self.foretold.peak, self.seen.peak)),
            f"{peak:.2f}%",
        )

    @property
    def _foretold(self) -> tuple[int, int]:
        return self.foretold.saved, self.foretold.peak

    @property
    def _seen(self) -> tuple[int, int]:
        return self.seen.saved, self.seen.peak


def rows() -> list[Row]:
    """Every network at every batch."""
    found = []
    for name in zoo.names():
        entry = zoo.read(name)
        network = build(parse(entry.text), input_shape=entry.input_shape, classes=entry.classes)
        schedule = make_schedule(scored_network(network, CrossEntropy()), WATCHED)
        for batch in BATCHES:
            saved = sum(buffer.size(batch) for buffer in schedule.kept())
            foretold = Rehearsal(saved, max(schedule.alive(batch)))
            found.append(Row(name, batch, foretold, rehearse(network, batch)))
            print(*found[-1].cells, sep="  ", flush=True)
    return found


def table(found: list[Row]) -> str:
    """The rows in Markdown, with a line of what they say together."""
    saved = sum(row.foretold.saved == row.seen.saved for row in found)
    peak = sum(row.foretold.peak == row.seen.peak for row in found)
    worst = max(abs(row.foretold.peak / row.seen.peak - 1) for row in found)
    lines = [
        f"PyTorch {torch.__version__.partition('+')[0]}, {len(found)} steps: the saved bytes are equal in {saved} of "
        f"them, the peak in {peak};",
        f"the peak is off by {worst:.2%} at most.",
        "",
        "| network | batch | saved, foretold | seen | off | peak, foretold | seen | off |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *(f"| {' | '.join(row.cells)} |" for row in found),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the table between its marks."""
    write_between(DOCS, "the table", table(rows()))


if __name__ == "__main__":
    main()
