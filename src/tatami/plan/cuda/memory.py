"""The memory of a step of PyTorch on a GPU: the allocator's peaks, and what they are made of, line by line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from tatami.errors import OptionError
from tatami.network import Network
from tatami.plan.cuda.allocator import Usage, simulate
from tatami.plan.cuda.events import Running, running
from tatami.plan.cudnn import GPU_CONTEXT, MARGIN, cublas_workspace
from tatami.plan.devices import Device
from tatami.plan.memory import StepSettings
from tatami.plan.steps import Step


@dataclass(frozen=True)
class Line:
    """One term of the memory, in bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class CudaMemory:
    """What a training or an inference takes on a GPU, in bytes.

    Attributes:
        settings: of the step.
        allocated_peak: what ``torch.cuda.max_memory_allocated`` gives after some steps.
        reserved_peak: what ``torch.cuda.max_memory_reserved`` gives.
        context: what the driver gives to the CUDA context; an assumption.
        margin: what a batch leaves free of the card's memory; 0 where no card is named.
        limit: the card's memory; None where no card is named.
        peak_at: the step that reaches ``allocated_peak``.
        parts: what is alive then, term by term; their sum is what was asked for.
    """

    settings: StepSettings
    allocated_peak: int
    reserved_peak: int
    context: int
    margin: int
    limit: int | None
    peak_at: Step
    parts: tuple[Line, ...]

    @property
    def total(self) -> int:
        """All of it: segments, context and margin."""
        return self.reserved_peak + self.context + self.margin

    @property
    def fits(self) -> bool:
        """Whether the card has that much; True where no card is named."""
        return self.limit is None or self.total <= self.limit

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every term and every sum, in the order in which they add up."""
        requested = sum(part.size for part in self.parts)
        return (
            *self.parts,
            Line("rounding", self.allocated_peak - requested),
            Line("allocated peak", self.allocated_peak),
            Line("unused in reserved segments", self.reserved_peak - self.allocated_peak),
            Line("reserved peak", self.reserved_peak),
            Line("context", self.context),
            Line("margin", self.margin),
            Line("total", self.total),
        )


def foretell(
    network: Network, settings: StepSettings, device: Device | None = None, limit: int | None = None
) -> CudaMemory:
    """The memory of a step on a GPU.

    Args:
        network: any network.
        settings: which step, of engine ``torch``.
        device: the card; unless given, cuBLAS's workspaces are taken as on the newest.
        limit: bytes of memory that there are; those of the card unless given.

    Raises:
        OptionError: the settings are of another engine.
    """
    return Foreteller(network, settings, device, limit).at(settings.batch)


class Foreteller:
    """The memory of steps that differ in their batch alone.

    Args:
        network, settings, device, limit: as for :func:`foretell`; the settings' batch plays no part.
    """

    def __init__(
        self, network: Network, settings: StepSettings, device: Device | None = None, limit: int | None = None
    ) -> None:
        if settings.engine != "torch":
            raise OptionError("this is the memory of engine torch", got=f"engine {settings.engine}", expected="torch")
        self.network, self.settings, self.device = network, settings, device
        self.limit = device.memory_bytes if limit is None and device is not None else limit

    @cached_property
    def steps(self) -> Running:
        """The steps as the allocator sees them."""
        return running(self.network, self.settings, cublas_workspace(self.device))

    @property
    def margin(self) -> int:
        """Bytes of the limit that a batch leaves free."""
        return 0 if self.limit is None else round(MARGIN * self.limit)

    @property
    def room(self) -> int | None:
        """Bytes of the limit that the allocator may reserve."""
        return None if self.limit is None else self.limit - GPU_CONTEXT - self.margin

    def usage(self, batch: int) -> Usage:
        """What the steps take, with as much as there is; where that is too little, with as much as they need."""
        events = list(self.steps.events(batch))
        usage = simulate(events, self.room)
        return usage if usage.fits else simulate(events)

    def fits(self, batch: int) -> bool:
        """Whether the steps run within the limit."""
        return simulate(self.steps.events(batch), self.room).fits

    def at(self, batch: int) -> CudaMemory:
        """The memory of steps of ``batch`` samples."""
        usage = self.usage(batch)
        return CudaMemory(
            settings=self.settings,
            allocated_peak=usage.allocated_peak,
            reserved_peak=usage.reserved_peak,
            context=GPU_CONTEXT,
            margin=self.margin,
            limit=self.limit,
            peak_at=self.steps.step_of(usage.peak_at),
            parts=self._parts(batch, usage.peak_at),
        )

    def _parts(self, batch: int, event: int) -> tuple[Line, ...]:
        """What is alive after an event, by kind."""
        alive: dict[str, int] = {}
        for i, (name, size) in enumerate(self.steps.events(batch)):
            if size is None:
                del alive[name]
            else:
                alive[name] = size
            if i == event:
                break
        constants = {tensor.name: tensor.kind for tensor in self.steps.constants}
        buffers = self.steps.schedule.buffers
        found: Counter[str] = Counter()
        for name, size in alive.items():
            if name in constants:
                found[constants[name]] += size
            elif name not in buffers:
                found["cuBLAS workspace"] += size
            elif buffers[name].savers and buffers[name].kind == "activations":
                found[f"saved by {' and '.join(sorted(buffers[name].savers))}"] += size
            else:
                found[_NAMES[buffers[name].kind]] += size
        saved = sorted((name for name in found if name.startswith("saved by")), key=lambda name: -found[name])
        order = (*_FIRST, *saved, *_LAST)
        return tuple(Line(name, found[name]) for name in order if found[name])


_NAMES = {
    "input": "input",
    "weights": "narrow copies of weights",
    "activations": "activations that are not saved",
    "gradients of activations": "gradients of activations",
    "gradients": "gradients",
    "temporaries": "temporaries",
    "workspace": "convolution workspace",
}
_FIRST = ("weights", "running statistics", "optimizer", "gradients", "narrow copies of weights", "input")
_LAST = (
    *("activations that are not saved", "gradients of activations", "temporaries"),
    *("convolution workspace", "cuBLAS workspace"),
)
