"""BatchNormalization, LayerNormalization, LRN; the last two also where they are written out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tatami.engines.base import Array
from tatami.exchange.onnx.operators.site import Site, constant, reads, short
from tatami.exchange.onnx.values import UnreadableError, Value
from tatami.exchange.onnx.views import View
from tatami.network.layers import BatchNorm, LayerNorm, LocalResponseNorm, Shape


@reads("BatchNormalization")
def batch_norm(site: Site) -> View:
    """By running statistics. ONNX's momentum is the share of the old ones."""
    view = site.view()
    names = ("weight", "bias", "running_mean", "running_var")
    arrays = [site.need_array(i) for i in range(1, 5)]
    if view.channel_dim() != 0 or not site.get("spatial", 1) or any(a.shape != (view.shape[-1],) for a in arrays):
        raise UnreadableError("not one number a channel, channels first")
    if site.get("training_mode", 0) or (site.reader.graph.opset < 7 and not site.get("is_test", 0)):
        raise UnreadableError("in training mode, by the statistics of the batch")
    momentum = max(round(1 - short(site.get("momentum", 0.9)), 7), 0.0)
    layer = BatchNorm(short(site.get("epsilon", 1e-5)), momentum)
    tensors = {name: constant(array) for name, array in zip(names, arrays, strict=True)}
    return view.over(site.add(layer, view, **tensors).node)


@reads("LayerNormalization")
def layer_norm(site: Site) -> View:
    """Over the channels, which lie last."""
    view, weight, bias = site.view(), site.need_array(1), site.array(2)
    last = len(view.dims) - 1
    axis = int(site.get("axis", -1)) % (len(view.dims) + 1) - 1
    if len(view.shape) == 1:
        view = site.vector(view)
    if axis != view.channel_dim() or axis != last or weight.size != view.shape[-1]:
        raise UnreadableError("over other values than the channels of a position")
    return _layer_norm(site, view, short(site.get("epsilon", 1e-5)), weight.ravel(), bias)


def _layer_norm(site: Site, view: View, eps: float, weight: Array, bias: Array | None) -> View:
    shift = np.zeros(view.shape[-1], np.float32) if bias is None else bias.ravel()
    found = site.add(LayerNorm(eps), view, weight=constant(weight), bias=constant(shift))
    return view.over(found.node)


@reads("LRN")
def local_response_norm(site: Site) -> View:
    """ONNX divides alpha by the size, and has the larger half of an even size behind."""
    view, size = site.view(), int(site.get("size"))
    if view.channel_dim() != 0 or size % 2 == 0:
        raise UnreadableError("a neighbourhood of even size, or channels that do not come first")
    alpha = short(site.get("alpha", 1e-4)) / size
    return _response_norm(site, view, size, alpha, short(site.get("beta", 0.75)), short(site.get("bias", 1.0)))


def _response_norm(site: Site, view: View, size: int, alpha: float, beta: float, k: float) -> View:
    layer = LocalResponseNorm(size, float(f"{alpha:.7g}"), beta, k)
    return view.over(site.add(layer, view).node)


# --- written out ---


def written_out(site: Site) -> View:
    """A Div that ends a LayerNormalization or an LRN written out.

    Raises:
        UnreadableError: it ends neither.
    """
    found = _norm_of_rows(site) or _norm_by_neighbours(site)
    if found is None:
        raise UnreadableError("a quotient of values")
    return found


def _norm_of_rows(site: Site) -> View | None:
    """(x - mean) / sqrt(mean of squares + eps), means over the channels."""
    centred, deviation = site.inputs
    sub, root = _made(centred, "Sub"), _made(deviation, "Sqrt")
    if sub is None or root is None:
        return None
    shifted = _made(root.inputs[0], "Add")
    x, mean = sub.inputs
    if shifted is None or not isinstance(x, Value):
        return None
    variance, eps = _value_and_number(shifted)
    squares = _made(_mean_over_channels(site, variance), "Pow", "Mul")
    if eps is None or squares is None or _mean_over_channels(site, mean) is not x:
        return None
    base, other = squares.inputs
    is_square = other is base if squares.made.operator == "Mul" else _number(other) == 2
    if not is_square or base is not centred or not isinstance(centred, Value):
        return None
    view = site.settled(site.reader.force(x))
    if len(view.shape) == 1:
        view = site.vector(view)
    return _layer_norm(site, view, short(eps), np.ones(view.shape[-1], np.float32), None)


