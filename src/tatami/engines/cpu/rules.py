"""From ops to kernel calls: :func:`forward` and :func:`backward` by the type of the layer.

An op of the plan names layers and places; here each finds its family's kernels and the addresses they need. What the
kernels do stands in the family's own file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu import (
    activation,
    batch_norm,
    bias,
    copying,
    dense,
    dropout,
    layer_norm,
    losses,
    merge,
    pool,
    response_norm,
    scale,
    shape_ops,
)
from tatami.engines.cpu import softmax as softmax_kernels
from tatami.engines.cpu.clock import Clock
from tatami.engines.cpu.kernels import Call
from tatami.engines.cpu.memory import Room, Tensors, aligned_array
from tatami.engines.cpu.methods import find_method
from tatami.engines.cpu.places import STRAIGHT, Bend, Map
from tatami.network.layers import (
    Activation,
    Add,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    LayerNorm,
    LocalResponseNorm,
    Multiply,
    Pool,
    Scale,
    Shuffle,
    Slice,
    Softmax,
)
from tatami.plan.groups import Group
from tatami.plan.ops import Backward, Copy, Forward, LossStep, Op, Remake, Target, Zero
from tatami.plan.workspace import packed_bytes


@dataclass
class Site:
    """What the calls of a program are made for.

    Attributes:
        room: where the arena's tensors lie.
        weights: all parameters.
        gradients: their gradients; None at inference.
        clock: what changes from step to step.
        loss: address of the mean loss.
        constants, preparation: at inference, memory for folded and packed weights, and the calls that fill it.
    """

    room: Room
    weights: Tensors
    gradients: Array | None
    clock: Clock
    loss: int
    constants: list[Array] = field(default_factory=list)
    preparation: list[Call] = field(default_factory=list)

    def parameter(self, node: str, name: str) -> int:
        """The address of a parameter, 0 if the layer has none of this name."""
        return self._address(self.weights.flat, f"{node}.{name}")

    def gradient(self, node: str, name: str) -> int:
        """The address of a parameter's gradient, 0 if there is none of this name."""
        assert self.gradients is not None
        return self._address(self.gradients, f"{node}.{name}")

    def _address(self, flat: Array, name: str) -> int:
        start = self.weights.starts.get(name)
        return 0 if start is None else int(flat.ctypes.data) + start * flat.itemsize

    def scratch(self, op: Forward | Backward | Remake | LossStep) -> int:
        """The address of the op's scratch memory."""
        return self.room.address(op.scratch) if op.scratch else 0

    def own(self, op: Forward | Backward, role: str) -> int:
        """The address of what the layer keeps, 0 if it keeps none."""
        return self.room.address(op.own[role]) if role in op.own else 0

    def constant(self, size: int) -> int:
        """Memory that lives as long as the program."""
        self.constants.append(aligned_array(size, np.dtype(np.uint8)))
        return int(self.constants[-1].ctypes.data)


def bend_of(group: Group) -> Bend:
    """The fused activation as kernels take it."""
    fused = activation.bend_of(group.activation) if group.activation is not None else None
    return fused or STRAIGHT


def calls_of(op: Op, site: Site) -> list[Call]:
    """The kernel calls of one op."""
    room = site.room
    match op:
        case Forward():
            return forward(op.group.layer, op, site)
        case Backward():
            return backward(op.group.layer, op, site)
        case Remake():
            return remake(op, site)
        case Copy():
            return copying.copy(room.map(op.source), room.map(op.target), op.add)
        case Zero():
            return copying.zero(room.map(op.target))
        case LossStep():
            loss, labels = room.program.settings.loss, room.address(op.labels)
            targets = loss.takes_targets
            return losses.loss_and_gradient(
                loss,
                room.map(op.scores),
                0 if targets else labels,
                labels if targets else 0,
                room.map(op.gradient) if op.gradient else None,
                site.loss,
                site.scratch(op),
            )
        case _:
            raise NotImplementedError(type(op).__name__)


@singledispatch
def forward(layer: Layer, op: Forward, site: Site) -> list[Call]:
    """The calls of a group's forward pass."""
    raise NotImplementedError(f"the cpu engine has no rule for {layer.keyword}")


@singledispatch
def backward(layer: Layer, op: Backward, site: Site) -> list[Call]:
    """The calls of a group's backward pass."""
    raise NotImplementedError(f"the cpu engine has no rule for {layer.keyword}")


