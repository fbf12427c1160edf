"""A plan as data: the versioned schema of ``tatami plan --format json``. Keys are only ever added within a version.

plan.schema.json beside this file describes it.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from tatami.plan import Field, LayerCost, Memory, Plan

SCHEMA = "tatami.plan/1"


def plan_json(plan: Plan) -> dict[str, Any]:
    """Plain JSON types.

    ``receptive_field``, ``jump`` and ``offset`` are one number, or a list where the axes differ, or null where there is
    no single field: vectors see everything, and ``notes`` names the layer where misaligned branches meet.
    """
    return {
        "schema": SCHEMA,
        "input": list(plan.input),
        "layers": [_layer(cost) for cost in plan.layers],
        "totals": {
            "params": plan.totals.params,
            "trainable_params": plan.totals.params,
            "buffers": plan.totals.buffers,
            "macs": plan.totals.macs,
            "flops": plan.totals.flops,
            "backward_macs": plan.totals.backward_macs,
            "activation_values": plan.totals.activation_values,
            "receptive_field": _per_axis(plan.totals.field, "size"),
            "seen_fraction": plan.seen_fraction,
        },
        "memory": _memory(plan.memory),
    }


def _memory(memory: Memory) -> dict[str, Any]:
    """Bytes, each key that of :class:`tatami.plan.Memory`; the timeline is left to the views that draw it."""
    values = {field.name: getattr(memory, field.name) for field in fields(memory) if field.name != "timeline"}
    return {**values, "peak_at": asdict(memory.peak_at)}


def _layer(cost: LayerCost) -> dict[str, Any]:
    return {
        "name": cost.name,
        "type": cost.type,
        "output": list(cost.output),
        "params": cost.params,
        "macs": cost.macs,
        "flops": cost.flops,
        "backward_macs": cost.backward_macs,
        "weight_bytes": cost.weight_bytes,
        "activation_values": cost.activation_values,
        "activation_bytes": cost.activation_bytes,
        "intensity": cost.intensity,
        "receptive_field": _per_axis(cost.field, "size"),
        "jump": _per_axis(cost.field, "jump"),
        "offset": _per_axis(cost.field, "start"),
        "notes": list(cost.notes),
    }


def _per_axis(field: Field, attribute: str) -> int | list[int] | None:
    if field.axes is None:
        return None
    values = [getattr(axis, attribute) for axis in field.axes]
    return values[0] if len(set(values)) == 1 else values
