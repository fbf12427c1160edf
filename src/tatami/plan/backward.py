"""The backward half of a program: where every gradient lies, and who adds to whom.

A gradient that only passes through a layer (ADD, CONCAT, FLATTEN, an activation) keeps its memory; another one for
the same tensor is added to the first by the kernel that makes it. So the sums of residual branches cost no pass.
"""

from __future__ import annotations

from tatami.network.layers import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Flatten,
    Input,
    Scale,
    Slice,
    product,
)
from tatami.plan.groups import Group
from tatami.plan.kept import CPU
from tatami.plan.ops import Backward, Copy, LossStep, Pass, Place, Remake, Target, Zero
from tatami.plan.program import Maker
from tatami.plan.workspace import backward_bytes, forward_bytes, loss_bytes

LABEL_BYTES = 8

ELEMENT_WISE = (Activation, Dropout, Scale)
"""Layers whose gradient may be written over the one that came back."""


def is_remade(maker: Maker, group: Group) -> bool:
    """Whether a group's output is not kept for the backward pass, as it follows in one pass from what is kept anyway.

    It is so for batch norm: its own backward pass needs its input, and its output costs a multiplication and an
    addition a value (the "in-place" batch norm of Rota Bulo et al. 2018, section 3, which keeps the other of the two).
    """
    name = group.last.name
    if not isinstance(group.layer, BatchNorm) or group.shortcut is not None or name not in maker.learns:
        return False
    place = maker.places[name]
    is_alone = place.buffer == maker.buffer_of(name) and place.is_dense
    return is_alone and name not in maker.settings.cuts  # what a segment runs again from is kept


def backward_pass(maker: Maker) -> Place | None:
    """Append the loss and the backward pass to a forward pass; returns where the samples' gradient lies, if wanted."""
    return _Backward(maker).go()