def maps(op: Forward, site: Site) -> tuple[Map, Map]:
    """Input and output of a layer with one input."""
    return site.room.map(op.inputs[0]), site.room.map(op.output)


def ways_back(op: Backward, site: Site) -> tuple[Map, Map, Map, Map, bool]:
    """Input, output, gradient of the output, gradient of the input, and whether that is added."""
    (target,) = op.targets
    assert target is not None
    room = site.room
    return room.map(op.inputs[0]), room.map(op.output), room.map(op.gradient), room.map(target.place), target.add


# --- convolutions ---


@forward.register
def _(layer: Conv, op: Forward, site: Site) -> list[Call]:
    x, y = maps(op, site)
    method = find_method(op.method, site.room)
    size = packed_bytes(layer, x.shape, op.method, "forward", site.room.dtype.itemsize)
    weight, shift = site.parameter(op.node, "weight"), site.parameter(op.node, "bias")
    if site.gradients is not None:
        packed = site.scratch(op)
        return [
            *method.pack(layer, x.shape, weight, packed),
            *method.forward(layer, x, y, packed if size else weight, shift, bend_of(op.group), packed + size),
        ]
    if op.group.norm is not None:
        weight, shift = _folded(layer, op.group, x, weight, shift, site)
    packed = site.constant(size) if size else weight
    site.preparation += method.pack(layer, x.shape, weight, packed)
    calls: list[Call] = method.forward(layer, x, y, packed, shift, bend_of(op.group), site.scratch(op))
    return calls


def _folded(layer: Conv, group: Group, x: Map, weight: int, shift: int, site: Site) -> tuple[int, int]:
    """Weights and bias with the batch norm behind them worked in."""
    norm = group.norm
    assert norm is not None
    assert isinstance(norm.layer, BatchNorm)
    itemsize, K = site.room.dtype.itemsize, layer.filters
    rows = layer.parameters(x.shape)["weight"].size // K
    new_weight, new_shift = site.constant(rows * K * itemsize), site.constant(K * itemsize)
    scale, offset, mean, variance = (
        site.parameter(norm.name, name) for name in ("weight", "bias", "running_mean", "running_var")
    )
    site.preparation += batch_norm.fold(
        norm.layer, weight, shift, rows, K, scale, offset, mean, variance, new_weight, new_shift
    )
    return new_weight, new_shift


@backward.register
def _(layer: Conv, op: Backward, site: Site) -> list[Call]:
    return [call for calls in gradients_of_conv(op, site).values() for call in calls]


def gradients_of_conv(op: Backward, site: Site) -> dict[str, list[Call]]:
    """The calls of a convolution's backward pass by what they make: bias, backward_weights, backward_data."""
    layer = op.group.layer
    assert isinstance(layer, Conv)
    room, scratch, name = site.room, site.scratch(op), op.node
    x, y, dy = room.map(op.inputs[0]), room.map(op.output), room.map(op.gradient)
    calls = {"bias": bias.bend_and_bias_backward(y, dy, bend_of(op.group), site.gradient(name, "bias"), scratch)}
    by_weights = find_method(op.methods["backward_weights"], room)
    calls["backward_weights"] = by_weights.backward_weights(layer, x, dy, site.gradient(name, "weight"), scratch)
    (target,) = op.targets
    if target is not None:
        by_data = find_method(op.methods["backward_data"], room)
        weight, dx = site.parameter(name, "weight"), room.map(target.place)
        size = packed_bytes(layer, x.shape, op.methods["backward_data"], "backward_data", room.dtype.itemsize)
        calls["backward_data"] = [
            *by_data.pack_backward(layer, x.shape, weight, scratch),
            *by_data.backward_data(layer, dy, dx, scratch if size else weight, target.add, scratch + size),
        ]
    return calls


@forward.register
def _(layer: Dense, op: Forward, site: Site) -> list[Call]:
    x, y = maps(op, site)
    weight, shift = site.parameter(op.node, "weight"), site.parameter(op.node, "bias")
    return dense.forward(layer, x, y, weight, shift, bend_of(op.group), site.scratch(op))


@backward.register
def _(layer: Dense, op: Backward, site: Site) -> list[Call]:
    room, scratch, name = site.room, site.scratch(op), op.node
    x, y, dy = room.map(op.inputs[0]), room.map(op.output), room.map(op.gradient)
    calls = bias.bend_and_bias_backward(y, dy, bend_of(op.group), site.gradient(name, "bias"), scratch)
    calls += dense.backward_weights(layer, x, dy, site.gradient(name, "weight"), scratch)
    (target,) = op.targets
    if target is not None:
        weight = site.parameter(name, "weight")
        calls += dense.backward_data(layer, dy, room.map(target.place), weight, target.add, scratch)
    return calls


