"""The arithmetic of each layer with its numbers written out: ``(3*3*64 + 1)*64 = 36,928``.

One function for each question, by layer type: what the layer does, its parameters, its MACs. The left side of every
:class:`Step` is plain arithmetic, so that a test can evaluate it and hold it against the value that the layer's own
rules give.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

from tatami.network.layers import (
    GELU,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    Dropout,
    Flatten,
    GlobalAveragePool,
    HardSigmoid,
    HardSwish,
    Input,
    Layer,
    LayerNorm,
    LeakyReLU,
    LocalResponseNorm,
    Multiply,
    Pool,
    ReLU,
    ReLU6,
    Scale,
    Shape,
    Shuffle,
    Sigmoid,
    SiLU,
    Slice,
    Softmax,
    Tanh,
    product,
)


@dataclass(frozen=True)
class Step:
    """One line of arithmetic: ``what: left = value``, and a remark behind it."""

    what: str
    left: str
    value: int
    remark: str = ""

    def __str__(self) -> str:
        equation = f"{self.value:,}" if self.left == str(self.value) else f"{self.left} = {self.value:,}"
        return f"{equation}{', ' * bool(self.remark)}{self.remark}"


def times(*factors: int) -> str:
    """``3*3*64``."""
    return "*".join(map(str, factors))


# --- what a layer does ---


@singledispatch
def rule(layer: Layer) -> str:
    """The layer's formula in words, for one value of its output."""
    return (type(layer).__doc__ or "").partition("\n")[0].rstrip(".")


@rule.register
def _(layer: Conv) -> str:
    seen = "the window over all channels" if layer.groups == 1 else f"the window over its 1/{layer.groups} of channels"
    return f"each filter gives, at each position, sum({seen} * weights){' + bias' * layer.bias}"


@rule.register
def _(layer: DepthwiseConv) -> str:
    return f"each filter sees one channel: sum(window * weights){' + bias' * layer.bias}"


@rule.register
def _(layer: Dense) -> str:
    return f"each output is sum(all inputs * weights){' + bias' * layer.bias}"


@rule.register
def _(layer: Pool) -> str:
    return f"the {'largest value' if layer.kind == 'max' else 'mean'} of each window, channel by channel"


@rule.register
def _(layer: GlobalAveragePool) -> str:
    return "the mean of each whole map"


@rule.register
def _(layer: BatchNorm) -> str:
    return "scale * (x - mean) / sqrt(variance + eps) + shift, a channel at a time over batch and positions"


@rule.register
def _(layer: LayerNorm) -> str:
    return "scale * (x - mean) / sqrt(variance + eps) + shift, a position at a time over channels"


@rule.register
def _(layer: LocalResponseNorm) -> str:
    return f"x / ({layer.k:g} + {layer.alpha:g} * sum of squares over {layer.size} channels)^{layer.beta:g}"


@rule.register
def _(layer: Dropout) -> str:
    return f"training: 0 with probability {layer.rate:g}, else x / (1 - {layer.rate:g}); inference: x"


_FUNCTIONS: dict[type[Layer], str] = {
    Input: "the sample as it comes",
    ReLU: "max(x, 0)",
    ReLU6: "min(max(x, 0), 6)",
    LeakyReLU: "x, or slope * x where x is negative",
    Sigmoid: "1 / (1 + exp(-x))",
    Tanh: "tanh(x)",
    GELU: "x * Phi(x)",
    SiLU: "x / (1 + exp(-x))",
    HardSigmoid: "min(max(x + 3, 0), 6) / 6",
    HardSwish: "x * min(max(x + 3, 0), 6) / 6",
    Softmax: "exp(x) / sum of exp(x) over the channels",
    Scale: "x * a learned factor, one for each channel",
    Flatten: "the same values as one vector, row by row",
    Slice: "some of the channels",
    Shuffle: "the same channels in another order",
    Add: "the sum of the inputs, value by value",
    Multiply: "the product of the inputs, value by value",
    Concat: "the inputs one behind the other, along depth",
}
for _cls, _text in _FUNCTIONS.items():
    rule.register(_cls, lambda layer, text=_text: text)


# --- parameters ---


@singledispatch
def parameter_steps(layer: Layer, *shapes: Shape) -> list[Step]:
    """How many values the layer learns, and keeps; none for most layers."""
    parameters = layer.parameters(*shapes).values()
    trainable = [p.size for p in parameters if p.trainable]
    kept = [p.size for p in parameters if not p.trainable]
    steps = [Step("parameters", " + ".join(map(str, trainable)) or "0", sum(trainable))]
    return [*steps, *([Step("kept statistics", " + ".join(map(str, kept)), sum(kept))] if kept else [])]


@parameter_steps.register
def _(layer: Conv, *shapes: Shape) -> list[Step]:
    depth = shapes[0][-1] // layer.groups
    total = sum(parameter.size for parameter in layer.parameters(*shapes).values())
    return [Step("parameters", _with_bias(times(*layer.kernel_size, depth), layer.filters, layer.bias), total)]


@parameter_steps.register
def _(layer: Dense, *shapes: Shape) -> list[Step]:
    total = sum(parameter.size for parameter in layer.parameters(*shapes).values())
    return [Step("parameters", _with_bias(times(*shapes[0]), layer.units, layer.bias), total)]


@parameter_steps.register(BatchNorm)
@parameter_steps.register(LayerNorm)
def _(layer: Layer, *shapes: Shape) -> list[Step]:
    channels = shapes[0][-1]
    steps = [Step("parameters", times(2, channels), 2 * channels, "scale and shift")]
    if isinstance(layer, BatchNorm):
        steps.append(Step("kept statistics", times(2, channels), 2 * channels, "running mean and variance"))
    return steps


def _with_bias(weights: str, filters: int, bias: bool) -> str:
    return f"({weights} + 1)*{filters}" if bias else f"{weights}*{filters}"


# --- multiply-accumulates ---


@singledispatch
def mac_steps(layer: Layer, *shapes: Shape) -> list[Step]:
    """Multiply-accumulates of one forward pass of one sample; none are counted for layers without weights."""
    macs = layer.macs(*shapes)
    return [Step("MACs", str(macs), macs)] if macs else []


@mac_steps.register
def _(layer: Conv, *shapes: Shape) -> list[Step]:
    outputs = times(*layer.window(*shapes).output, layer.filters)
    each = times(*layer.kernel_size, shapes[0][-1] // layer.groups)
    return [Step("MACs", f"({outputs}) * ({each})", layer.macs(*shapes), "outputs times weights that feed each")]


@mac_steps.register
def _(layer: Dense, *shapes: Shape) -> list[Step]:
    return [Step("MACs", f"{times(*shapes[0])} * {layer.units}", layer.macs(*shapes))]


# --- values ---


def value_step(shape: Shape, activation_values: int) -> Step:
    """Values of the output that need memory of their own."""
    if activation_values != product(shape):
        return Step("activation values", "0", 0, f"it works in place on the {product(shape):,} values of its input")
    return Step("activation values", times(*shape), activation_values)
