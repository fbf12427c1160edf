"""Each layer in Keras 3. Maps are (N, *, C) as in tatami, and so are the weights."""

from __future__ import annotations

from functools import singledispatch

from tatami.errors import NetworkError
from tatami.exchange.script.spelling import Argument, Spelling, single
from tatami.network.layers import (
    GELU,
    Activation,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    HardSigmoid,
    HardSwish,
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
)
from tatami.network.layers.windows import Window, same_padding

_ACTIVATIONS: dict[type[Activation], str] = {
    Sigmoid: "sigmoid",
    Tanh: "tanh",
    GELU: "gelu",
    SiLU: "silu",
    HardSigmoid: "hard_sigmoid",
    HardSwish: "hard_silu",
}


@singledispatch
def spell(layer: Layer, *shapes: Shape) -> Spelling:
    """The layer in Keras, for inputs of tatami's ``shapes``."""
    raise NetworkError(f"{layer.keyword} has no form in Keras")


def is_depthwise(layer: Layer, *shapes: Shape) -> bool:
    """Whether Keras has the layer as DepthwiseConv, whose strides are equal for all axes."""
    return (
        isinstance(layer, Conv)
        and layer.groups == shapes[0][-1] > 1
        and len(shapes[0]) <= 3
        and len(set(layer.stride)) == len(set(layer.dilation)) == 1
    )


