"""The memory of a step on a GPU, term by term: for the terminal, and as data."""

from __future__ import annotations

from typing import Any

from tatami.plan.cuda import CudaMemory
from tatami.views.numbers import bytes_text, percent

_SUMS = ("allocated peak", "reserved peak", "total")


def memory_lines(found: CudaMemory) -> list[str]:
    """Each term a line, and the sums below what they add up."""
    settings, peak = found.settings, found.peak_at
    what = "training" if settings.training else "inference"
    width = max(len(line.name) for line in found.lines)
    texts = [f"memory of {what}, batch {settings.batch}, {settings.dtype}, at {peak.phase} of {peak.node}"]
    for line in found.lines:
        if line.name == "margin" and found.limit is None:
            continue
        mark = "=" if line.name in _SUMS else " "
        texts.append(f"{mark} {line.name:<{width}}  {bytes_text(line.size):>11}  {line.size:>16,}")
    if found.limit is not None:
        verdict = "fits" if found.fits else "does not fit"
        share = percent(found.total / found.limit)
        texts.append(f"  of the card's {bytes_text(found.limit)} that is {share}: it {verdict}")
    return texts


def memory_lines_json(found: CudaMemory) -> dict[str, Any]:
    """The same in bytes; ``lines`` are the terms of the allocated peak."""
    parts = [{"name": part.name, "bytes": part.size} for part in found.parts]
    return {
        "batch": found.settings.batch,
        "lines": parts,
        "rounding_bytes": found.allocated_peak - sum(part.size for part in found.parts),
        "allocated_peak_bytes": found.allocated_peak,
        "unused_bytes": found.reserved_peak - found.allocated_peak,
        "reserved_peak_bytes": found.reserved_peak,
        "context_bytes": found.context,
        "margin_bytes": found.margin,
        "total_bytes": found.total,
        "limit_bytes": found.limit,
        "fits": found.fits,
        "peak_at": vars(found.peak_at),
    }
