"""Foretold and measured memory as Markdown, the aims beside it."""

from __future__ import annotations

from collections.abc import Sequence

from foretold import constants_text
from memory_fit import Constants, Row, calibrate, worst
from memory_search import TOLERANCE, Found
from report import markdown

ALLOCATED_AIM, RESERVED_AIM, LARGEST_AIM = 0.02, 0.05, 0.95
MIB = 2**20

INTRODUCTION = f"""\
Each step is a process of its own. *Allocated* is `torch.cuda.max_memory_allocated` of three steps after two others,
*reserved* `max_memory_reserved`, *driver* what `nvidia-smi` says of the card at the end less what it said before the
process began: context and libraries included. Foretold is what `tatami plan` says, without having seen this card. An
error is foretold / measured - 1: above 0, too much was foretold. The largest batch is found by running it, to
{TOLERANCE:.0%}: "96 to 98" means that 96 ran and 99 did not. Where the foretold one is in bold, it did not run.
Networks marked * are those on which constants are fitted, below; the aims are held against the others."""


def report(rows: Sequence[Row], about: str) -> str:
    lines = ["# The memory of a step on a card, foretold and measured", "", about, "", INTRODUCTION, ""]
    lines += [*aims(rows), *bytes_table(rows), *largest_table(rows), *constants_table(rows)]
    failed = [f"- {case(row)}: {row.measured['error']}" for row in rows if "error" in row.measured]
    failed += [f"- {case(row)}, largest batch: {row.largest}" for row in rows if isinstance(row.largest, str)]
    return "\n".join([*lines, *(["## What failed", "", *failed, ""] if failed else [])])


def aims(rows: Sequence[Row]) -> list[str]:
    """What is asked of the networks that nothing was fitted on."""
    others = [row for row in rows if not row.calibrates]
    table = []
    for what, aim in (("allocated", ALLOCATED_AIM), ("reserved", RESERVED_AIM)):
        error = worst([row.error(what) for row in others])
        if error is not None:
            row = next(row for row in others if row.error(what) == error)
            table.append(
                (f"{what}, the largest error: {case(row)}", percent(error), f"within {aim:.0%}", abs(error) <= aim)
            )
    found = [(row, row.largest) for row in others if isinstance(row.largest, Found)]
    if found:
        large = [case(row) for row, one in found if not one.never_too_large]
        told = ", ".join(large) or "none"
        table.append(("foretold largest batches that did not run", told, "none", not large))
        row, one = min(found, key=lambda pair: pair[1].share)
        title = f"foretold largest batch, the smallest share of the true one: {case(row)}"
        table.append((title, f"{one.share:.1%}", f">= {LARGEST_AIM:.0%}", one.share >= LARGEST_AIM))
    if not table:
        return []
    cells = [(*row[:3], "yes" if row[3] else "**no**") for row in table]
    return ["## Aims", "", *markdown(("what", "measured", "aim", "reached"), cells)]


def bytes_table(rows: Sequence[Row]) -> list[str]:
    cells = []
    for row in rows:
        columns: list[str] = []
        for what in ("allocated", "reserved", "driver"):
            columns += [mib(getattr(row.foretold, what)), mib(row.measured.get(what)), percent(row.error(what))]
        cells.append((marked(row), row.dtype, row.optimizer, row.batch, *columns))
    titles = ["network", "dtype", "optimizer", "batch"]
    for what in ("allocated", "reserved", "driver"):
        titles += [f"{what}, foretold", "measured", "error"]
    return ["## Bytes of a step, MiB", "", *markdown(titles, cells)]


def largest_table(rows: Sequence[Row]) -> list[str]:
    cells = []
    for row in rows:
        found = row.largest
        if not isinstance(found, Found):
            continue
        foretold = f"{found.predicted}" if found.never_too_large else f"**{found.predicted}**"
        most = found.largest if found.failed is None else found.failed - 1
        true = f"{found.largest}" if most == found.largest else f"{found.largest} to {most}"
        if found.failed is None:
            true += " or more"
        cells.append((marked(row), row.dtype, row.optimizer, foretold, true, f"{found.share:.1%}", found.tries))
    titles = ("network", "dtype", "optimizer", "foretold", "ran", "share, at least", "tries")
    return ["## The largest batch", "", *markdown(titles, cells)] if cells else []


def constants_table(rows: Sequence[Row]) -> list[str]:
    """The constants that the marked networks give, and what they are worth on the others."""
    constants = calibrate(rows)
    if constants is None:
        return []
    others = [row for row in rows if not row.calibrates]
    note = (
        f"Fitted on the networks marked *: {mib(constants.outside)} MiB outside the allocator (the most), "
        f"{mib(constants.workspace)} MiB\nof tensors that the plan does not know (the median), a margin of "
        f"{constants.margin:.2%} on reserved (so that none is above it).\n"
        f"The plan has {constants_text()}.\nErrors on the others, as the plan is, and with the fitted constants:"
    )
    cells = [
        (row.title, row.dtype, row.optimizer, *map(percent, _with_and_without(row, constants)))
        for row in others
        if "error" not in row.measured
    ]
    titles = ("network", "dtype", "optimizer", "allocated", "fitted", "driver", "fitted")
    return ["## Calibration", "", note, "", *markdown(titles, cells)]


def _with_and_without(row: Row, constants: Constants) -> tuple[float | None, ...]:
    return row.error("allocated"), constants.allocated(row), row.error("driver"), constants.driver(row)


# --- cells ---


def case(row: Row) -> str:
    return f"{row.title}, {row.dtype}, {row.optimizer}"


def marked(row: Row) -> str:
    return f"{row.title} *" if row.calibrates else row.title


def mib(count: int | None) -> str:
    return "" if count is None else f"{count / MIB:,.1f}" if abs(count) < 100 * MIB else f"{count / MIB:,.0f}"


def percent(error: float | None) -> str:
    return "" if error is None else f"{error:+.2%}"
