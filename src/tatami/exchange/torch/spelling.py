"""Each layer in PyTorch. N samples, C channels, * spatial sizes: maps are (N, C, *)."""

from __future__ import annotations

from dataclasses import dataclass
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
    product,
)
from tatami.network.layers.windows import Window

_ACTIVATIONS: dict[type[Activation], str] = {
    ReLU: "nn.ReLU",
    ReLU6: "nn.ReLU6",
    Sigmoid: "nn.Sigmoid",
    Tanh: "nn.Tanh",
    GELU: "nn.GELU",
    SiLU: "nn.SiLU",
    HardSigmoid: "nn.Hardsigmoid",
    HardSwish: "nn.Hardswish",
}


@dataclass(frozen=True)
class Place:
    """A layer in its place.

    Attributes:
        shapes: of its inputs in tatami, (*, C).
        free_order: whether a vector that comes out may have its values in any order.
    """

    shapes: tuple[Shape, ...]
    free_order: bool

    @property
    def axes(self) -> int:
        """Spatial axes of the first input."""
        return len(self.shapes[0]) - 1

    @property
    def depth(self) -> int:
        """Channels of the first input."""
        return self.shapes[0][-1]


@singledispatch
def spell(layer: Layer, place: Place) -> Spelling:
    """The layer in PyTorch."""
    raise NetworkError(f"{layer.keyword} has no form in PyTorch")


@spell.register
def _conv(layer: Conv, place: Place) -> Spelling:
    window = layer.window(place.shapes[0])
    is_even = all(axis.before == axis.after for axis in window.axes)
    arguments = (
        Argument("in", place.depth),
        Argument("out", layer.filters),
        Argument("kernel", single(layer.kernel_size)),
        Argument("stride", single(layer.stride), "stride", 1),
        Argument("padding", single(tuple(axis.before for axis in window.axes)) if is_even else 0, "padding", 0),
        Argument("dilation", single(layer.dilation), "dilation", 1),
        Argument("groups", layer.groups, "groups", 1),
        Argument("bias", layer.bias, "bias", True),
    )
    call = "{self}({0})" if is_even else f"{{self}}(F.pad({{0}}, {_pads(window)}))"
    return Spelling(f"nn.Conv{place.axes}d", arguments, call, begins=True)


