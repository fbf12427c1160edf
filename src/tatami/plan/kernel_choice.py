"""What the CPU engine will run, layer by layer: which layers are one, and how each convolution is computed."""

from __future__ import annotations

from dataclasses import dataclass

from tatami.network.layers import Conv
from tatami.plan.methods import cost, methods_for
from tatami.plan.ops import Backward, Forward, Pass
from tatami.plan.program import Program


@dataclass(frozen=True)
class KernelRow:
    """One group of layers.

    Attributes:
        name: its layers, joined by +.
        type: the keyword of the first.
        methods: by pass, how a convolution is computed; none for other layers.
        others: by pass, the other methods that could, with their cost by the model, as a multiple of the chosen one's.
        scratch: bytes of scratch memory, of the pass that takes most.
    """

    name: str
    type: str
    methods: dict[Pass, str]
    others: dict[Pass, dict[str, float]]
    scratch: int


def kernel_rows(program: Program) -> list[KernelRow]:
    """A row for each group that runs."""
    chosen: dict[str, dict[Pass, str]] = {}
    scratch: dict[str, int] = {}
    for op in program.ops:
        if not isinstance(op, (Forward, Backward)):
            continue
        methods = chosen.setdefault(op.group.name, {})
        if isinstance(op, Forward) and op.method:
            methods["forward"] = op.method
        elif isinstance(op, Backward):
            methods.update(op.methods)
        size = program.buffers[op.scratch].bytes if op.scratch else 0
        scratch[op.group.name] = max(scratch.get(op.group.name, 0), size)
    rows = []
    for group in program.groups:
        if group.name not in chosen:
            continue
        methods, layer = chosen[group.name], group.layer
        others: dict[Pass, dict[str, float]] = {}
        if isinstance(layer, Conv):
            shape, batch = program.network.input_shapes(group.head)[0], program.settings.batch
            for each, method in methods.items():
                mine = cost(layer, shape, method, batch)
                others[each] = {
                    other: cost(layer, shape, other, batch) / mine
                    for other in methods_for(layer, shape, program.settings.itemsize)
                    if other != method
                }
        rows.append(KernelRow(group.name, layer.keyword, methods, others, scratch[group.name]))
    return rows
