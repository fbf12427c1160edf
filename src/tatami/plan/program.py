"""What the CPU engine will do, decided before the first batch: the ops of a step, and where every tensor lies.

The forward half stands here, the backward half in :mod:`tatami.plan.backward`. Nothing is copied that need not be: a
branch of a CONCAT is written into the joined map, SLICE and FLATTEN are views, and what nobody needs any more is
written over. The engine executes exactly these ops in an arena of exactly this size, so ``plan`` can foretell it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tatami.network import Network, Node
from tatami.network.layers import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Flatten,
    Input,
    LayerNorm,
    Pool,
    Scale,
    Shape,
    Slice,
    Softmax,
    product,
)
from tatami.plan.arena import Arena, place
from tatami.plan.gradients import learning
from tatami.plan.groups import Group, make_groups
from tatami.plan.kept import CPU
from tatami.plan.methods import Methods
from tatami.plan.ops import Buffer, Copy, Forward, Kind, Op, Phase, Place
from tatami.plan.scratch.norm import statistics_values
from tatami.plan.scratch.pool import place_bytes
from tatami.plan.workspace import Sizes, forward_bytes
from tatami.recipe import CrossEntropy, Loss


@dataclass(frozen=True)
class Settings:
    """What the program is for.

    Attributes:
        batch: most samples in one step.
        training: with loss, backward pass and update, or the forward pass alone.
        itemsize: bytes of a value: 4, or 8 for gradient checks.
        threads: that share the work.
        loss: whose labels are kept.
        methods: which method each convolution takes.
        wants_input: whether the gradient of the loss for the samples is wanted too.
        remake: whether outputs of batch norm are made again in the backward pass rather than kept: less memory, a
            little more time.
        plain: computed in plain NumPy, which takes no scratch memory of the arena: see :mod:`tatami.plan.tiny`.
        cuts: nodes that divide the network into segments, in order; all but the last segment keep nothing but what
            enters them, and run forward again before their backward pass: see :mod:`tatami.plan.checkpoint`.
    """

    batch: int
    training: bool = True
    itemsize: int = 4
    threads: int = 1
    loss: Loss = field(default_factory=CrossEntropy)
    methods: Methods = field(default_factory=Methods)
    wants_input: bool = False
    remake: bool = True
    plain: bool = False
    cuts: tuple[str, ...] = ()

    @property
    def sizes(self) -> Sizes:
        """What the sizes of scratch memory depend on."""
        return Sizes(self.batch, self.threads, self.itemsize)


@dataclass(frozen=True)
class Program:
    """Ops in order, and the buffers of the arena.

    Attributes:
        network: what is computed.
        groups: its layers as they run.
        places: where each node's output lies; of a group, the last one's.
        input_gradient: where the gradient for the samples lies at the end, if it is wanted and there is one.
    """

    network: Network
    settings: Settings
    groups: tuple[Group, ...]
    ops: tuple[Op, ...]
    buffers: Mapping[str, Buffer]
    places: Mapping[str, Place]
    input_gradient: Place | None = None

    @cached_property
    def arena(self) -> Arena:
        """Where each buffer lies."""
        return place(self.buffers)

    @property
    def input_bytes(self) -> int:
        """Bytes of the samples."""
        return self.buffers[self.network.nodes[0].name].bytes

    def alive(self) -> list[int]:
        """Bytes alive at each op."""
        change = [0] * (len(self.ops) + 1)
        for buffer in self.buffers.values():
            change[buffer.first] += buffer.bytes
            change[buffer.last + 1] -= buffer.bytes
        total, alive = 0, []
        for difference in change[:-1]:
            total += difference
            alive.append(total)
        return alive

    def kept(self) -> int:
        """Bytes of activations that are kept from the forward pass for the backward pass."""
        end = next((i for i, op in enumerate(self.ops) if op.phase == "loss"), len(self.ops))
        return sum(b.bytes for b in self.buffers.values() if b.kind == "activations" and b.first < end < b.last)


def scored_network(network: Network, loss: Loss) -> Network:
    """The layers up to the scores that the loss takes: all but a last SOFTMAX where cross-entropy contains it."""
    if isinstance(network.nodes[-1].layer, Softmax) and isinstance(loss, CrossEntropy):
        return Network(network.nodes[:-1])
    return network


def make_program(network: Network, settings: Settings) -> Program:
    """Lower a network to the ops of one step."""
    maker = Maker(network, settings)
    maker.forward_pass()
    if not settings.training:
        maker.end_of_inference()
        return maker.program()
    from tatami.plan.backward import backward_pass  # it extends a Maker

    return maker.program(backward_pass(maker))


class Maker:
    """The state of lowering: ops and buffers so far, and where each tensor lies."""

    def __init__(self, network: Network, settings: Settings) -> None:
        self.network, self.settings = network, settings
        self.groups = make_groups(network, settings.training)
        self.group_of = {node.name: group for group in self.groups for node in group.nodes}
        self.readers = network.consumers()
        self.learns: set[str] = set()
        if settings.training:
            self.learns = {node.name for node in network} if settings.wants_input else learning(network)
        self.ops: list[Op] = []
        self.buffers: dict[str, Buffer] = {}
        self.places: dict[str, Place] = {}
        self.own: dict[str, dict[str, str]] = {}
        self.phase: Phase = "forward"
        self._joined = self._find_joined()

    def program(self, input_gradient: Place | None = None) -> Program:
        """What has been made."""
        groups, ops = tuple(self.groups), tuple(self.ops)
        return Program(self.network, self.settings, groups, ops, self.buffers, self.places, input_gradient)

    # --- buffers ---

    @property
    def now(self) -> int:
        """The number of the op that is being made."""
        return len(self.ops)

    def make(self, name: str, kind: Kind, size: int) -> str:
        """A new buffer, born now."""
        self.buffers[name] = Buffer(kind, size, self.now, self.now)
        return name

    def make_map(self, name: str, kind: Kind, shape: Shape) -> Place:
        """A new buffer that holds a map of ``shape`` a sample."""
        self.make(name, kind, self.settings.batch * product(shape) * self.settings.itemsize)
        return Place(name, shape, 0, shape[-1])

    def touch(self, *things: Place | str | None) -> None:
        """These are needed at the op that is being made."""
        for thing in things:
            if thing is not None:
                name = thing.buffer if isinstance(thing, Place) else thing
                self.buffers[name].last = max(self.buffers[name].last, self.now)

    def scratch(self, phase: Phase, group: str, size: int) -> str | None:
        """A buffer for this op alone, if it needs one."""
        return self.make(f"{phase} {group}.scratch", "scratch", size) if size and not self.settings.plain else None

    # --- the forward pass ---

    def forward_pass(self) -> None:
        """Ops and buffers of the forward pass."""
        for group in self.groups:
            self._forward(group)

    def segments(self) -> list[list[Group]]:
        """The groups that run again, by segment: those up to each cut."""
        found: list[list[Group]] = [[]]
        for group in self.groups:
            if len(found) <= len(self.settings.cuts) and not isinstance(group.layer, Input):
                found[-1].append(group)
                if group.last.name == self.settings.cuts[len(found) - 1]:
                    found.append([])
        return found[: len(self.settings.cuts)]

    def forward_again(self, groups: list[Group]) -> None:
        """The ops of some groups once more; their outputs, and what they keep, come to lie elsewhere."""
        for group in groups:
            self.places.pop(group.last.name, None)
        self.phase = "recompute"
        for group in groups:
            self._forward(group)
        self.phase = "forward"

    def anew(self, name: str) -> str:
        """The name of a buffer that the phase at hand makes."""
        return name if self.phase == "forward" else f"{name} (recomputed)"

    def buffer_of(self, name: str) -> str:
        """The buffer that a node's output has to itself, if it does."""
        again = f"{name} (recomputed)"
        return again if again in self.buffers else name

    def end_of_inference(self) -> None:
        """Keep the output for the caller, who reads it; it is no view of the samples."""
        name = self.network.nodes[-1].name
        output = self.places[name]
        if self.buffers[output.buffer].kind == "input":
            if len(self.network) > 1:  # INPUT alone gives the samples back from where they lie
                self.places[name] = self.make_map(f"{name} (copy)", "activations", output.shape)
            self.touch(output)
            self.ops.append(Copy("forward", name, output, self.places[name]))
        self.buffers[self.places[name].buffer].last = self.now - 1

    def _forward(self, group: Group) -> None:
        node, settings = group.head, self.settings
        if isinstance(node.layer, Input):
            self.places[node.name] = self.make_map(node.name, "input", node.shape)
            return
        inputs = tuple(self.places[name] for name in node.inputs)
        if isinstance(node.layer, Concat):
            self._concat(node, inputs)
            return
        view = self._view(node, inputs[0])
        if view is not None:
            self.places[node.name] = view
            return
        shortcut = self.places[group.shortcut] if group.shortcut else None
        output = self._output(group, inputs)
        # A mask is drawn before it is used, whether or not a gradient will pass.
        keeps = group.last.name in self.learns or isinstance(node.layer, Dropout)
        own = self._own(group) if keeps else {}
        self.own[group.name] = own
        shapes = self.network.input_shapes(node)
        method = (
            settings.methods.choose(node.layer, shapes[0], "forward", settings.sizes)
            if isinstance(node.layer, Conv)
            else ""
        )
        size = forward_bytes(node.layer, shapes, method, settings.sizes, settings.training)
        scratch = self.scratch(self.phase, group.name, size)
        self.touch(*inputs, shortcut, output, *own.values())
        self.ops.append(Forward(self.phase, node.name, group, inputs, output, shortcut, own, scratch, method))

    def _view(self, node: Node, x: Place) -> Place | None:
        """The output as another view of the input, where the layer moves nothing."""
        if isinstance(node.layer, Flatten) and x.is_dense and node.name not in self._joined:
            return Place(x.buffer, node.shape, 0, node.shape[-1])
        if isinstance(node.layer, Slice) and node.name not in self._joined:
            return x.channels(node.layer.start, node.layer.stop)
        if isinstance(node.layer, Dropout) and not self.settings.training and node.name not in self._joined:
            return x
        return None

    def _output(self, group: Group, inputs: tuple[Place, ...]) -> Place:
        """Where the group writes: into a joined map, over an input that nobody else needs, or into a buffer anew."""
        name = group.last.name
        if name in self._joined:
            return self._place_joined(name)
        over = self._over(group)
        if over is not None:
            self.places[name] = self.places[over]
        else:
            self.places[name] = self.make_map(self.anew(name), "activations", group.last.shape)
        return self.places[name]

    def _over(self, group: Group) -> str | None:
        """The node whose output the group may write over."""
        layer = group.layer
        element_wise = isinstance(layer, (Activation, Dropout))
        if not self.settings.training:
            element_wise = element_wise or isinstance(layer, (Add, BatchNorm, Scale))
        elif isinstance(layer, Activation) and isinstance(layer, CPU.keeps_inputs):
            return None  # its own backward pass needs the input
        if not element_wise:
            return None
        names = [*group.head.inputs, *([group.shortcut] if group.shortcut else [])]
        for name in names:
            if self._is_free(name) and self.places[name].shape == group.last.shape:
                return name
        return None

    def _is_free(self, name: str) -> bool:
        """Whether nobody but one reader needs what lies where ``name``'s output lies."""
        where = self.places[name]
        if self.buffers[where.buffer].kind == "input":
            return False
        for other, there in self.places.items():
            if there.buffer == where.buffer and there.meets(where):
                group = self.group_of[other]
                if group.last.name != other:
                    continue
                if other in self.settings.cuts:
                    return False  # its segment's successor runs again from it
                if len(self.readers[other]) != 1:
                    return False
                kept = self.settings.training and group.last.name in self.learns
                if kept and (group.activation is not None or isinstance(group.layer, CPU.keeps_output)):
                    return False
        return True

    # --- joined maps ---

    def _find_joined(self) -> dict[str, tuple[str, int]]:
        """For each node that is written straight into a CONCAT's map: which CONCAT, and its first channel there."""
        found: dict[str, tuple[str, int]] = {}
        for node in reversed(self.network.nodes):
            if not isinstance(node.layer, Concat):
                continue
            start = 0
            for name in node.inputs:
                source = self.network[name]
                alone = node.inputs.count(name) == 1 and name not in found
                if alone and not isinstance(source.layer, (Input, Flatten, Slice)) and len(node.shape) > 1:
                    found[name] = (node.name, start)
                start += source.shape[-1]
        return found

    def _place_joined(self, name: str) -> Place:
        """The place of a node's output within the joined map, which is made with the first of its parts."""
        concat, start = self._joined[name]
        if concat not in self.places:
            if concat in self._joined:
                self._place_joined(concat)
            else:
                self.places[concat] = self.make_map(self.anew(concat), "activations", self.network[concat].shape)
        whole = self.places[concat]
        self.places[name] = whole.channels(start, start + self.network[name].shape[-1])
        return self.places[name]

    def _concat(self, node: Node, inputs: tuple[Place, ...]) -> None:
        """Copy the parts that are not there yet."""
        if node.name not in self.places:
            if node.name in self._joined:
                self._place_joined(node.name)
            else:
                self.places[node.name] = self.make_map(self.anew(node.name), "activations", node.shape)
        start = 0
        for source in inputs:
            target = self.places[node.name].channels(start, start + source.shape[-1])
            if source != target:
                self.touch(source, target)
                self.ops.append(Copy(self.phase, node.name, source, target))
            start += source.shape[-1]

    # --- what layers keep ---

    def _own(self, group: Group) -> dict[str, str]:
        """Buffers that the layer fills for its own backward pass, by role."""
        if not self.settings.training:
            return {}
        node, batch, itemsize = group.head, self.settings.batch, self.settings.itemsize
        sizes: dict[str, int] = {}
        match node.layer:
            case Pool() if node.layer.kind == "max":
                if any(name in self.learns for name in node.inputs):
                    sizes["places"] = batch * product(node.shape) * place_bytes(node.layer)
            case BatchNorm() if self.phase == "recompute":
                return self.own[group.name]  # the same values; the end of the step needs them where they are
            case BatchNorm():
                sizes["statistics"] = statistics_values(node.shape[-1]) * itemsize
            case LayerNorm():
                sizes["statistics"] = 2 * batch * product(node.shape[:-1]) * itemsize
            case Dropout():
                sizes["mask"] = (batch * product(node.shape) + 7) // 8
        return {role: self.make(self.anew(f"{group.name}.{role}"), "activations", size) for role, size in sizes.items()}