@spell.register
def _pool(layer: Pool, place: Place) -> Spelling:
    window = layer.window(place.shapes[0])
    # PyTorch's own padding is even, and no wider than half the window.
    is_own = all(axis.before == axis.after <= axis.size // 2 for axis in window.axes)
    kernel = single(layer.kernel_size)
    padding = single(tuple(axis.before for axis in window.axes)) if is_own else 0
    arguments: tuple[Argument, ...] = (
        Argument("kernel", kernel),
        Argument("stride", single(layer.stride), "stride", kernel),
        Argument("padding", padding, "padding", 0),
    )
    kind = f"nn.MaxPool{place.axes}d" if layer.kind == "max" else f"nn.AvgPool{place.axes}d"
    if layer.kind == "avg" and padding != 0:
        arguments = (*arguments, Argument("count_pad", layer.count_pad, "count_include_pad", True))
    if is_own:
        return Spelling(kind, arguments)
    if layer.kind == "max":
        return Spelling(kind, arguments, f'{{self}}(F.pad({{0}}, {_pads(window)}, value=float("-inf")))')
    if layer.count_pad:
        return Spelling(kind, arguments, f"{{self}}(F.pad({{0}}, {_pads(window)}))")
    call = f"mean_of_pixels({{self}}, {{0}}, {_pads(window)})"
    return Spelling(kind, arguments, call, ("mean_of_pixels",))


@spell.register
def _global_average_pool(layer: GlobalAveragePool, place: Place) -> Spelling:
    return Spelling(call=f"{{0}}.mean({tuple(range(2, place.axes + 2))})")


@spell.register
def _dense(layer: Dense, place: Place) -> Spelling:
    arguments = (
        Argument("in", product(place.shapes[0])),
        Argument("out", layer.units),
        Argument("bias", layer.bias, "bias", True),
    )
    return Spelling("nn.Linear", arguments, "{self}({0}.flatten(1))" if place.axes else "{self}({0})", begins=True)


@spell.register
def _batch_norm(layer: BatchNorm, place: Place) -> Spelling:
    arguments = (
        Argument("channels", place.depth),
        Argument("eps", layer.eps, "eps", 1e-5),
        Argument("momentum", layer.momentum, "momentum", 0.1),
    )
    return Spelling(f"nn.BatchNorm{max(place.axes, 1)}d", arguments)


@spell.register
def _layer_norm(layer: LayerNorm, place: Place) -> Spelling:
    arguments = (Argument("channels", place.depth), Argument("eps", layer.eps, "eps", 1e-5))
    call = "{self}({0}.movedim(1, -1)).movedim(-1, 1)" if place.axes else "{self}({0})"
    return Spelling("nn.LayerNorm", arguments, call)


@spell.register
def _local_response_norm(layer: LocalResponseNorm, place: Place) -> Spelling:
    arguments = (
        Argument("size", layer.size),
        Argument("alpha", layer.alpha * layer.size, "alpha"),  # PyTorch divides it by the size
        Argument("beta", layer.beta, "beta"),
        Argument("k", layer.k, "k"),
    )
    return Spelling(
        "nn.LocalResponseNorm", arguments, "{self}({0})" if place.axes else "{self}({0}[..., None])[..., 0]"
    )


@spell.register
def _scale(layer: Scale, place: Place) -> Spelling:
    return Spelling("Scale", (Argument("channels", place.depth),), helpers=("Scale",))


@spell.register
def _activation(layer: Activation, place: Place) -> Spelling:
    return Spelling(_ACTIVATIONS[type(layer)])


@spell.register
def _leaky_relu(layer: LeakyReLU, place: Place) -> Spelling:
    return Spelling("nn.LeakyReLU", (Argument("slope", layer.slope),))


@spell.register
def _softmax(layer: Softmax, place: Place) -> Spelling:
    return Spelling("nn.Softmax", (Argument("axis", 1),))


@spell.register
def _dropout(layer: Dropout, place: Place) -> Spelling:
    return Spelling("nn.Dropout", (Argument("rate", layer.rate),))


@spell.register
def _flatten(layer: Flatten, place: Place) -> Spelling:
    if not place.axes:
        return Spelling(call="{0}")
    return Spelling(call="{0}.flatten(1)" if place.free_order else "{0}.movedim(1, -1).flatten(1)")


@spell.register
def _slice(layer: Slice, place: Place) -> Spelling:
    return Spelling(call=f"{{0}}[:, {layer.start}:{layer.stop}]")


@spell.register
def _shuffle(layer: Shuffle, place: Place) -> Spelling:
    return Spelling(call=f"{{0}}.unflatten(1, ({layer.groups}, -1)).transpose(1, 2).flatten(1, 2)")


@spell.register
def _add(layer: Add, place: Place) -> Spelling:
    return Spelling(call=" + ".join(_inputs(place)), begins=True)


@spell.register
def _multiply(layer: Multiply, place: Place) -> Spelling:
    axes = max(map(len, place.shapes)) - 1
    wide = f"[..., {', '.join(['None'] * axes)}]"
    factors = [
        name + (wide if axes and len(shape) == 1 else "")
        for name, shape in zip(_inputs(place), place.shapes, strict=True)
    ]
    return Spelling(call=" * ".join(factors), begins=True)


@spell.register
def _concat(layer: Concat, place: Place) -> Spelling:
    return Spelling(call=f"torch.cat([{', '.join(_inputs(place))}], 1)", begins=True)


def _inputs(place: Place) -> list[str]:
    return [f"{{{i}}}" for i in range(len(place.shapes))]


def _pads(window: Window) -> str:
    """As F.pad takes them: the last axis first."""
    pairs = [(axis.before, axis.after) for axis in window.axes]
    return str(tuple(n for pair in pairs[::-1] for n in pair))