def _mean_over_channels(site: Site, value: object) -> Value | None:
    """What the mean over the last axis is taken of, where that is the channels'."""
    mean = _made(value, "ReduceMean")
    if mean is None or not isinstance(mean.inputs[0], Value) or not mean.made.attributes.get("keepdims", 1):
        return None
    axes = mean.made.attributes.get("axes")
    given = mean.inputs[1] if axes is None and len(mean.inputs) > 1 else axes
    if given is None or isinstance(given, Value) or len(np.ravel(given)) != 1:
        return None
    source = mean.inputs[0]
    bases = _bases(source)
    if not bases:
        return None
    view = bases[0]
    last = len(view.dims) - 1
    axis = int(np.ravel(given)[0]) % (len(view.dims) + 1) - 1
    return source if axis == last == view.channel_dim() else None


def _bases(value: Value) -> list[View]:
    """Views that a value is made of: those of the nearest first input that has one."""
    given: object = value
    for _ in range(8):  # sub, square, and casts between them
        if not isinstance(given, Value):
            break
        if given.view is not None:
            return [given.view]
        given = given.inputs[0]
    return []


def _norm_by_neighbours(site: Site) -> View | None:
    """LRN: x / (k + alpha * mean of the squares around)^beta, the mean by an AveragePool over a table of channels."""
    x, divisor = site.inputs
    power = _made(divisor, "Pow")
    base = _made(power.inputs[0], "Add") if power is not None else None
    if power is None or base is None or not isinstance(x, Value):
        return None
    product, k = _value_and_number(base)
    scaled = _made(product, "Mul")
    if scaled is None:
        return None
    means, factor = _value_and_number(scaled)
    pooled = _made(_through(means), "AveragePool")
    squares = _made(_through(pooled.inputs[0]), "Mul", "Pow") if pooled is not None else None
    beta = _number(power.inputs[1])
    if pooled is None or squares is None or squares.inputs[0] is not x or None in (k, factor, beta):
        return None
    if squares.inputs[1] is not x and _number(squares.inputs[1]) != 2:
        return None
    view = site.settled(site.reader.force(x))
    size, is_plain = _table(pooled, view.shape)
    if not is_plain or view.channel_dim() != 0:
        return None
    assert k is not None
    assert factor is not None
    assert beta is not None
    return _response_norm(site, view, size, short(factor) / size, short(beta), short(k))


def _table(pooled: Value, shape: Shape) -> tuple[int, bool]:
    """The window of the mean, and whether it runs over the channels of the table (N, 1, C, positions) alone."""
    given = pooled.made.attributes
    kernel, pads = list(given["kernel_shape"]), list(given.get("pads") or [0] * 4)
    size = int(kernel[0])
    table = pooled.inputs[0]
    sizes = table.inputs[1] if isinstance(table, Value) and table.made.operator == "Reshape" else None
    is_table = sizes is not None and not isinstance(sizes, Value) and list(sizes[1:3]) == [1, shape[-1]]
    fits = pads == [size // 2, 0, (size - 1) // 2, 0] and bool(given.get("count_include_pad", 0))
    strides = given.get("strides")
    return size, is_table and kernel[1:] == [1] and fits and all(step == 1 for step in strides or ())


def _made(value: object, *operators: str) -> Value | None:
    return value if isinstance(value, Value) and value.made.operator in operators else None


def _through(value: object) -> object:
    """What lies before a Reshape."""
    found = _made(value, "Reshape")
    return found.inputs[0] if found is not None else value


def _number(given: object) -> float | None:
    if isinstance(given, np.ndarray) and given.size == 1 and given.dtype.kind in "fiu":
        return float(given.ravel()[0])
    return None


def _value_and_number(value: Value) -> tuple[Value | Array | None, float | None]:
    """The inputs of a sum or a product with a number, whichever comes first."""
    pair: Sequence[Value | Array | None] = value.inputs
    first, second = pair
    return (first, _number(second)) if isinstance(first, Value) else (second, _number(first))
