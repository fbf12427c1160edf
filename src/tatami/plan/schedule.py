"""The order of one step, forward and backward, and how long each tensor lives in it.

The steps of a training: the layers forward, the loss, the layers backward in reverse, the update. A tensor lives from
the step that makes it to the last step that reads it; the bytes alive at a step, over all tensors, are the memory that
it takes. Sizes are kept apart from the batch, so one schedule answers for every batch.

With checkpointing (Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost, section 4) a segment of layers
keeps nothing of its forward pass but what enters and leaves it; the backward pass begins by running it forward again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tatami.network import Network, Node
from tatami.network.layers import (
    Add,
    Concat,
    Conv,
    Dense,
    Flatten,
    Input,
    LayerNorm,
    LocalResponseNorm,
    Scale,
    Softmax,
    product,
)
from tatami.plan.gradients import learning
from tatami.plan.kept import Engine

Phase: TypeAlias = Literal["forward", "loss", "recompute", "backward", "update"]
Kind: TypeAlias = Literal["input", "activations", "gradients of activations", "gradients"]

FLOAT_BITS = 32
FULL_PRECISION = (LayerNorm, LocalResponseNorm, Scale, Softmax)  # in float32 even where activations are narrower


@dataclass(frozen=True)
class Step:
    """One step of the schedule: which layer does what."""

    phase: Phase
    node: str


@dataclass
class Buffer:
    """A tensor: ``bits`` a sample and ``fixed`` bytes a batch, alive from step ``first`` to step ``last``."""

    kind: Kind
    bits: int
    fixed: int
    first: int
    last: int

    def size(self, batch: int) -> int:
        """Bytes for ``batch`` samples."""
        return self.fixed + (self.bits * batch + 7) // 8


@dataclass(frozen=True)
class Schedule:
    """Steps in order, and every tensor by name."""

    steps: tuple[Step, ...]
    buffers: dict[str, Buffer]

    def alive(self, batch: int, kind: Kind | None = None) -> list[int]:
        """Bytes alive at each step, of all tensors or of one kind."""
        change = [0] * (len(self.steps) + 1)
        for buffer in self.buffers.values():
            if kind is None or buffer.kind == kind:
                size = buffer.size(batch)
                change[buffer.first] += size
                change[buffer.last + 1] -= size
        alive, total = [], 0
        for difference in change[:-1]:
            total += difference
            alive.append(total)
        return alive

    def kept(self, batch: int) -> int:
        """Bytes of activations alive when the forward pass has ended: what is kept for the backward pass."""
        end = next(i for i, step in enumerate(self.steps) if step.phase == "loss")
        return sum(
            buffer.size(batch)
            for name, buffer in self.buffers.items()
            if buffer.kind == "activations" and buffer.first < end < buffer.last
        )


def make_schedule(
    network: Network,
    engine: Engine,
    *,
    bits: int = 32,
    training: bool = True,
    segments: Sequence[Sequence[str]] = (),
) -> Schedule:
    """The schedule of one training step, or of one inference.

    Args:
        network: any network.
        engine: what its layers keep.
        bits: width of an activation: 32, or 16 in mixed precision.
        training: with loss, backward pass and update.
        segments: for checkpointing, consecutive layers by name, each segment run again in the backward pass.
    """
    maker = _Maker(network, engine, bits, training, segments)
    maker.go()
    return Schedule(tuple(maker.steps), maker.buffers)


def shared_memory(network: Network, engine: Engine, training: bool = True) -> set[str]:
    """The nodes whose output lies in their input's memory: views, and layers that write over what nobody else needs."""
    consumers = network.consumers()
    found: set[str] = set()
    for node in network.nodes[1:]:
        if isinstance(node.layer, engine.views):
            found.add(node.name)
        elif isinstance(node.layer, engine.in_place):
            # Whose memory it would write over: the input's, and through views and the like that of what lies before it.
            under = [network[node.inputs[0]]]
            while under[-1].name in found:
                under.append(network[under[-1].inputs[0]])
            alone = all(len(consumers[other.name]) == 1 for other in under)
            needed = training and any(isinstance(other.layer, engine.keeps_output) for other in under)
            if alone and not needed and not isinstance(under[-1].layer, Input):
                found.add(node.name)
    return found


