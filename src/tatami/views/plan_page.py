"""A plan as one HTML page: drawing, totals, layers, memory."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tatami.plan import Plan
from tatami.plan.memory import Memory
from tatami.views.drawing import network_svg
from tatami.views.numbers import bytes_text, percent, short
from tatami.views.page import facts_html, page
from tatami.views.plan_html import plan_html
from tatami.views.plan_rows import field_text
from tatami.views.timeline import timeline_svg

_COLOURS = ("#5b8cc0", "#8d6cab", "#6fa26f", "#b9b4a6", "#e2ab4f", "#cb6a4e")


def plan_page(plan: Plan, title: str, notation: str, remarks: Sequence[str] = ()) -> str:
    """The whole page.

    Args:
        plan: any plan.
        title: what the network is called.
        notation: its text.
        remarks: lines of plain text below the notation.
    """
    memory = plan.memory
    step = "a training step" if memory.training else "inference"
    return page(
        title,
        [
            facts_html(_facts(plan)),
            f"<pre>{escape(notation.strip())}</pre>",
            *([f"<pre>{escape(chr(10).join(remarks))}</pre>"] if remarks else []),
            f"<div class=scroll>{network_svg(plan)}</div>",
            "<p class=small>Blocks are drawn to scale: sides by the square root of the positions, thickness by the "
            "logarithm of the depth. Edges are element-wise layers. Rest the pointer on a block for its figures.</p>",
            f"<h2>Memory of {step}, batch {memory.batch}, {memory.dtype}, engine {escape(memory.engine)}</h2>",
            _by_kind(memory),
            f"<div class=scroll>{timeline_svg(memory)}</div>",
            f"<p class=small>Every map once, 4 bytes a value: {bytes_text(memory.textbook_forward_bytes)} forward, "
            f"{bytes_text(memory.textbook_training_bytes)} with backward.</p>",
            "<h2>Layers</h2>",
            *_notes(plan),
            plan_html(plan),
        ],
    )


def _facts(plan: Plan) -> list[tuple[str, str]]:
    totals = plan.totals
    field = "no single one" if totals.field.why == "misaligned" else field_text(totals.field)
    return [
        ("parameters", f"{totals.params:,}"),
        *([("running statistics", f"{totals.buffers:,}")] if totals.buffers else []),
        ("MACs", short(totals.macs)),
        ("FLOPs = 2 x MACs", short(totals.flops)),
        ("activations", f"{totals.activation_values:,} values"),
        ("receptive field", f"{field}, sees {percent(plan.seen_fraction)} of the input"),
        ("peak memory", f"{bytes_text(plan.memory.peak_bytes)}, batch {plan.memory.batch}"),
    ]


def _by_kind(memory: Memory) -> str:
    """A bar of the kinds, each with its bytes."""
    kinds = {
        "weights": memory.weights,
        "gradients": memory.gradients,
        "optimizer": memory.optimizer,
        "input": memory.input,
        "activations": memory.activations,
        "workspace": memory.workspace,
    }
    parts, keys = [], []
    for (name, count), colour in zip(kinds.items(), _COLOURS, strict=True):
        if count:
            words = f"{name} {bytes_text(count)}"
            parts.append(f"<div style='flex:{count} 0 0;background:{colour}' title='{words}'></div>")
            keys.append(f"<li><i style='background:{colour}'></i>{words}</li>")
    return f"<div class=bar>{''.join(parts)}</div><ul class=keys>{''.join(keys)}</ul>"


def _notes(plan: Plan) -> list[str]:
    notes = [f"{cost.name}: {note}" for cost in plan.layers for note in cost.notes]
    return [f"<p class=small>Note: {escape(note)}</p>" for note in notes]
