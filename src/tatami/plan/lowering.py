"""From layers to the operators of PyTorch that compute them in the torch engine: see :mod:`tatami.plan.operators`."""

from __future__ import annotations

from typing import Any

from tatami.network import Network, Node
from tatami.network.layers import (
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Input,
    LayerNorm,
    LocalResponseNorm,
    Multiply,
    Pool,
    Scale,
    Slice,
    Softmax,
    product,
)
from tatami.plan.cudnn import convolution_workspace
from tatami.plan.kept import Engine
from tatami.plan.operators import FLOAT_BITS, Operator, Passes, Size
from tatami.plan.padding import explicit_padding

PLACE_BITS = 64  # of a maximum's place
MASK_BITS = 8
FULL_PRECISION = (LayerNorm, Softmax)  # cast to float32 where activations are narrower
PROMOTED = (LocalResponseNorm, Scale)  # in float32 from some point on, without a cast of what they take


def lower(
    network: Network, engine: Engine, shared: set[str], *, bits: int, training: bool
) -> dict[str, tuple[Operator, ...]]:
    """The operators of each layer in order; none for the input.

    Args:
        network: any network.
        engine: what its layers keep.
        shared: the layers whose output lies in their input's memory.
        bits: width of an activation: 32, or 16 in mixed precision.
        training: whether autograd records them.
    """
    lowering = _Lowering(network, engine, shared, bits, training)
    found: dict[str, tuple[Operator, ...]] = {}
    for node in network:
        begin = len(lowering.operators)
        lowering.layer(node)
        found[node.name] = tuple(lowering.operators[begin:])
    return found


def output_width(network: Network, bits: int) -> dict[str, int]:
    """Bits of a value of each layer's output. In mixed precision CONV and FC compute in 16; some layers only in 32.

    The others give the widest of what they take. Source: PyTorch's documentation of torch.amp, "CUDA Ops that can
    autocast to float32" and "that promote to the widest input type".
    """
    width: dict[str, int] = {}
    for node in network:
        if isinstance(node.layer, (Input, *FULL_PRECISION, *PROMOTED)):
            width[node.name] = FLOAT_BITS
        elif isinstance(node.layer, (Conv, Dense)):
            width[node.name] = bits
        else:
            width[node.name] = max(width[name] for name in node.inputs)
    return width


