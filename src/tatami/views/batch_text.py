"""The largest batch in words, and as data."""

from __future__ import annotations

from typing import Any

from tatami.plan.batch import LargestBatch
from tatami.plan.cudnn import GPU_CONTEXT, MARGIN
from tatami.views.numbers import bytes_text


def batch_lines(
    found: LargestBatch, narrow: LargestBatch | None, again: LargestBatch | None, summed: LargestBatch | None = None
) -> list[str]:
    """What fits, what binds, and what would move it.

    Args:
        found: as asked.
        narrow: the same in bf16, where that is another question.
        again: with activation checkpointing, where that helps.
        summed: where the gradients of several steps are summed, and so live from step to step.
    """
    settings, memory = found.settings, found.memory
    what = "training" if settings.training else "inference"
    head = (
        f"largest batch    {found.batch} for {what} in {bytes_text(found.limit)} ({settings.dtype}, {settings.engine})"
    )
    if found.batch == 0:
        left = max(0, found.limit - found.reserve)
        head = f"largest batch    0: one sample takes {bytes_text(memory.peak_bytes)}, and {bytes_text(left)} are left"
        if found.reserve:
            head += f"\n                 beside the {bytes_text(GPU_CONTEXT)} of the GPU's context"
    lines = [head]
    share = memory.activations / memory.peak_bytes
    lines.append(
        f"  what binds     {memory.peak_at.phase} of {memory.peak_at.node}; activations are {share:.0%} of the peak"
    )
    lines.append(f"  a sample more  takes {bytes_text(found.per_sample)}")
    if narrow is not None:
        lines.append(f"  in bf16        {found.batch} -> {narrow.batch}")
    if again is not None:
        parts = len(again.settings.segments)
        lines.append(
            f"  checkpointing  {found.batch} -> {again.batch} with {parts} part{'s' * (parts > 1)} run twice, "
            f"+{again.recomputed:.0%} arithmetic"
        )
        lines += [
            f"                 part {i}: {part[0]} to {part[-1]}" for i, part in enumerate(again.settings.segments, 1)
        ]
    if summed is not None and summed.batch:
        lines.append(f"  accumulation   any multiple of {summed.batch}, with the gradients of several steps summed")
    if found.reserve:
        lines.append(f"  assumes        {bytes_text(GPU_CONTEXT)} for the GPU's context")
        lines.append(f"                 and leaves {MARGIN:.0%} free")
    return lines


def batch_json(
    found: LargestBatch, narrow: LargestBatch | None, again: LargestBatch | None, summed: LargestBatch | None = None
) -> dict[str, Any]:
    """The same as data, in bytes."""
    return {
        "max_batch": found.batch,
        "limit_bytes": found.limit,
        "reserve_bytes": found.reserve,
        "peak_bytes": found.memory.peak_bytes,
        "peak_at": vars(found.memory.peak_at),
        "bytes_per_sample": found.per_sample,
        "bf16": None if narrow is None else narrow.batch,
        "accumulated": None if summed is None else summed.batch,
        "checkpointing": None
        if again is None
        else {
            "max_batch": again.batch,
            "segments": [list(part) for part in again.settings.segments],
            "recomputed": again.recomputed,
        },
    }