class _Maker:
    def __init__(
        self, network: Network, engine: Engine, bits: int, training: bool, segments: Sequence[Sequence[str]]
    ) -> None:
        self.network, self.engine, self.bits, self.training = network, engine, bits, training
        self.steps: list[Step] = []
        self.buffers: dict[str, Buffer] = {}
        self.segment_of = {name: i for i, names in enumerate(segments) for name in names}
        self.segments = segments
        self.again: set[str] = set()  # nodes whose outputs exist a second time, recomputed
        self.same: dict[str, str] = {}  # a gradient that lies in another's memory -> the other
        self.unread: dict[str, set[str]] = {}  # memory of gradients -> the nodes whose gradient there is still needed
        self.roots: dict[str, str] = {}
        self.shared = shared_memory(network, engine, training)
        self.width: dict[str, int] = {}
        for node in network:
            self.width[node.name] = self.width_of(node)
        for node in network:
            self.roots[node.name] = self.roots[node.inputs[0]] if node.name in self.shared else node.name
        self.learns = learning(network)

    # --- which tensors there are ---

    def width_of(self, node: Node) -> int:
        """Bits of a value of the output. In mixed precision CONV and FC compute in 16; some layers only in 32.

        The others give the widest of what they take. Source: PyTorch's documentation of torch.amp, "CUDA Ops that can
        autocast to float32" and "that promote to the widest input type".
        """
        if isinstance(node.layer, (Input, *FULL_PRECISION)):
            return FLOAT_BITS
        if isinstance(node.layer, (Conv, Dense)):
            return self.bits
        return max(self.width[name] for name in node.inputs)

    def casts_input(self, node: Node) -> bool:
        """Whether the layer computes on a narrow copy of its input, which it then keeps in its place."""
        return isinstance(node.layer, (Conv, Dense)) and self.width[node.inputs[0]] != self.bits

    def tensor(self, name: str) -> str:
        """The buffer that holds a node's output: that of the recomputed pass once there is one."""
        root = self.roots[name]
        return f"{root} again" if root in self.again else root

    # --- time ---

    def begin(self, phase: Phase, node: str) -> int:
        self.steps.append(Step(phase, node))
        return len(self.steps) - 1

    def make(self, name: str, kind: Kind, bits: int, fixed: int = 0) -> None:
        now = len(self.steps) - 1
        self.buffers[name] = Buffer(kind, bits, fixed, now, now)

    def read(self, name: str) -> None:
        self.buffers[self.same.get(name, name)].last = len(self.steps) - 1

    # --- the passes ---

    def go(self) -> None:
        for node in self.network:
            self.forward(node, "forward")
        if not self.training:
            return
        output = self.network.nodes[-1]
        self.begin("loss", output.name)
        self.read(self.tensor(output.name))
        self.make("log-probabilities", "activations", FLOAT_BITS * product(output.shape))
        self.begin("backward", "loss")
        self.read("log-probabilities")
        self.new_gradient(output.name, self.width[output.name] * product(output.shape))
        done: set[int] = set()
        for node in reversed(self.network.nodes):
            segment = self.segment_of.get(node.name)
            if segment is not None and segment not in done:
                done.add(segment)
                for name in self.segments[segment]:
                    self.forward(self.network[name], "recompute")
            if node.name in self.learns:
                self.backward(node)
        self.begin("update", "weights")
        for name, buffer in self.buffers.items():
            if buffer.kind == "gradients":
                self.read(name)
                if self.engine.gradients_persist:
                    buffer.first = 0

    def forward(self, node: Node, phase: Phase) -> None:
        """Make the output, read the inputs; keep what the backward pass will read."""
        self.begin(phase, node.name)
        for name in node.inputs:
            self.read(self.tensor(name))
        if phase == "recompute":
            self.again.add(node.name)
        if self.roots[node.name] == node.name:
            kind: Kind = "input" if isinstance(node.layer, Input) else "activations"
            self.make(self.tensor(node.name), kind, self.width[node.name] * product(node.shape))
        else:
            self.read(self.tensor(node.name))
        for name, own in self.own(node):
            self.make(name, "activations", *own)

    def own(self, node: Node) -> list[tuple[str, tuple[int, int]]]:
        """The layer's own tensors: name, bits a sample, fixed bytes."""
        if not self.training or not node.inputs or node.name not in self.learns:
            return []
        mark = " again" if node.name in self.again else ""
        shape = self.network.input_shapes(node)[0]
        tensors = []
        if self.casts_input(node):
            tensors.append((f"{node.name}.input{mark}", (self.bits * product(shape), 0)))
        for own in self.engine.own(node.layer, shape, node.shape):
            size = own.values * (own.bits or self.width[node.name])
            tensors.append((f"{node.name}.{own.name}{mark}", (0, size // 8) if own.per_batch else (size, 0)))
        return tensors

    def backward(self, node: Node) -> None:
        """Read the output's gradient and what was kept; make the gradients of inputs and weights."""
        self.begin("backward", node.name)
        gradient = f"d {node.name}"
        self.read(gradient)
        if self.engine.wants_inputs(node.layer) and not self.casts_input(node):
            for name in node.inputs:
                self.read(self.tensor(name))
        if isinstance(node.layer, self.engine.keeps_output):
            self.read(self.tensor(node.name))
        for name, _ in self.own(node):
            self.read(name)
        for name, parameter in node.layer.parameters(*self.network.input_shapes(node)).items():
            if parameter.trainable:
                self.make(f"d {node.name}.{name}", "gradients", 0, parameter.size * FLOAT_BITS // 8)
        for name in dict.fromkeys(node.inputs):
            if name in self.learns:
                self.flow(node, name)
        self.unread[self.same.get(gradient, gradient)].discard(node.name)

    def flow(self, node: Node, name: str) -> None:
        """The gradient that goes on to the node ``name``: a new tensor, the one that came, or added to another."""
        size = self.width[name] * product(self.network[name].shape)
        there, source = f"d {name}", f"d {node.name}"
        if there in self.buffers or there in self.same:
            memory = self.same.get(there, there)
            self.read(there)
            if self.unread[memory] - {name, node.name}:
                # Another branch has not read what lies there yet, so the sum is a new tensor.
                self.unread[memory].discard(name)
                self.same.pop(there)
                self.new_gradient(name, size)
            elif not self.passes_on(node):
                # The sum needs the new share for the length of the step.
                self.make(f"{there} from {node.name}", "gradients of activations", size)
        elif self.passes_on(node):
            self.same[there] = self.same.get(source, source)
            self.unread[self.same[there]].add(name)
        else:
            self.new_gradient(name, size)

    def new_gradient(self, name: str, size: int) -> None:
        self.make(f"d {name}", "gradients of activations", size)
        self.unread[f"d {name}"] = {name}

    def passes_on(self, node: Node) -> bool:
        """Whether the gradient that came back is itself, or holds, the one that goes on."""
        if isinstance(node.layer, (Add, Concat, Flatten)):
            return True
        return self.engine.gradients_in_place and node.name in self.shared