# --- pooling ---


@forward.register
def _(layer: Pool, op: Forward, site: Site) -> list[Call]:
    return pool.forward(layer, *maps(op, site), site.own(op, "places"))


@backward.register
def _(layer: Pool, op: Backward, site: Site) -> list[Call]:
    _, _, dy, dx, add = ways_back(op, site)
    return pool.backward(layer, dy, dx, site.own(op, "places"), add)


@forward.register
def _(layer: GlobalAveragePool, op: Forward, site: Site) -> list[Call]:
    return pool.forward_mean(*maps(op, site))


@backward.register
def _(layer: GlobalAveragePool, op: Backward, site: Site) -> list[Call]:
    _, _, dy, dx, add = ways_back(op, site)
    return pool.backward_mean(dy, dx, add)


# --- normalisation ---


@forward.register
def _(layer: BatchNorm, op: Forward, site: Site) -> list[Call]:
    x, y = maps(op, site)
    shortcut = site.room.map(op.shortcut) if op.shortcut else None
    name, bend, scratch = op.node, bend_of(op.group), site.scratch(op)
    weight, shift = site.parameter(name, "weight"), site.parameter(name, "bias")
    if site.gradients is None:
        mean, variance = site.parameter(name, "running_mean"), site.parameter(name, "running_var")
        return batch_norm.forward_inference(layer, x, y, weight, shift, mean, variance, bend, shortcut, scratch)
    statistics = site.own(op, "statistics")
    return batch_norm.forward(layer, x, y, weight, shift, statistics, bend, shortcut, scratch)


@backward.register
def _(layer: BatchNorm, op: Backward, site: Site) -> list[Call]:
    room, name = site.room, op.node
    (target,) = op.targets

    def where(target: Target | None) -> Map | None:
        return room.map(target.place) if target else None

    return batch_norm.backward(
        layer,
        room.map(op.inputs[0]),
        room.map(op.output) if op.group.shortcut else None,  # else the output's sign follows from x
        room.map(op.gradient),
        where(target),
        site.parameter(name, "weight"),
        site.parameter(name, "bias"),
        site.own(op, "statistics"),
        site.gradient(name, "weight"),
        site.gradient(name, "bias"),
        bend_of(op.group),
        where(op.shortcut),
        bool(target and target.add),
        bool(op.shortcut and op.shortcut.add),
        site.scratch(op),
    )


def remake(op: Remake, site: Site) -> list[Call]:
    """The calls that make a batch norm's output again."""
    x, y = site.room.map(op.inputs[0]), site.room.map(op.output)
    weight, shift = site.parameter(op.node, "weight"), site.parameter(op.node, "bias")
    statistics = site.room.address(op.own["statistics"])
    return batch_norm.remake(x, y, weight, shift, statistics, bend_of(op.group), site.scratch(op))


def running_statistics(op: Op, site: Site) -> list[Call]:
    """The calls by which a real step moves running statistics."""
    if not (isinstance(op, Forward) and isinstance(op.group.layer, BatchNorm) and op.own) or op.phase != "forward":
        return []  # run again, it has seen the same
    mean, variance = site.parameter(op.node, "running_mean"), site.parameter(op.node, "running_var")
    x = site.room.map(op.inputs[0])
    return batch_norm.update_running(op.group.layer, x, site.own(op, "statistics"), mean, variance)


@forward.register
def _(layer: LayerNorm, op: Forward, site: Site) -> list[Call]:
    weight, shift = site.parameter(op.node, "weight"), site.parameter(op.node, "bias")
    return layer_norm.forward(layer, *maps(op, site), weight, shift, site.own(op, "statistics"))


@backward.register
def _(layer: LayerNorm, op: Backward, site: Site) -> list[Call]:
    room, name = site.room, op.node
    (target,) = op.targets
    return layer_norm.backward(
        layer,
        room.map(op.inputs[0]),
        room.map(op.gradient),
        room.map(target.place) if target else None,
        site.parameter(name, "weight"),
        site.own(op, "statistics"),
        site.gradient(name, "weight"),
        site.gradient(name, "bias"),
        bool(target and target.add),
        site.scratch(op),
    )


