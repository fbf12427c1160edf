"""A convolution's kernels against the textbook engine: forward, and both ways back."""

import numpy as np

from tatami.engines.cpu.places import Bend
from tatami.engines.textbook.rules import Mode, run

from .cpu_calls import map_of, run_calls


def memory(size: int) -> np.ndarray:
    """``size`` bytes from a cache line on, with NaN inside, and a guard behind that must stay."""
    raw = np.full(size + 192, 255, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size + 64]


def widened(array: np.ndarray, more: int) -> np.ndarray:
    """The array as a slice of the channels of a larger one."""
    wide = np.full((*array.shape[:-1], array.shape[-1] + more), 99, array.dtype)
    inner = wide[..., more // 2 : more // 2 + array.shape[-1]]
    inner[...] = array
    return inner


def untouched(array: np.ndarray, more: int) -> bool:
    """Whether the channels around the slice are as :func:`widened` made them."""
    wide = array.base
    return more == 0 or bool(
        (wide[..., : more // 2] == 99).all() and (wide[..., more // 2 + array.shape[-1] :] == 99).all()
    )


def close(found: np.ndarray, truth: np.ndarray, dtype: str) -> bool:
    error = np.abs(found - truth).max() / max(1.0, np.abs(truth).max())
    return bool(error < (1e-12 if dtype == "float64" else 3e-6))


def check(module, sizes, layer, shape, *, n, dtype, parts, bend=None, add=False, wider=0, batch=None):
    bend, batch, itemsize = bend or Bend(), batch or n, np.dtype(dtype).itemsize
    rng = np.random.default_rng(0)

    def values(*size):
        return rng.standard_normal(size).astype(dtype).astype(float)

    W, b, X = values(*layer.parameters(shape)["weight"].shape), values(layer.filters), values(n, *shape)
    Y, backward = run(layer, {"weight": W, "bias": b}, Mode(training=True), X)
    dY = values(*Y.shape)
    (dX,), gradients = backward(dY)
    Y = np.minimum(np.where(Y > 0, Y, bend.slope * Y), bend.cap)

    w, bias = W.astype(dtype), b.astype(dtype)
    x, dy = (widened(a.astype(dtype), wider) for a in (X, dY))
    y = widened(np.full(Y.shape, np.nan, dtype), wider)
    packed = memory(sizes.packed_bytes(layer, shape, itemsize))
    scratch = memory(sizes.forward_scratch(layer, shape, batch, parts, itemsize))
    # Where weights need no packing, kernels get the weights themselves.
    panels = packed if len(packed) > 64 else w
    calls = module.pack(layer, shape, w.ctypes.data, packed.ctypes.data)
    calls += module.forward(
        layer, map_of(x), map_of(y), panels.ctypes.data, bias.ctypes.data, bend, scratch.ctypes.data
    )
    run_calls(calls, dtype, n, parts)
    assert close(y, Y, dtype)
    assert untouched(y, wider)
    assert (packed[-64:] == 255).all()
    assert (scratch[-64:] == 255).all()

    start = values(n, *shape) if add else np.full((n, *shape), np.nan)
    dx = widened(start.astype(dtype), wider)
    packed = memory(sizes.packed_backward_bytes(layer, shape, itemsize))
    scratch = memory(sizes.backward_data_scratch(layer, shape, batch, parts, itemsize))
    panels = packed if len(packed) > 64 else w
    calls = module.pack_backward(layer, shape, w.ctypes.data, packed.ctypes.data)
    calls += module.backward_data(layer, map_of(dy), map_of(dx), panels.ctypes.data, add, scratch.ctypes.data)
    run_calls(calls, dtype, n, parts)
    assert close(dx, dX + start if add else dX, dtype)
    assert untouched(dx, wider)
    assert (packed[-64:] == 255).all()
    assert (scratch[-64:] == 255).all()

    dw = np.full(w.shape, np.nan, dtype)
    scratch = memory(sizes.backward_weights_scratch(layer, shape, batch, parts, itemsize))
    calls = module.backward_weights(layer, map_of(x), map_of(dy), dw.ctypes.data, scratch.ctypes.data)
    run_calls(calls, dtype, n, parts)
    assert close(dw, gradients["weight"], dtype)
    assert (scratch[-64:] == 255).all()