class _Lowering:
    def __init__(self, network: Network, engine: Engine, shared: set[str], bits: int, training: bool) -> None:
        self.network, self.engine, self.shared, self.bits, self.training = network, engine, shared, bits, training
        self.width = output_width(network, bits)
        self.operators: list[Operator] = []
        self.sizes: dict[str, Size] = {}
        self.learns: set[str] = set()

    def layer(self, node: Node) -> None:
        """Lower one layer."""
        width = self.width[node.name]
        size = Size(width * product(node.shape), 0, width)
        if isinstance(node.layer, Input):
            self.sizes[node.name] = size
            return
        inputs = self.prepared(node)
        match node.layer:
            case LocalResponseNorm():
                self.response_norm(node, inputs[0], size)
            case Add() | Multiply():
                self.fold(node, size)
            case Pool(kind="avg", count_pad=False) if inputs != node.inputs:
                # The mean over a window with its padding, then times what that is of the mean over its pixels.
                self.add(node, "", (self.add(node, "mean", inputs, size, saves=inputs),), size)
            case Dropout() if self.training and not self.engine.is_gpu:
                # Numbers from a counter, as in the other engines: a product with the mask, and a quotient.
                self.add(node, "", (self.add(node, "kept", inputs, size, own=self.own(node)),), size)
            case _:
                self.one(node, inputs, size)

    def add(self, node: Node, part: str, inputs: tuple[str, ...], size: Size, **attributes: Any) -> str:
        """An operator that is a ``part`` of the layer, or with "" its end; returns the name of its output."""
        name = f"{node.name}.{part}" if part else node.name
        learns = bool(attributes.get("parameters")) or any(source in self.learns for source in inputs)
        self.sizes[name] = size
        if learns:
            self.learns.add(name)
        self.operators.append(
            Operator(node.name, node.layer.keyword, name, inputs, size, learns=learns and self.training, **attributes)
        )
        return name

    def prepared(self, node: Node) -> tuple[str, ...]:
        """The inputs as the layer's own operator takes them: padded, and in its precision."""
        layer, inputs = node.layer, node.inputs
        if isinstance(layer, (Conv, Pool)):
            shape, x = self.network.input_shapes(node)[0], self.sizes[inputs[0]]
            window = layer.window(shape)
            pairs = explicit_padding(layer, window)
            if pairs is not None:
                lengths = (axis.length + sum(pair) for axis, pair in zip(window.axes, pairs, strict=True))
                padded = Size(x.width * product((*lengths, shape[-1])), 0, x.width)
                inputs = (self.add(node, "padded", inputs, padded),)
        if isinstance(layer, (Conv, Dense, *FULL_PRECISION)):
            width, x = self.width[node.name], self.sizes[inputs[0]]
            if x.width != width:
                inputs = (self.add(node, "input", inputs, Size(x.bits // x.width * width, 0, width)),)
        return inputs

    def one(self, node: Node, inputs: tuple[str, ...], size: Size) -> None:
        """A layer that is one operator."""
        layer, engine = node.layer, self.engine
        shapes = self.network.input_shapes(node)
        parameters = tuple(
            (f"{node.name}.{name}", p.size * FLOAT_BITS // 8)
            for name, p in layer.parameters(*shapes).items()
            if p.trainable
        )
        narrow = isinstance(layer, (Conv, Dense)) and self.bits < FLOAT_BITS
        idle = isinstance(layer, Dropout) and not self.training
        passes: Passes = "whole" if isinstance(layer, Flatten) else "part" if isinstance(layer, Concat) else "new"
        saves = inputs if engine.wants_inputs(layer) else ()
        self.add(
            node,
            "",
            inputs,
            size,
            shares=node.name in self.shared or idle,
            dense=not isinstance(layer, Slice),
            saves=(*saves, node.name) if isinstance(layer, engine.keeps_output) else saves,
            own=self.own(node),
            parameters=parameters,
            copies=tuple((f"{name}.copy", count // 2) for name, count in parameters) if narrow else (),
            passes=passes,
            needs_dense=engine.is_gpu and isinstance(layer, (Conv, BatchNorm)),
            multiplies=isinstance(layer, Scale),
            workspace=convolution_workspace(layer, shapes[0]) if engine.is_gpu else 0,
        )

    def own(self, node: Node) -> tuple[tuple[str, Size], ...]:
        """Tensors that the layer makes besides its output."""
        layer, shape, values = node.layer, self.network.input_shapes(node)[0], product(node.shape)
        sizes: dict[str, Size] = {}
        match layer:
            case Pool(kind="max"):
                sizes["indices"] = Size(PLACE_BITS * values, 0, PLACE_BITS)
            case BatchNorm() if self.training:
                sizes["mean"] = sizes["deviation"] = Size(0, shape[-1] * FLOAT_BITS // 8)
            case LayerNorm():
                sizes["mean"] = sizes["deviation"] = Size(FLOAT_BITS * product(shape[:-1]))
            case Dropout() if self.training:
                sizes["mask"] = Size(MASK_BITS * values, 0, MASK_BITS)
        return tuple((f"{node.name}.{name}", size) for name, size in sizes.items())

    def fold(self, node: Node, size: Size) -> None:
        """A sum or a product of several, two by two."""
        left = node.inputs[0]
        for i, right in enumerate(node.inputs[1:], start=2):
            last = i == len(node.inputs)
            # A product with a vector is as large as the map.
            here = size if last else max(self.sizes[left], self.sizes[right], key=lambda size: size.bits)
            part, pair = "" if last else str(i), (left, right)
            if isinstance(node.layer, Add):
                left = self.add(node, part, pair, here, passes="whole")
            else:
                left = self.add(node, part, pair, here, saves=pair, multiplies=True)

    def response_norm(self, node: Node, x: str, size: Size) -> None:
        """LRN: x / (k + alpha * mean of squares over neighbouring channels)^beta, each operation by itself."""
        layer, shape, same = node.layer, self.network.input_shapes(node)[0], self.sizes[x]
        assert isinstance(layer, LocalResponseNorm)
        wider = Size(same.width * product((*shape[:-1], shape[-1] + layer.size - 1)), 0, same.width)
        squares = self.add(node, "squares", (x, x), same, saves=(x,))
        padded = self.add(node, "padded", (squares,), wider)
        means = self.add(node, "means", (padded,), same, saves=(padded,))
        base = self.add(node, "base", (self.add(node, "scaled", (means,), same),), same)
        if same.width != size.width:
            base = self.add(node, "wide", (base,), size)
        divisor = self.add(node, "divisor", (base,), size, saves=(base,), steps_back=2)
        self.add(node, "", (x, divisor), size, saves=(x, divisor), holds=(padded, means), steps_back=2)