@forward.register
def _(layer: LocalResponseNorm, op: Forward, site: Site) -> list[Call]:
    return response_norm.forward(layer, *maps(op, site))


@backward.register
def _(layer: LocalResponseNorm, op: Backward, site: Site) -> list[Call]:
    x, _, dy, dx, add = ways_back(op, site)
    return response_norm.backward(layer, x, dy, dx, add, site.scratch(op))


# --- value by value ---


@forward.register
def _(layer: Activation, op: Forward, site: Site) -> list[Call]:
    return activation.forward(layer, *maps(op, site))


@backward.register
def _(layer: Activation, op: Backward, site: Site) -> list[Call]:
    x, y, dy, dx, add = ways_back(op, site)
    return activation.backward(layer, x, y, dy, dx, add)


@forward.register
def _(layer: Softmax, op: Forward, site: Site) -> list[Call]:
    return softmax_kernels.forward(*maps(op, site))


@backward.register
def _(layer: Softmax, op: Backward, site: Site) -> list[Call]:
    _, y, dy, dx, add = ways_back(op, site)
    return softmax_kernels.backward(y, dy, dx, add)


@forward.register
def _(layer: Dropout, op: Forward, site: Site) -> list[Call]:
    x, y = maps(op, site)
    if site.gradients is None:
        return copying.copy(x, y, False)
    nodes = site.room.program.network.nodes
    place = next(i for i, node in enumerate(nodes) if node.name == op.node)
    return dropout.forward(layer, x, y, site.own(op, "mask"), site.clock.address, place)


@backward.register
def _(layer: Dropout, op: Backward, site: Site) -> list[Call]:
    _, _, dy, dx, add = ways_back(op, site)
    return dropout.backward(layer, dy, dx, site.own(op, "mask"), add)


@forward.register
def _(layer: Scale, op: Forward, site: Site) -> list[Call]:
    return scale.forward(*maps(op, site), site.parameter(op.node, "weight"))


@backward.register
def _(layer: Scale, op: Backward, site: Site) -> list[Call]:
    room = site.room
    (target,) = op.targets
    return scale.backward(
        room.map(op.inputs[0]),
        room.map(op.gradient),
        room.map(target.place) if target else None,
        site.parameter(op.node, "weight"),
        site.gradient(op.node, "weight"),
        bool(target and target.add),
        site.scratch(op),
    )


# --- merges, and values moved ---


@forward.register
def _(layer: Add, op: Forward, site: Site) -> list[Call]:
    inputs = [site.room.map(place) for place in op.inputs]
    return merge.add_forward(inputs, site.room.map(op.output), bend_of(op.group))


@backward.register
def _(layer: Add, op: Backward, site: Site) -> list[Call]:
    """Bent back in place; the sum hands the gradient on as it is."""
    return bias.bend_and_bias_backward(site.room.map(op.output), site.room.map(op.gradient), bend_of(op.group), 0, 0)


@forward.register
def _(layer: Multiply, op: Forward, site: Site) -> list[Call]:
    return merge.multiply_forward([site.room.map(place) for place in op.inputs], site.room.map(op.output))


@backward.register
def _(layer: Multiply, op: Backward, site: Site) -> list[Call]:
    room = site.room
    inputs, dy = [room.map(place) for place in op.inputs], room.map(op.gradient)
    calls: list[Call] = []
    for index, target in enumerate(op.targets):
        if target is not None:
            dx = room.map(target.place)
            calls += merge.multiply_backward(inputs, index, dy, dx, target.add, site.scratch(op))
    return calls


@forward.register(Flatten)
@forward.register(Slice)
def _(layer: Layer, op: Forward, site: Site) -> list[Call]:
    """Only where the output is no view: a copy, value by value in the same order."""
    x, y = maps(op, site)
    if not isinstance(layer, Slice):
        return copying.copy(x, Map(y.address, x.shape, x.channels), False)
    start = x.address + layer.start * site.room.dtype.itemsize
    return copying.copy(Map(start, y.shape, x.stride), y, False)


@forward.register
def _(layer: Shuffle, op: Forward, site: Site) -> list[Call]:
    return shape_ops.shuffle_forward(layer, *maps(op, site))


@backward.register
def _(layer: Shuffle, op: Backward, site: Site) -> list[Call]:
    _, _, dy, dx, add = ways_back(op, site)
    return shape_ops.shuffle_backward(layer, dy, dx, add)
