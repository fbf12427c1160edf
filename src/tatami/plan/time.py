"""The time of a training step, foretold by a roofline: a layer takes what its arithmetic or its bytes need.

    seconds = max(FLOPs / (peak * efficiency), bytes / (bandwidth * efficiency))

Source: Williams, Waterman & Patterson 2009, Roofline, section 3. FLOPs are 2 a MAC; those of layers without weights are
not counted, as their bytes take longer. Backward FLOPs are those of
:func:`tatami.plan.gradients.backward_products`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tatami.errors import OptionError, nearest
from tatami.network import Network, Node
from tatami.network.layers import product
from tatami.plan.devices import DTYPES, Device, Dtype
from tatami.plan.gradients import backward_products, learning
from tatami.plan.traffic import moved
from tatami.recipe import SGD, Optimizer


@dataclass(frozen=True)
class Efficiency:
    """Which share of a device's peak and of its bandwidth a good kernel is taken to reach, and why."""

    compute: float
    memory: float
    compute_reason: str
    memory_reason: str

    def __str__(self) -> str:
        return (
            f"assumes {self.compute:g} of peak ({self.compute_reason}) "
            f"and {self.memory:g} of bandwidth ({self.memory_reason})"
        )


DATA_SHEET = Efficiency(
    compute=0.6,
    memory=0.8,
    compute_reason="a data sheet's peak is at boost clock with no tile part empty; convolutions have both",
    memory_reason="a data sheet's bandwidth is that of the pins; refresh and turn-around take a share",
)
MEASURED = Efficiency(
    compute=0.7,
    memory=0.9,
    compute_reason="the peak is that of a large matrix product; a convolution gathers its windows too",
    memory_reason="the bandwidth is that of a copy; kernels also wait for their first and last bytes",
)

Bound = Literal["compute", "memory", ""]

_VALUE_BYTES = {"float32": 4, "tf32": 4, "bf16": 2}


@dataclass(frozen=True)
class Pass:
    """One pass of one layer over the batch.

    Attributes:
        flops: floating-point operations.
        bytes: bytes read and written.
        seconds: the longer of what both need.
        binds: what takes longer; empty where there is nothing to do.
    """

    flops: int
    bytes: int
    seconds: float
    binds: Bound


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
    network: Network, device: Device, batch: int = 1, optimizer: Optimizer | None = None, dtype: Dtype = "float32"
) -> StepTime:
    """Foretell the time of one training step.

    Args:
        network: any network.
        device: from :func:`tatami.plan.card_names.find_device`, or this machine, calibrated.
        batch: samples in one step.
        optimizer: whose update is counted; plain SGD unless given.
        dtype: of values and products: float32; tf32, which are float32 values whose products take tensor cores; or
            bf16, values of 2 bytes beside parameters and optimizer state in float32.

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
    efficiency = MEASURED if device.measured else DATA_SHEET
    flops_rate, bytes_rate = efficiency.compute * device.peak(dtype), efficiency.memory * device.bandwidth()

    def roofline(flops: int, count: int) -> Pass:
        compute, memory = flops / flops_rate, count / bytes_rate
        binds: Bound = "" if not flops and not count else "compute" if compute > memory else "memory"
        return Pass(flops, count, max(compute, memory), binds)

    value = _VALUE_BYTES[dtype]
    uses = network.consumers()
    learns = learning(network)
    layers, trainable = [], 0
    for node in network:
        own = sum(p.size for p in node.layer.parameters(*network.input_shapes(node)).values() if p.trainable)
        trainable += own
        into = any(name in learns for name in node.inputs)
        gathered = max(0, len(uses[node.name]) - 1) if node.name in learns else 0
        forward, backward = _work(network, node, batch, into=into, own=own, gathered=gathered)
        layers.append(
            LayerTime(
                node.name,
                node.layer.keyword,
                roofline(forward[0], value * forward[1]),
                roofline(backward[0], value * backward[1]),
            )
        )
    slots = len((optimizer or SGD()).slots)
    # Read weight, gradient and state, write weight and state, all in float32; in bf16 a copy of 2 bytes is written for
    # the next forward pass.
    each = 4 * (3 + 2 * slots) + (0 if value == 4 else value)
    return StepTime(device, dtype, batch, tuple(layers), roofline(0, each * trainable), efficiency)


def _work(
    network: Network, node: Node, batch: int, *, into: bool, own: int, gathered: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """FLOPs and values of the forward and the backward pass.

    Args:
        network: the network.
        node: the layer in its place.
        batch: samples.
        into: whether the input needs a gradient.
        own: trainable parameters.
        gathered: how many further gradients of the output must be added up, as it is read more than once.
    """
    shapes = network.input_shapes(node)
    additions = 3 * gathered * batch * product(node.shape)  # read two, write one
    macs = batch * node.layer.macs(*shapes)
    if macs:
        values = batch * (sum(map(product, shapes)) + product(node.shape)) + own
        products = backward_products(own > 0, into)
        return (2 * macs, values), (products * 2 * macs, products * values + additions)
    forward, backward = moved(node.layer, shapes, node.shape)
    needed = bool(own) or into
    return (0, batch * forward + own), (0, (batch * backward + 2 * own if needed else 0) + additions)
