"""Memory of one step, in bytes: three views.

*Textbook*: the memo's formula, W*H*filters*4 bytes a map, and about twice that with backward. *By kind*: weights,
gradients, optimizer state, input, activations kept for the backward pass. *Peak*: the most that is alive at one time in
the real order of the step, and where.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TypeAlias

from tatami.errors import OptionError
from tatami.network import Network
from tatami.plan.checkpoint import even_segments, with_cuts
from tatami.plan.constant import constant_tensors
from tatami.plan.cost import FLOAT32, LayerCost
from tatami.plan.devices import BITS, DTYPES
from tatami.plan.kept import ENGINES, check_engine
from tatami.plan.machine import thread_count
from tatami.plan.measured import measured_methods
from tatami.plan.methods import Methods
from tatami.plan.program import Settings, make_program, scored_network
from tatami.plan.schedule import make_schedule
from tatami.plan.steps import Kind, Schedule, Step
from tatami.plan.tiny import is_tiny
from tatami.recipe import SGD, CrossEntropy, Loss, Optimizer

Segments: TypeAlias = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class StepSettings:
    """What step the memory is that of.

    Attributes:
        batch: samples in the step.
        optimizer: whose state is counted.
        engine: cpu, torch or torch-cpu: see :mod:`tatami.plan.kept`.
        dtype: float32; tf32, which rounds products only; or bf16: activations of 16 bits, weights and their gradients
            of 32, with a copy of 16 of the parameters of CONV and FC (mixed precision, Micikevicius et al. 2017, 3.1).
        training: False for inference: the forward pass alone.
        segments: layers that checkpointing runs again in PyTorch: see :mod:`tatami.plan.schedule`.
        checkpoint: whether the engine runs segments of its own choice again: see :mod:`tatami.plan.checkpoint`.
        loss: whose labels the CPU engine keeps.
        forced: methods of convolution that the CPU engine takes wherever it can: see :mod:`tatami.plan.methods`.
        accumulate: whether the gradients of several passes are summed. In PyTorch they then live from step to step,
            the CPU engine keeps the sum beside them.
    """

    batch: int = 1
    optimizer: Optimizer = field(default_factory=SGD)
    engine: str = "cpu"
    dtype: str = "float32"
    training: bool = True
    segments: Segments = ()
    accumulate: bool = False
    forced: tuple[str, ...] = ()
    loss: Loss = field(default_factory=CrossEntropy)
    checkpoint: bool = False

    @property
    def has_arena(self) -> bool:
        """Whether the CPU engine executes such a step, in one arena."""
        return self.engine == "cpu"

    def __post_init__(self) -> None:
        if not _is_whole(self.batch) or self.batch < 1:
            raise OptionError("impossible batch", got=self.batch, expected="a whole number of at least 1")
        if not isinstance(self.optimizer, Optimizer):
            raise OptionError("this is no optimizer", got=repr(self.optimizer), expected="tatami.Adam(), for example")
        if self.dtype not in DTYPES:
            raise OptionError("unknown dtype", got=self.dtype, expected=", ".join(DTYPES))
        if self.dtype != "float32" and self.engine == "cpu":
            expected = f"--engine torch for {self.dtype}"
            raise OptionError("the CPU engine computes in float32", got=self.dtype, expected=expected)
        check_engine(self.engine)
        if self.segments and self.engine == "cpu":
            raise OptionError("segments are for PyTorch", got=self.engine, expected="checkpoint, for the CPU engine")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class Memory:
    """Bytes of one step.

    Attributes:
        batch, engine, dtype, training: of the step.
        textbook_forward_bytes: every activation map once, ReLU in place, the input included, in float32.
        textbook_training_bytes: twice that, for the gradients of the maps.
        input: the samples.
        weights: parameters, running statistics, and in mixed precision the 16-bit copies; in PyTorch the statistics
            twice, for a step that fails.
        gradients: one float32 value a trainable parameter; where the CPU engine accumulates, two.
        optimizer: its state.
        activations: what the forward pass keeps for the backward pass; at inference, the most that is alive at a time.
        workspace: what lives only within the passes, at the peak: gradients of activations, activations that are not
            kept, and what operators take within themselves.
        peak_bytes: the most that is alive at one time, all kinds together; on the CPU engine what it takes, with the
            holes of its arena.
        peak_at: the step of the peak.
        timeline: for each step, the bytes alive.
    """

    batch: int
    engine: str
    dtype: str
    training: bool
    textbook_forward_bytes: int
    textbook_training_bytes: int
    input: int
    weights: int
    gradients: int
    optimizer: int
    activations: int
    workspace: int
    peak_bytes: int
    peak_at: Step
    timeline: tuple[tuple[Step, int], ...]


def memory(network: Network, costs: tuple[LayerCost, ...], settings: StepSettings) -> Memory:
    """The memory of one step.

    Args:
        network: the network.
        costs: those of its layers, from :func:`tatami.plan.cost.layer_costs`.
        settings: which step.
    """
    if settings.has_arena:
        return _arena_memory(network, costs, settings)
    schedule = step_schedule(network, settings)
    batch = settings.batch
    tensors = constant_tensors(network, settings.optimizer if settings.training else None)
    constant = sum(tensor.size for tensor in tensors)
    state = sum(tensor.size for tensor in tensors if tensor.kind == "optimizer")
    copies = max(schedule.alive(batch, "weights"))
    alive = schedule.alive(batch)
    at = max(range(len(alive)), key=alive.__getitem__)
    kinds: Counter[Kind] = Counter()
    for buffer in schedule.buffers.values():
        if buffer.first <= at <= buffer.last:
            kinds[buffer.kind] += buffer.size(batch)
    kept = sum(b.size(batch) for b in schedule.kept()) if settings.training else kinds["activations"]
    forward = FLOAT32 * batch * sum(cost.activation_values for cost in costs)
    return Memory(
        batch=batch,
        engine=settings.engine,
        dtype=settings.dtype,
        training=settings.training,
        textbook_forward_bytes=forward,
        textbook_training_bytes=2 * forward,
        input=schedule.buffers[network.nodes[0].name].size(batch),
        weights=constant - state + copies,
        gradients=FLOAT32 * sum(cost.params for cost in costs) if settings.training else 0,
        optimizer=state,
        activations=kept,
        workspace=max(0, alive[at] - kinds["input"] - kinds["gradients"] - min(kept, kinds["activations"])),
        peak_bytes=constant + alive[at],
        peak_at=schedule.steps[at],
        timeline=tuple((step, constant + count) for step, count in zip(schedule.steps, alive, strict=True)),
    )


def _arena_memory(network: Network, costs: tuple[LayerCost, ...], settings: StepSettings) -> Memory:
    """That of the program which the CPU engine executes, byte for byte: parameters, and one arena for all else."""
    program = make_program(scored_network(network, settings.loss), program_settings(network, settings))
    batch = settings.batch
    parameters = network.parameters().values()
    weights = FLOAT32 * sum(parameter.size for parameter in parameters)
    slots = len(settings.optimizer.slots) if settings.training else 0
    state = slots * FLOAT32 * sum(parameter.size for parameter in parameters if parameter.trainable)
    copies = (2 if settings.accumulate else 1) if settings.training else 0
    gradients = copies * FLOAT32 * sum(cost.params for cost in costs)
    constant = weights + gradients + state
    timeline = [
        (Step(op.phase, op.node), constant + count) for op, count in zip(program.ops, program.alive(), strict=True)
    ]
    if settings.training:
        timeline.append((Step("update", "weights"), constant))
    at = max(range(len(timeline)), key=lambda i: timeline[i][1])
    forward = FLOAT32 * batch * sum(cost.activation_values for cost in costs)
    given, arena = program.input_bytes, program.arena.size
    kept = program.kept() if settings.training else arena - given
    return Memory(
        batch=batch,
        engine=settings.engine,
        dtype=settings.dtype,
        training=settings.training,
        textbook_forward_bytes=forward,
        textbook_training_bytes=2 * forward,
        input=given,
        weights=weights,
        gradients=gradients,
        optimizer=state,
        activations=kept,
        workspace=arena - given - kept,
        peak_bytes=constant + arena,
        peak_at=timeline[at][0],
        timeline=tuple(timeline),
    )


def program_settings(network: Network, settings: StepSettings) -> Settings:
    """The step as the CPU engine's program takes it."""
    found = Settings(
        settings.batch,
        settings.training,
        threads=thread_count(),
        loss=settings.loss,
        methods=Methods(measured_methods(), settings.forced),
        plain=is_tiny(network, settings.batch),
    )
    return with_cuts(scored_network(network, settings.loss), found) if settings.checkpoint else found


def step_schedule(network: Network, settings: StepSettings) -> Schedule:
    """The schedule that the settings ask for."""
    network = scored_network(network, settings.loss) if settings.training else network
    segments = even_segments(network) if settings.checkpoint and settings.training else settings.segments
    return make_schedule(
        network,
        ENGINES[settings.engine],
        bits=BITS[settings.dtype],
        training=settings.training,
        segments=segments,
        accumulate=settings.accumulate,
        optimizer=settings.optimizer,
    )
