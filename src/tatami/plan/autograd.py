"""What PyTorch's autograd does with operators: which tensors it makes, adds to and drops, forward and backward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tatami.network import Network, Node
from tatami.network.layers import Input, product
from tatami.plan.kept import Engine
from tatami.plan.operators import FLOAT_BITS, LOSS, Operator, Size, loss_operators
from tatami.plan.steps import Buffer, Kind, Phase, Step
from tatami.recipe import Optimizer, RMSProp


@dataclass
class _Gradient:
    """A gradient: in which memory it lies, and whether it fills it without gaps."""

    memory: str
    dense: bool


class Autograd:
    """The passes of a step so far.

    Args:
        network: what is computed.
        operators: those of each layer.
        engine: how PyTorch treats them.
        segments, accumulate: as in :func:`tatami.plan.schedule.make_schedule`.

    Attributes:
        steps, buffers: what has been done, and the tensors that it made.
    """

    def __init__(
        self,
        network: Network,
        operators: Mapping[str, Sequence[Operator]],
        engine: Engine,
        segments: Sequence[Sequence[str]],
        accumulate: bool,
    ) -> None:
        self.network, self.operators, self.engine = network, operators, engine
        self.accumulate, self.segments = accumulate, segments
        self.segment_of = {name: i for i, names in enumerate(segments) for name in names}
        self.steps: list[Step] = []
        self.buffers: dict[str, Buffer] = {}
        self.memory: dict[str, str] = {}  # in which buffer a tensor lies
        self.sizes: dict[str, Size] = {}
        self.dense: dict[str, bool] = {}
        self.learns = {op.output for ops in self.operators.values() for op in ops if op.learns}
        self.gradients: dict[str, _Gradient] = {}  # that of a tensor
        self.unread: dict[str, set[str]] = {}  # memory of gradients -> the tensors whose gradient there is still needed

    # --- time ---

    def begin(self, phase: Phase, node: str) -> None:
        """A new step."""
        self.steps.append(Step(phase, node))

    def make(self, name: str, kind: Kind, size: Size, node: str) -> str:
        """A new buffer, alive in this step at least; returns its name."""
        while name in self.buffers:
            name += " again"
        now = len(self.steps) - 1
        self.buffers[name] = Buffer(kind, size.bits, size.fixed, now, now, node)
        return name

    def read(self, name: str) -> Buffer:
        """Keep a buffer until this step."""
        buffer = self.buffers[name]
        buffer.last = len(self.steps) - 1
        return buffer

    def read_tensor(self, name: str) -> Buffer:
        """Keep the buffer in which a tensor lies until this step."""
        return self.read(self.memory[name])

    # --- forward ---

    def forward_pass(self) -> None:
        """All layers forward."""
        for node in self.network:
            self.forward(node)
        # The caller's names hold the input until the pass has ended, and autocast the narrow copies.
        self.read_tensor(self.network.nodes[0].name)
        for buffer in self.buffers.values():
            if buffer.kind == "weights":
                buffer.last = len(self.steps) - 1
        self.output = self.network.nodes[-1]

    def forward(self, node: Node) -> None:
        """Make what the layer's operators make, and read what they read."""
        if isinstance(node.layer, Input):
            self.begin("forward", node.name)
            size = Size(FLOAT_BITS * product(node.shape))
            self.enter(node.name, self.make(node.name, "input", size, node.name), size)
            return
        for op in self.operators[node.name]:
            self.begin("forward", node.name)
            self.run(op)

    def enter(self, tensor: str, memory: str, size: Size, dense: bool = True) -> None:
        """Say where a tensor lies."""
        self.memory[tensor], self.sizes[tensor], self.dense[tensor] = memory, size, dense

    def run(self, op: Operator) -> None:
        """One operator forward."""
        for name in (*op.inputs, *op.holds):
            self.read_tensor(name)
        for name, count in op.copies:
            self.memory[name] = self.make(name, "weights", Size(0, count), op.node)
        if op.shares:
            memory = self.memory[op.inputs[0]]
        else:
            memory = self.make(op.output, "activations", op.size, op.node)
        self.enter(op.output, memory, op.size, op.dense and (not op.shares or self.dense[op.inputs[0]]))
        for name, size in op.own:
            self.memory[name] = self.make(name, "activations" if op.learns else "temporaries", size, op.node)
        self.scratch(op, "forward")

    def scratch(self, op: Operator, phase: Literal["forward", "backward"]) -> None:
        """What its kernels take within an operator."""
        if op.needs_dense and not self.dense[op.inputs[0]]:
            self.make(f"{op.output} dense", "temporaries", self.sizes[op.inputs[0]], op.node)
        if op.needs_dense and phase == "backward" and not self.gradients[op.output].dense:
            self.make(f"d {op.output} dense", "temporaries", op.size, op.node)
        if op.workspace:
            self.make(f"{op.output} workspace", "workspace", Size(0, op.workspace), op.node)

    # --- backward ---

    def backward_pass(self) -> None:
        """The loss, and all layers backward in reverse."""
        name = self.output.name
        loss = loss_operators(name, self.sizes[name], self.output.shape, name in self.learns)
        for op in loss:
            self.begin("loss", self.output.name)
            self.run(op)
            if op.learns:
                self.learns.add(op.output)
        self.begin("backward", LOSS)
        self.give(LOSS, Size(0, 4), LOSS)
        for op in reversed(loss):
            if op.output != LOSS:
                self.begin("backward", LOSS)
            self.backward(op)
        done: set[int] = set()
        for node in reversed(self.network.nodes):
            segment = self.segment_of.get(node.name)
            if segment is not None and segment not in done:
                done.add(segment)
                self.run_again(segment)
            for op in reversed(self.operators[node.name]):
                if op.learns and op.output in self.gradients:
                    self.begin("backward", node.name)
                    self.backward(op)
                    for name in self.entering(segment):  # held as long as anything may have to run again
                        self.read_tensor(name)
        # The caller's names hold scores, loss, and the gradient that it begins with until both passes have ended.
        for name in (self.memory[self.output.name], self.memory[LOSS], f"d {LOSS}"):
            self.read(name)

    def run_again(self, segment: int) -> None:
        """A segment forward once more, until everything is there that its backward pass reads."""
        ops = [op for name in self.segments[segment] for op in self.operators[name]]
        needed = [i for i, op in enumerate(ops) if op.learns and (op.saves or op.own)]
        for op in ops[: max(needed, default=-1) + 1]:
            self.begin("recompute", op.node)
            self.run(op)

    def entering(self, segment: int | None) -> set[str]:
        """The layers whose outputs enter a segment."""
        names = () if segment is None else self.segments[segment]
        return {source for name in names for source in self.network[name].inputs} - set(names)

    def give(self, tensor: str, size: Size, node: str) -> _Gradient:
        """A new gradient for a tensor, of its size."""
        memory = self.make(f"d {tensor}", "gradients of activations", size, node)
        self.unread[memory] = {tensor}
        self.gradients[tensor] = _Gradient(memory, True)
        return self.gradients[tensor]

    def backward(self, op: Operator) -> None:
        """One operator backward, in the step that has begun; every addition to a gradient is a step of its own."""
        if not op.learns:
            return
        came = self.gradients[op.output]
        self.read(came.memory)
        for name in op.saves:
            self.read_tensor(name).savers[op.kind] = None
        for name, _ in op.own:
            self.read_tensor(name).savers[op.kind] = None
        for name, _ in op.copies[:1]:  # the weight's; a bias is not needed
            self.read_tensor(name)
        self.scratch(op, "backward")
        for i in range(op.steps_back):
            self.make(f"d {op.output} step {i + 1}", "temporaries", op.size, op.node)
        shares = [(name, self.share(op, name, came)) for name in op.inputs if name in self.learns]
        self.weights(op)
        self.unread[came.memory].discard(op.output)
        for name, share in shares:
            self.add(name, share, op.node)

    def share(self, op: Operator, name: str, came: _Gradient) -> _Gradient:
        """What an operator's backward pass has for one of its inputs."""
        size = self.sizes[name]
        if op.passes != "new" and size.width == op.size.width:
            self.unread[came.memory].add(name)
            return _Gradient(came.memory, came.dense and op.passes == "whole")
        if op.multiplies and size.bits < op.size.bits:
            self.make(f"d {name} product", "temporaries", op.size, op.node)
        memory = self.make(f"d {name}", "gradients of activations", size, op.node)
        self.unread[memory] = {name}
        return _Gradient(memory, True)

    def weights(self, op: Operator) -> None:
        """The gradients of the parameters; narrow ones are cast after."""
        narrow = dict(op.copies)
        made = []
        for name, size in op.parameters:
            if op.multiplies:
                self.make(f"d {name} product", "temporaries", op.size, op.node)
            if f"{name}.copy" in narrow:
                made.append(self.make(f"d {name}.copy", "temporaries", Size(0, size // 2), op.node))
            else:
                self.new_weight_gradient(name, size, op.node)
        for memory, (name, size) in zip(reversed(made), reversed(op.parameters), strict=False):
            self.begin("backward", op.node)
            for earlier in made[: made.index(memory) + 1]:
                self.read(earlier)
            self.new_weight_gradient(name, size, op.node)

    def new_weight_gradient(self, name: str, size: int, node: str) -> None:
        """The gradient of a parameter, of ``size`` bytes."""
        memory = self.make(f"d {name}", "gradients", Size(0, size), node)
        if self.accumulate:
            self.buffers[memory].kind = "temporaries"  # added to the sum at once
            total = self.make(f"sum of d {name}", "gradients", Size(0, size), node)
            self.buffers[total].first = 0

    def add(self, name: str, share: _Gradient, node: str) -> None:
        """Add a share to the gradient of a tensor."""
        there = self.gradients.get(name)
        if there is None:
            self.gradients[name] = share
            return
        self.begin("backward", node)
        self.read(there.memory)
        self.read(share.memory)
        alone = self.unread[there.memory] == {name}
        if self.engine.adds_in_place and there.dense and alone and share.memory != there.memory:
            self.unread[share.memory].discard(name)
            return
        self.unread[there.memory].discard(name)
        self.unread[share.memory].discard(name)
        self.give(name, self.sizes[name], node)

    def update(self, optimizer: Optimizer | None) -> None:
        """The optimizer's step: it reads all gradients, and some need memory of their own."""
        self.begin("update", "weights")
        total = 0
        for buffer in self.buffers.values():
            if buffer.kind == "gradients":
                buffer.last = len(self.steps) - 1
                total += buffer.fixed
        if optimizer is None:
            return
        if isinstance(optimizer, RMSProp) and self.engine.is_gpu:
            # Not one kernel: the roots of the mean squares, and with decay the gradients with its share.
            self.make("roots", "temporaries", Size(0, total), "weights")
            if optimizer.weight_decay:
                self.make("decayed gradients", "temporaries", Size(0, total), "weights")
