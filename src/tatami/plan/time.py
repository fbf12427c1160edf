"""The time of a training step, foretold: the host starts kernels, and the device does their work by a roofline.

    work = max(FLOPs / (peak * efficiency), bytes / (bandwidth * efficiency))

Source: Williams, Waterman & Patterson 2009, Roofline, section 3. In bf16 and tf32 a layer takes tensor cores, with its
channels filled up to what they take, or the plain float32 units, whichever are the faster.

A kernel begins when the one before has ended and the host has started it, which takes the host as long for a small
kernel as for a large one. So a small network's step takes kernels * launch, however fast the card. The host is ahead of
the device where kernels are long; at the start of a step it is not, as training looks at the loss of each step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tatami.errors import OptionError, nearest
from tatami.network import Network
from tatami.plan.devices import DTYPES, Device, Dtype
from tatami.plan.efficiency import DATA_SHEET, MEASURED, Efficiency
from tatami.plan.gradients import learning
from tatami.plan.launches import update_launches
from tatami.plan.work import Work, layer_work
from tatami.recipe import SGD, Optimizer

Bound = Literal["compute", "memory", "launch", ""]


@dataclass(frozen=True)
class Pass:
    """One pass of one layer over the batch.

    Attributes:
        flops: floating-point operations.
        bytes: bytes read and written.
        seconds: by how much it lengthens the step: the longer of what both need, and waiting for the host.
        binds: what takes longest; empty where there is nothing to do.
        kernels: that the host starts, one by one; 0 where it does not.
    """

    flops: int
    bytes: int
    seconds: float
    binds: Bound
    kernels: int = 0


@dataclass(frozen=True)
class LayerTime:
    """One layer's two passes."""

    name: str
    type: str
    forward: Pass
    backward: Pass

    @property
    def seconds(self) -> float:
        """Both passes."""
        return self.forward.seconds + self.backward.seconds

    @property
    def binds(self) -> Bound:
        """What binds the longer pass."""
        return max(self.forward, self.backward, key=lambda one: one.seconds).binds


@dataclass(frozen=True)
class StepTime:
    """The time of one training step on ``batch`` samples.

    Attributes:
        device: on which.
        dtype: of values and products.
        batch: samples in the step.
        layers: INPUT first.
        update: the optimizer's pass over the parameters.
        efficiency: what is assumed.
    """

    device: Device
    dtype: Dtype
    batch: int
    layers: tuple[LayerTime, ...]
    update: Pass
    efficiency: Efficiency

    @property
    def kernels(self) -> int:
        """How many the host starts in a step."""
        return sum(layer.forward.kernels + layer.backward.kernels for layer in self.layers) + self.update.kernels

    @property
    def host(self) -> float:
        """Seconds that the host takes to start them; the step takes no less."""
        return self.kernels * self.efficiency.launch

    @property
    def forward(self) -> float:
        """Seconds of all forward passes."""
        return sum(layer.forward.seconds for layer in self.layers)

    @property
    def backward(self) -> float:
        """Seconds of all backward passes."""
        return sum(layer.backward.seconds for layer in self.layers)

    @property
    def seconds(self) -> float:
        """Seconds of the whole step."""
        return self.forward + self.backward + self.update.seconds

    @property
    def training_rate(self) -> float:
        """Samples a second in training."""
        return self.batch / self.seconds if self.seconds else 0.0

    @property
    def inference_rate(self) -> float:
        """Samples a second through the forward pass alone."""
        return self.batch / self.forward if self.forward else 0.0


def foretell_time(
    network: Network,
    device: Device,
    batch: int = 1,
    optimizer: Optimizer | None = None,
    dtype: Dtype = "float32",
    efficiency: Efficiency | None = None,
) -> StepTime:
    """Foretell the time of one training step.

    Args:
        network: any network.
        device: from :func:`tatami.plan.card_names.find_device`, or this machine, calibrated.
        batch: samples in one step.
        optimizer: whose update is counted; plain SGD unless given.
        dtype: of values and products: float32; tf32, which are float32 values whose products take tensor cores; or
            bf16, values of 2 bytes beside parameters and optimizer state in float32.
        efficiency: what to assume; :data:`MEASURED` for a measured device and :data:`DATA_SHEET` for a card unless
            given.

    Raises:
        OptionError: an impossible batch, an unknown dtype, or a figure that the device lacks.
    """
    if batch < 1:
        raise OptionError("impossible batch", got=batch, expected="at least 1")
    if dtype not in DTYPES:
        close = nearest(dtype, DTYPES)
        raise OptionError(
            "unknown dtype", got=dtype, expected=", ".join(DTYPES), hint=f"did you mean {close}?" if close else None
        )
    efficiency = efficiency or (MEASURED if device.measured else DATA_SHEET)
    eager = not device.measured  # a card is PyTorch's; a measured machine runs the CPU engine, which is one call
    clock = Clock(device, dtype, efficiency)
    uses, learns = network.consumers(), learning(network)
    work = {}
    for node in network:
        into = any(name in learns for name in node.inputs)
        gathered = max(0, len(uses[node.name]) - 1) if node.name in learns else 0
        work[node.name] = layer_work(network, node, batch, dtype, into=into, gathered=gathered, eager=eager)
    forward = {node.name: clock.take(work[node.name][0]) for node in network}
    backward = {node.name: clock.take(work[node.name][1]) for node in network.nodes[::-1]}
    layers = (LayerTime(n.name, n.layer.keyword, forward[n.name], backward[n.name]) for n in network)
    sizes = [parameter.size for parameter in network.parameters().values() if parameter.trainable]
    slots = len((optimizer or SGD()).slots)
    # Read weight, gradient and state, write weight and state, all in float32.
    update = Work(bytes=4 * (3 + 2 * slots) * sum(sizes), kernels=update_launches(sizes, slots))
    return StepTime(device, dtype, batch, tuple(layers), clock.take(update), efficiency)


class Clock:
    """Two hands: when the host has started what it was asked for so far, and when the device has done it."""

    def __init__(self, device: Device, dtype: Dtype, efficiency: Efficiency) -> None:
        self.plain = efficiency.compute * device.peak()
        self.tensor = efficiency.compute * device.peak(dtype)
        self.bytes = efficiency.memory * device.bandwidth()
        self.launch = efficiency.launch
        self.host = self.done = 0.0

    def take(self, work: Work) -> Pass:
        """Put kernels of equal length behind what there is."""
        compute = min(work.flops / self.plain, work.tensor_flops / self.tensor)
        memory = work.bytes / self.bytes
        seconds = max(compute, memory)
        kernels = work.kernels if self.launch else 0
        before = self.done
        if kernels:
            # The device waits for the first kernel's start, or later ones are done before the last is started.
            first, last = self.host + self.launch, self.host + kernels * self.launch
            self.done = max(self.done + seconds, first + seconds, last + seconds / kernels)
            self.host = last
        else:
            self.done += seconds
        passed = self.done - before
        binds: Bound = "" if not passed else "compute" if compute > memory else "memory"
        if passed > 2 * seconds:
            binds = "launch"  # more waiting than work
        return Pass(work.flops, work.bytes, passed, binds, kernels)