@spell.register
def _conv(layer: Conv, *shapes: Shape) -> Spelling:
    axes = len(shapes[0]) - 1
    window = layer.window(shapes[0])
    # Keras has no stride beside a dilation: there, positions between are computed and left out.
    is_strided = max(layer.stride) > 1
    strides = layer.stride if not (is_strided and max(layer.dilation) > 1) else (1,) * axes
    same = tuple(same_padding(a.length, a.size, a.stride, a.dilation) for a in window.axes)
    is_same = window.padding == same and strides == layer.stride and _is_padded(window)
    sizes = (
        Argument("kernel", single(layer.kernel_size)),
        Argument("stride", single(strides), "strides", 1),
        Argument("padding", "same" if is_same else "valid", "padding", "valid"),
        Argument("dilation", single(layer.dilation), "dilation_rate", 1),
    )
    bias = Argument("bias", layer.bias, "use_bias", True)
    if is_depthwise(layer, *shapes):
        kind = f"layers.DepthwiseConv{axes}D"
        arguments: tuple[Argument, ...] = (
            *sizes,
            Argument("multiplier", layer.filters // layer.groups, "depth_multiplier", 1),
            bias,
        )
    else:
        kind = f"layers.Conv{axes}D"
        arguments = (Argument("out", layer.filters), *sizes, Argument("groups", layer.groups, "groups", 1), bias)
    call = "{self}({0})" if is_same else f"{{self}}({_with_zeros(window)})"
    if strides != layer.stride:
        call += f"[:, {', '.join(f'::{stride}' for stride in layer.stride)}]"
    return Spelling(kind, arguments, call, begins=True)


@spell.register
def _pool(layer: Pool, *shapes: Shape) -> Spelling:
    axes = len(shapes[0]) - 1
    window = layer.window(shapes[0])
    arguments = (
        Argument("kernel", single(layer.kernel_size)),
        Argument("stride", single(layer.stride), "strides", single(layer.kernel_size)),
    )
    if layer.kind == "max":
        padded = f'ops.pad({{0}}, {_pads(window)}, constant_values=-float("inf"))' if _is_padded(window) else "{0}"
        return Spelling(f"layers.MaxPooling{axes}D", arguments, f"{{self}}({padded})", begins=True)
    kind = f"layers.AveragePooling{axes}D"
    if not _is_padded(window) or layer.count_pad:
        return Spelling(kind, arguments, f"{{self}}({_with_zeros(window)})", begins=True)
    call = f"mean_of_pixels({{self}}, {{0}}, {_pads(window)})"
    return Spelling(kind, arguments, call, ("mean_of_pixels",), begins=True)


@spell.register
def _global_average_pool(layer: GlobalAveragePool, *shapes: Shape) -> Spelling:
    return Spelling(f"layers.GlobalAveragePooling{len(shapes[0]) - 1}D", begins=True)


@spell.register
def _dense(layer: Dense, *shapes: Shape) -> Spelling:
    arguments = (Argument("out", layer.units), Argument("bias", layer.bias, "use_bias", True))
    call = "{self}(layers.Flatten()({0}))" if len(shapes[0]) > 1 else "{self}({0})"
    return Spelling("layers.Dense", arguments, call, begins=True)


@spell.register
def _batch_norm(layer: BatchNorm, *shapes: Shape) -> Spelling:
    momentum = round(1 - layer.momentum, 12)  # Keras' is the share of the old statistics
    arguments = (
        Argument("eps", layer.eps, "epsilon", 0.001),
        Argument("momentum", momentum, "momentum", 0.99),
    )
    return Spelling("layers.BatchNormalization", arguments, begins=True)


@spell.register
def _layer_norm(layer: LayerNorm, *shapes: Shape) -> Spelling:
    return Spelling("layers.LayerNormalization", (Argument("eps", layer.eps, "epsilon", 0.001),), begins=True)


@spell.register
def _local_response_norm(layer: LocalResponseNorm, *shapes: Shape) -> Spelling:
    numbers = f"{layer.size}, {layer.alpha}, {layer.beta}, {layer.k}"
    return Spelling(call=f"local_response_norm({{0}}, {numbers})", helpers=("local_response_norm",), begins=True)


@spell.register
def _scale(layer: Scale, *shapes: Shape) -> Spelling:
    return Spelling("Scale", helpers=("Scale",), begins=True)


@spell.register
def _activation(layer: Activation, *shapes: Shape) -> Spelling:
    return Spelling("layers.Activation", (Argument("function", _ACTIVATIONS[type(layer)]),), begins=True)


@spell.register
def _relu(layer: ReLU, *shapes: Shape) -> Spelling:
    return Spelling("layers.ReLU", begins=True)


@spell.register
def _relu6(layer: ReLU6, *shapes: Shape) -> Spelling:
    return Spelling("layers.ReLU", (Argument("limit", 6.0),), begins=True)


@spell.register
def _leaky_relu(layer: LeakyReLU, *shapes: Shape) -> Spelling:
    return Spelling("layers.LeakyReLU", (Argument("slope", layer.slope),), begins=True)


@spell.register
def _softmax(layer: Softmax, *shapes: Shape) -> Spelling:
    return Spelling("layers.Softmax", begins=True)


@spell.register
def _dropout(layer: Dropout, *shapes: Shape) -> Spelling:
    return Spelling("layers.Dropout", (Argument("rate", layer.rate),), begins=True)


@spell.register
def _flatten(layer: Flatten, *shapes: Shape) -> Spelling:
    return Spelling("layers.Flatten", begins=True)


@spell.register
def _slice(layer: Slice, *shapes: Shape) -> Spelling:
    return Spelling(call=f"{{0}}[..., {layer.start}:{layer.stop}]", begins=True)


@spell.register
def _shuffle(layer: Shuffle, *shapes: Shape) -> Spelling:
    return Spelling(call=f"shuffle({{0}}, {layer.groups})", helpers=("shuffle",), begins=True)


@spell.register
def _add(layer: Add, *shapes: Shape) -> Spelling:
    return Spelling("layers.Add", call=f"{{self}}([{_inputs(shapes)}])", begins=True)


@spell.register
def _multiply(layer: Multiply, *shapes: Shape) -> Spelling:
    axes = max(map(len, shapes)) - 1
    factors = [
        f"layers.Reshape({(*(1,) * axes, shape[-1])})({{{i}}})" if axes and len(shape) == 1 else f"{{{i}}}"
        for i, shape in enumerate(shapes)
    ]
    return Spelling("layers.Multiply", call=f"{{self}}([{', '.join(factors)}])", begins=True)


@spell.register
def _concat(layer: Concat, *shapes: Shape) -> Spelling:
    return Spelling("layers.Concatenate", call=f"{{self}}([{_inputs(shapes)}])", begins=True)


def _inputs(shapes: tuple[Shape, ...]) -> str:
    return ", ".join(f"{{{i}}}" for i in range(len(shapes)))


def _is_padded(window: Window) -> bool:
    return any(axis.before or axis.after for axis in window.axes)


def _pads(window: Window) -> str:
    return str(((0, 0), *((axis.before, axis.after) for axis in window.axes), (0, 0)))


def _with_zeros(window: Window) -> str:
    """The input with its padding laid around."""
    if not _is_padded(window):
        return "{0}"
    pairs = window.padding
    is_even = len({n for pair in pairs for n in pair}) == 1
    padding = pairs[0][0] if is_even else pairs[0] if len(pairs) == 1 else pairs
    return f"layers.ZeroPadding{len(pairs)}D({padding})({{0}})"
