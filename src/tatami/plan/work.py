"""What the two passes of a layer have to do, whatever the device: operations, bytes, and kernels to start.

FLOPs are 2 a MAC; those of layers without weights are not counted, as their bytes take longer. Backward FLOPs are those
of :func:`tatami.plan.gradients.backward_products`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tatami.network import Network, Node
from tatami.network.layers import Conv, Dense, Input, Layer, Shape, product
from tatami.plan.devices import BITS, Dtype
from tatami.plan.gradients import backward_products
from tatami.plan.launches import launches
from tatami.plan.traffic import moved

# Tensor cores take channels by 16 bytes; a library fills up what is missing, and computes with it. Source: NVIDIA, Deep
# Learning Performance, Convolutional Layers User's Guide, "Channels In and Out"; Linear/Fully-Connected Layers, the
# same for inputs and outputs.
ALIGNMENT: dict[Dtype, int] = {"float32": 1, "tf32": 4, "bf16": 8}


@dataclass(frozen=True)
class Work:
    """One pass of one layer over the batch.

    Attributes:
        flops: floating-point operations.
        tensor_flops: those that tensor cores do for them, with channels filled up.
        bytes: read and written.
        kernels: started one by one.
    """

    flops: int = 0
    tensor_flops: int = 0
    bytes: int = 0
    kernels: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.flops + other.flops,
            self.tensor_flops + other.tensor_flops,
            self.bytes + other.bytes,
            self.kernels + other.kernels,
        )


def layer_work(
    network: Network, node: Node, batch: int, dtype: Dtype, *, into: bool, gathered: int, eager: bool
) -> tuple[Work, Work]:
    """The forward pass, then the backward pass.

    Args:
        network: the network.
        node: the layer in its place.
        batch: samples.
        dtype: of values and products.
        into: whether the input needs a gradient.
        gathered: how many further gradients of the output must be added up, as it is read more than once.
        eager: whether it is done as by PyTorch, an operator at a time.
    """
    shapes, width = network.input_shapes(node), BITS[dtype] // 8
    trainable = [p.size for p in node.layer.parameters(*shapes).values() if p.trainable]
    own, inputs, output = sum(trainable), batch * sum(map(product, shapes)), batch * product(node.shape)
    # Each gradient that is added: read two, write one.
    additions = Work(bytes=3 * width * gathered * output, kernels=gathered)
    macs = batch * node.layer.macs(*shapes)
    if macs:
        share = filled_share(node.layer, shapes, ALIGNMENT[dtype])
        once = Work(2 * macs, round(2 * macs * share), width * (inputs + output + own), 1)
        forward, backward = once, sum([once] * backward_products(own > 0, into), Work())
        if eager:
            extra = _apart(node.layer, width, output, trainable)
            forward, backward = forward + extra[0], backward + extra[1]
    elif isinstance(node.layer, Input) and eager and width < 4:
        forward, backward = Work(bytes=(4 + width) * output, kernels=1), Work()  # the batch comes in float32
    else:
        values, kernels = moved(node.layer, shapes, node.shape), launches(node.layer, shapes, node.shape)
        forward = Work(bytes=width * (batch * values[0] + own), kernels=kernels[0])
        backward = Work(bytes=width * (batch * values[1] + 2 * own), kernels=kernels[1]) if own or into else Work()
    return forward, backward + additions


def _apart(layer: Layer, width: int, output: int, trainable: list[int]) -> tuple[Work, Work]:
    """What PyTorch does beside the products: an operator at a time, the bias of a CONV is added by a kernel of its own.

    In bf16 every step rounds the weights, and widens their gradients again (torch.autocast).
    """
    bias = getattr(layer, "bias", False)
    forward = Work(bytes=2 * width * output, kernels=1) if bias and isinstance(layer, Conv) else Work()
    backward = Work(bytes=width * output, kernels=1) if bias else Work()
    rounding = Work(bytes=(4 + width) * sum(trainable), kernels=len(trainable)) if width < 4 else Work()
    return forward + rounding, backward + rounding


def filled_share(layer: Layer, shapes: tuple[Shape, ...], step: int) -> float:
    """How many times as many products there are with channels in and out filled up to multiples of ``step``."""
    sides: tuple[int, ...] = ()
    if isinstance(layer, Conv):
        sides = (shapes[0][-1] // layer.groups, layer.filters // layer.groups)
    elif isinstance(layer, Dense):
        sides = (product(shapes[0]), layer.units)
    return math.prod(-(-side // step) * step / side for side in sides)