class _Backward:
    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.network, self.settings = maker.network, maker.settings
        self.pending: dict[str, Place] = {}  # nodes whose gradient has come, and is still to be read
        self.again: dict[str, Place] = {}  # nodes whose output has been made again
        self.count = 0
        self.segment_of = {group.name: segment for segment in maker.segments() for group in segment}
        self.restored: set[str] = set()  # groups of segments that have run again

    def go(self) -> Place | None:
        self.loss()
        for group in reversed(self.maker.groups):
            name = group.last.name
            if name in self.pending and not isinstance(group.layer, Input):
                self.restore(group)
                self.step(group, self.pending.pop(name))
        wanted = self.pending.get(self.network.nodes[0].name)
        if wanted is not None:
            self.maker.buffers[wanted.buffer].last = self.maker.now - 1
        self.keep_statistics()
        return wanted

    def restore(self, group: Group) -> None:
        """Run the group's segment forward again, if that has kept nothing and this is its first group to go back.

        The segment's last layer runs again only if its backward pass reads what that makes.
        """
        segment = self.segment_of.get(group.name)
        if segment is None or group.name in self.restored:
            return
        self.restored |= {each.name for each in segment}
        last = segment[-1]
        keeps = bool(self.maker.own.get(last.name)) and not isinstance(last.layer, BatchNorm)
        needed = keeps or self.reads_output(last) or isinstance(last.layer, Concat)
        self.maker.forward_again(segment if needed else segment[:-1])

    def keep_statistics(self) -> None:
        """Keep what batch norms know of their batch to the end of the step, which moves running statistics by it."""
        for group in self.maker.groups:
            if isinstance(group.layer, BatchNorm):
                for name in self.maker.own[group.name].values():
                    self.maker.buffers[name].last = self.maker.now - 1

    def loss(self) -> None:
        maker, output = self.maker, self.network.nodes[-1]
        scores = maker.places[output.name]
        if self.settings.loss.takes_targets:
            size = self.settings.batch * product(output.shape) * self.settings.itemsize
        else:
            size = self.settings.batch * product(output.shape[:-1]) * LABEL_BYTES
        labels = maker.make("labels", "scratch", size)
        maker.buffers[labels].first = 0  # they come with the samples
        scratch = maker.scratch("loss", output.name, loss_bytes(self.settings.loss, output.shape, self.settings.sizes))
        gradient = None
        if output.name in maker.learns:
            gradient = maker.make_map(f"d {output.name}", "gradients of activations", output.shape)
            self.pending[output.name] = gradient
        maker.touch(scores, labels)
        maker.ops.append(LossStep("loss", output.name, scores, gradient, labels, scratch))

    # --- where gradients lie ---

    def alone(self, gradient: Place) -> bool:
        """Whether nobody else has yet to read what lies there."""
        return not any(other.meets(gradient) for other in self.pending.values())

    def new(self, name: str) -> Place:
        """A new buffer for the gradient of a node."""
        self.count += 1
        label = f"d {name}" if f"d {name}" not in self.maker.buffers else f"d {name} ({self.count})"
        return self.maker.make_map(label, "gradients of activations", self.network[name].shape)

    def target(self, name: str, over: Place | None = None, busy: Place | None = None) -> Target | None:
        """Where to write the gradient of a node that is an input of the layer at hand.

        Args:
            name: the node.
            over: a gradient of the same shape that may be written over.
            busy: the gradient that the layer reads, where it must not be written over.
        """
        if name not in self.maker.learns:
            return None
        if name in self.pending:
            there = self.pending.pop(name)
            if self.alone(there) and not (busy and busy.meets(there)):
                self.pending[name] = there
                return Target(there, add=True)
            mine = self.new(name)  # what lies there is needed as it is, so the sum is a new tensor
            self.maker.touch(there)
            self.maker.ops.append(Copy("backward", name, there, mine))
            self.pending[name] = mine
            return Target(mine, add=True)
        if over is not None and self.alone(over):
            self.pending[name] = over
            return Target(over, add=False)
        self.pending[name] = self.new(name)
        return Target(self.pending[name], add=False)

    def own_copy(self, name: str, gradient: Place) -> Place:
        """The gradient in memory that may be destroyed."""
        if self.alone(gradient):
            return gradient
        mine = self.new(name)
        self.maker.touch(gradient)
        self.maker.ops.append(Copy("backward", name, gradient, mine))
        return mine

    def pass_on(self, node_name: str, name: str, gradient: Place) -> None:
        """Hand ``gradient``, as it is, on to the node ``name``: as the same memory, or added to what is there."""
        if name not in self.maker.learns:
            return
        if name not in self.pending:
            self.pending[name] = gradient
            return
        target = self.target(name, busy=gradient)  # other inputs of a sum may still be given it as it is
        assert target is not None
        self.maker.touch(gradient, target.place)
        self.maker.ops.append(Copy("backward", node_name, gradient, target.place, target.add))

    # --- values that are needed again ---

    def value(self, name: str) -> Place:
        """Where a node's output lies for the backward pass, made again where the forward pass did not keep it."""
        maker = self.maker
        group = maker.group_of[name]
        if not self.settings.remake or not is_remade(maker, group):
            return maker.places[name]
        if name not in self.again:
            norm = group.head
            source, own = self.value(norm.inputs[0]), maker.own[group.name]
            self.again[name] = maker.make_map(f"{name} again", "activations", group.last.shape)
            size = forward_bytes(norm.layer, self.network.input_shapes(norm), "", self.settings.sizes, True)
            scratch = maker.scratch("backward", f"{group.name} again", size)
            maker.touch(source, *own.values())
            remake = Remake("backward", norm.name, group, (source,), self.again[name], own, scratch)
            maker.ops.append(remake)
        return self.again[name]

    # --- the steps ---

    def step(self, group: Group, gradient: Place) -> None:
        node = group.head
        match node.layer:
            case Concat():
                self.concat(group, gradient)
            case Flatten():
                self.flatten(group, gradient)
            case Slice():
                self.slice(group, gradient)
            case Add() if group.activation is None:
                for name in node.inputs:
                    self.pass_on(node.name, name, gradient)
            case _:
                self.kernel(group, gradient)

    def concat(self, group: Group, gradient: Place) -> None:
        start = 0
        for name in group.head.inputs:
            stop = start + self.network[name].shape[-1]
            self.pass_on(group.head.name, name, gradient.channels(start, stop))
            start = stop

    def flatten(self, group: Group, gradient: Place) -> None:
        name = group.head.inputs[0]
        if name not in self.maker.learns:
            return
        if not gradient.is_dense:  # it is a part of the gradient of a joined vector
            part, gradient = gradient, self.new(group.last.name)
            self.maker.touch(part)
            self.maker.ops.append(Copy("backward", group.head.name, part, gradient))
        shape = self.network[name].shape
        self.pass_on(group.head.name, name, Place(gradient.buffer, shape, 0, shape[-1]))

    def slice(self, group: Group, gradient: Place) -> None:
        """The gradient of some channels is a part of the whole; what no slice has written is zero."""
        layer, name, maker = group.layer, group.head.inputs[0], self.maker
        if name not in maker.learns:
            return
        assert isinstance(layer, Slice)
        target = self.target(name)
        assert target is not None
        if not target.add:
            maker.touch(target.place)
            maker.ops.append(Zero("backward", group.head.name, target.place))
        part = target.place.channels(layer.start, layer.stop)
        maker.touch(gradient, part)
        maker.ops.append(Copy("backward", group.head.name, gradient, part, add=target.add))

    def kernel(self, group: Group, gradient: Place) -> None:
        """A layer with a backward pass of its own."""
        maker, node = self.maker, group.head
        output, own = maker.places[group.last.name], maker.own[group.name]
        reads_inputs = CPU.wants_inputs(group.layer)
        inputs = tuple(self.value(name) if reads_inputs else maker.places[name] for name in node.inputs)
        shapes = self.network.input_shapes(node)
        if group.activation is not None or isinstance(node.layer, BatchNorm):
            gradient = self.own_copy(group.last.name, gradient)  # it is bent back in place
        if isinstance(node.layer, Add):
            # Bent back in place, then handed on as it is.
            maker.touch(gradient, output)
            maker.ops.append(Backward("backward", node.name, group, inputs, output, gradient, ()))
            for name in node.inputs:
                self.pass_on(node.name, name, gradient)
            return
        shortcut = self.target(group.shortcut, over=gradient) if group.shortcut else None
        element_wise = isinstance(node.layer, (*ELEMENT_WISE, BatchNorm))
        over = gradient if element_wise and not (shortcut and shortcut.place == gradient) else None
        busy = None if element_wise else gradient
        targets = tuple(self.target(name, over, busy) for name in node.inputs)
        methods: dict[Pass, str] = {}
        if isinstance(node.layer, Conv):
            passes: tuple[Pass, ...] = ("backward_weights", "backward_data")
            for each in passes if targets[0] else passes[:1]:
                methods[each] = self.settings.methods.choose(node.layer, shapes[0], each, self.settings.sizes)
        size = backward_bytes(node.layer, shapes, methods, self.settings.sizes)
        scratch = maker.scratch("backward", group.name, size)
        needed = inputs if reads_inputs else ()
        maker.touch(gradient, *needed, *own.values(), *(t.place for t in (*targets, shortcut) if t))
        if self.reads_output(group):
            maker.touch(output)
        maker.ops.append(
            Backward("backward", node.name, group, inputs, output, gradient, targets, shortcut, own, scratch, methods)
        )

    def reads_output(self, group: Group) -> bool:
        """Whether the kernel reads the group's output again."""
        if isinstance(group.layer, BatchNorm):
            return group.activation is not None and group.shortcut is not None
        return group.activation is not None or isinstance(group.layer, CPU.keeps_output)
