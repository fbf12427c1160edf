"""Explanations as text for the terminal, and as data."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tatami.network.layers import size_text
from tatami.plan.cost import FLOAT32
from tatami.plan.explain import Explanation, MemoryExplanation
from tatami.views.numbers import bytes_text

SCHEMA = "tatami.explain/1"
WIDTH = 80  # of running text


def explanation_text(explanations: Sequence[Explanation]) -> str:
    """Each layer's arithmetic, a blank line between layers."""
    return "\n\n".join(map(_layer, explanations))


def _layer(explanation: Explanation) -> str:
    came = " and ".join(map(size_text, explanation.inputs))
    shapes = f"{came} -> {size_text(explanation.output)}" if came else size_text(explanation.output)
    width = max(len(what) for what, _ in explanation.lines)
    return "\n".join(
        [
            f"{explanation.name}  {explanation.type}  {shapes}",
            f"  {explanation.rule}",
            *(f"  {what:<{width}}  {line}" for what, line in explanation.lines),
            *(_filled(f"note: {note}", "  ") for note in explanation.notes),
            *(_filled(f"erratum: {erratum}", "  ") for erratum in explanation.errata),
        ]
    )


def memory_text(memory: MemoryExplanation) -> str:
    """The rows of one sample's memory, their sum in values and bytes, the weights, and what was published otherwise."""
    names = max(len(row.name) for row in memory.rows)
    texts = [str(row) for row in memory.rows]
    values = max(map(len, texts))
    lines = [
        f"{row.name:<{names}}  {text:>{values}}  {f'weights {row.weights:,}' * bool(row.weights)}".rstrip()
        for row, text in zip(memory.rows, texts, strict=True)
    ]
    forward = FLOAT32 * memory.values
    lines += [
        "",
        f"sum              {memory.values:,} values * 4 bytes = {forward:,} bytes = {bytes_text(forward)} a sample",
        f"with backward    about twice that: {bytes_text(2 * forward)}",
        f"weights          {memory.weights:,} without biases; {memory.params:,} parameters in all",
    ]
    if memory.apart_values != memory.values:
        apart = f"{memory.apart_values:,} values = {bytes_text(FLOAT32 * memory.apart_values)}"
        lines.append(f"not in place     {apart}, if activation functions on maps kept their outputs apart")
    return "\n".join([*lines, *("\n" + _filled(f"erratum: {erratum}") for erratum in memory.errata)])


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def explanation_json(explanations: Sequence[Explanation]) -> dict[str, Any]:
    """Plain JSON types."""
    layers = [{**asdict(e), "lines": [{"what": what, "text": text} for what, text in e.lines]} for e in explanations]
    return {"schema": SCHEMA, "layers": layers}


def memory_json(memory: MemoryExplanation) -> dict[str, Any]:
    """Plain JSON types; values of one sample."""
    return {"schema": SCHEMA, "memory": asdict(memory)}
