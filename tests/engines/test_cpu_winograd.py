"""Winograd convolutions against the textbook engine: all passes, uneven paddings, odd sizes, slices of maps."""

import numpy as np
import pytest

from tatami.engines.cpu import winograd
from tatami.engines.cpu.places import STRAIGHT, Bend
from tatami.engines.textbook.conv import conv
from tatami.engines.textbook.rules import Mode
from tatami.network.layers import Conv
from tatami.plan.scratch import winograd as plan

from .cpu_calls import map_of, run_calls

TOLERANCE = {"float32": 3e-5, "float64": 1e-12}


def memory(size: int) -> np.ndarray:
    """Bytes that begin at a cache line and are all NaN."""
    raw = np.full(size + 64, 255, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size]


def sliced(array: np.ndarray, extra: int) -> np.ndarray:
    """The same values as a slice of the channels of a wider map."""
    wide = np.full((*array.shape[:-1], array.shape[-1] + extra), 7, array.dtype)
    view = wide[..., extra // 2 : extra // 2 + array.shape[-1]]
    view[:] = array
    return view


def make_layer(axes: int, filters: int, padding: tuple[tuple[int, int], ...], taps: int = 3) -> Conv:
    return Conv(filters, (taps,) * axes, (1,) * axes, padding)


class Case:
    """Random x, weights and output gradient of one layer, and what the textbook makes of them."""

    def __init__(self, layer, shape, n, dtype, bias=True):
        rng = np.random.default_rng(sum(shape) + n)
        self.layer, self.shape, self.n, self.dtype = layer, shape, n, dtype
        self.x = rng.standard_normal((n, *shape)).astype(dtype)
        self.w = rng.standard_normal((*layer.kernel_size, shape[-1], layer.filters)).astype(dtype)
        self.b = rng.standard_normal(layer.filters).astype(dtype)
        exact = [a.astype(np.float64) for a in (self.x, self.w, self.b)]
        self.y, backward = conv(layer, {"weight": exact[1], "bias": exact[2]}, Mode(), exact[0])
        self.dy = rng.standard_normal(self.y.shape).astype(dtype)
        (self.dx,), gradients = backward(self.dy.astype(np.float64))
        self.dw = gradients["weight"]
        self.itemsize = np.dtype(dtype).itemsize

    def check(self, got, expected):
        assert np.abs(got - expected).max() <= TOLERANCE[self.dtype] * np.abs(expected).max()

    def forward(self, parts, tile, extra=0, bend=STRAIGHT, batch=None, bias=True):
        sizes = (self.layer, self.shape)
        batch = batch or self.n
        packed = memory(plan.packed_bytes(*sizes, self.itemsize, tile))
        scratch = memory(plan.forward_scratch(*sizes, batch, parts, self.itemsize, tile))
        x = sliced(self.x, extra)
        y = sliced(np.full_like(self.y, np.nan, self.dtype), extra)
        calls = winograd.pack(*sizes, self.w.ctypes.data, packed.ctypes.data, self.itemsize, tile)
        calls += winograd.forward(
            self.layer, map_of(x), map_of(y), packed.ctypes.data if len(packed) else self.w.ctypes.data,
            self.b.ctypes.data if bias else 0, bend, scratch.ctypes.data, batch, self.itemsize, tile,
        )  # fmt: skip
        run_calls(calls, self.dtype, self.n, parts)
        check_outside(y)
        return y

    def backward_data(self, parts, tile, add=False, extra=0):
        sizes = (self.layer, self.shape)
        packed = memory(plan.packed_backward_bytes(*sizes, self.itemsize, tile))
        scratch = memory(plan.backward_data_scratch(*sizes, self.n, parts, self.itemsize, tile))
        dy = sliced(self.dy, extra)
        dx = sliced(self.x if add else np.full_like(self.x, np.nan), extra)
        calls = winograd.pack_backward(*sizes, self.w.ctypes.data, packed.ctypes.data, self.itemsize, tile)
        calls += winograd.backward_data(
            self.layer, map_of(dy), map_of(dx), packed.ctypes.data if len(packed) else self.w.ctypes.data,
            add, scratch.ctypes.data, self.n, self.itemsize, tile,
        )  # fmt: skip
        run_calls(calls, self.dtype, self.n, parts)
        check_outside(dx)
        return dx - self.x if add else dx

    def backward_weights(self, parts, tile, extra=0, batch=None):
        batch = batch or self.n
        size = plan.backward_weights_scratch(self.layer, self.shape, batch, parts, self.itemsize, tile)
        scratch = memory(size)
        x, dy = sliced(self.x, extra), sliced(self.dy, extra)
        dw = np.full_like(self.w, np.nan)
        calls = winograd.backward_weights(
            self.layer, map_of(x), map_of(dy), dw.ctypes.data, scratch.ctypes.data, batch, self.itemsize, tile
        )
        run_calls(calls, self.dtype, self.n, parts)
        return dw


def check_outside(view):
    """The neighbours of a slice of channels are as they were."""
    wide = view.base
    if wide is not None and wide.shape[-1] > view.shape[-1]:
        extra = wide.shape[-1] - view.shape[-1]
        assert (wide[..., : extra // 2] == 7).all()
        assert (wide[..., extra // 2 + view.shape[-1] :] == 7).all()


@pytest.fixture(params=["blocks", "panels"])
def schedule(request, monkeypatch):
    """Both ways of cutting the work, at sizes where only one would be chosen."""
    monkeypatch.setattr(plan, "LARGE", -1 if request.param == "panels" else 1 << 60)
    monkeypatch.setattr(plan, "CHUNK", 100)
    return request.param


CASES = [
    # shape, filters, padding, samples
    ((8, 8, 16), 32, ((1, 1), (1, 1)), 2),
    ((9, 7, 5), 19, ((1, 1), (1, 1)), 3),
    ((6, 11, 37), 7, ((0, 2), (2, 1)), 1),
    ((5, 4, 3), 66, ((0, 0), (0, 0)), 4),
    ((1, 1, 8), 8, ((1, 1), (1, 1)), 2),
    ((3, 3, 9), 4, ((4, 5), (3, 0)), 2),
    ((25, 20), 33, ((1, 1),), 2),
    ((7, 3), 5, ((0, 0),), 1),
    ((40, 17), 16, ((3, 0),), 3),
]


@pytest.mark.parametrize("tile", [4, 2])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_all_passes(case, tile, schedule):
    shape, filters, padding, n = case
    layer = make_layer(len(shape) - 1, filters, padding)
    for dtype in ("float32", "float64")[: 1 + (tile == 4)]:
        one = Case(layer, shape, n, dtype)
        for parts in (1, 2, 3):
            extra = 5 * (parts == 2)
            one.check(one.forward(parts, tile, extra), one.y)
            one.check(one.backward_data(parts, tile, extra=extra), one.dx)
            one.check(one.backward_data(parts, tile, True, extra), one.dx)
            one.check(one.backward_weights(parts, tile, extra), one.dw)


LONGER = [
    # taps, shape, filters, padding, samples
    (5, (25, 20), 33, ((2, 2),), 2),
    (5, (8, 3), 5, ((0, 0),), 3),
    (8, (30, 17), 35, ((3, 4),), 3),
    (8, (8, 5), 4, ((0, 0),), 2),
    (4, (10, 6), 9, ((1, 2),), 2),
    (6, (10, 6), 9, ((9, 0),), 2),
    (7, (21, 18), 9, ((3, 3),), 2),
    (9, (23, 16), 32, ((4, 4),), 2),
    (16, (20, 7), 9, ((7, 8),), 2),
    (5, (8, 9, 5), 19, ((2, 2), (2, 2)), 3),
    (5, (12, 12, 20), 50, ((0, 0), (0, 0)), 2),
    (5, (5, 6, 3), 4, ((0, 4), (3, 1)), 1),
]


@pytest.mark.parametrize("case", LONGER, ids=str)
def test_longer_kernels(case, schedule):
    taps, shape, filters, padding, n = case
    layer = make_layer(len(shape) - 1, filters, padding, taps)
    for dtype in ("float32", "float64")[: 1 + (taps == 9)]:
        one = Case(layer, shape, n, dtype)
        for parts in (1, 3):
            extra = 5 * (parts == 3)
            one.check(one.forward(parts, 4, extra), one.y)
            one.check(one.backward_data(parts, 4, parts == 3, extra), one.dx)
            one.check(one.backward_weights(parts, 4, extra), one.dw)


@pytest.mark.parametrize("taps", [5, 8])
def test_longer_kernels_in_smaller_batches(taps, schedule):
    one = Case(make_layer(1, 12, "same", taps), (130, 10), 2, "float32")
    one.check(one.forward(3, 4, batch=40), one.y)
    one.check(one.backward_weights(3, 4, batch=40), one.dw)


@pytest.mark.parametrize("bend", [Bend(0.0), Bend(0.0, 6.0), Bend(0.1)], ids=str)
def test_bend_and_bias(bend, schedule):
    one = Case(make_layer(2, 20, "same"), (6, 9, 6), 2, "float32")

    def bent(x):
        return np.minimum(np.where(x > 0, x, bend.slope * x), bend.cap)

    one.check(one.forward(2, 4, bend=bend), bent(one.y))
    one.check(one.forward(2, 4, bend=bend, bias=False), bent(one.y - one.b))


def test_smaller_batches(schedule):
    """The planner's memory is for the largest batch; fewer samples leave some chunks empty."""
    one = Case(make_layer(2, 12, "same"), (13, 14, 10), 2, "float32")
    one.check(one.forward(3, 4, batch=40), one.y)
    one.check(one.backward_weights(3, 4, batch=40), one.dw)


@pytest.mark.parametrize("tile", [4, 2])
def test_several_slices_and_chunks(tile, schedule):
    """More channels than one product is deep, more tiles than a group, more rows than a piece."""
    one = Case(make_layer(2, 40, "same"), (12, 13, 290), 12, "float32")
    one.check(one.forward(2, tile), one.y)
    one.check(one.backward_weights(2, tile), one.dw)
    two = Case(make_layer(2, 290, "same"), (12, 13, 20), 12, "float32")
    two.check(two.backward_data(2, tile), two.dx)


def test_which_layers():
    shape = (8, 8, 4)
    assert plan.applies(make_layer(2, 4, "same"), shape)
    assert plan.applies(make_layer(1, 4, "same"), (8, 4))
    assert plan.tiles(make_layer(2, 4, "same", 5), shape) == plan.tiles(make_layer(1, 4, "same", 8), (8, 4)) == (4,)
    assert not plan.applies(make_layer(2, 4, "same", 7), shape)
    assert not plan.applies(make_layer(1, 4, "same", 17), (40, 4))
    assert not plan.applies(Conv(4, (3, 3), (2, 2)), shape)
    assert not plan.applies(Conv(4, (3, 3), (1, 1), dilation=(2, 1)), shape)
    assert not plan.applies(Conv(4, (3, 3), (1, 1), groups=2), shape)
    assert not plan.applies(Conv(4, (3, 1), (1, 1)), shape)
    assert not plan.applies(make_layer(3, 4, "same"), (8, 8, 8, 4))


def test_multiplications():
    layer = make_layer(2, 64, "same")
    assert plan.multiplications(layer, (32, 32, 16), 2) * 4 == 2 * layer.macs((32, 32, 16))
    assert plan.multiplications(layer, (32, 32, 16), 1, tile=2) * 9 == 4 * layer.macs((32, 32, 16))
    assert plan.multiplications(layer, (7, 7, 16), 1) == 4 * 36 * 16 * 64
    assert plan.multiplications(make_layer(1, 64, "same"), (100, 16), 1) * 2 == layer.macs((10, 10, 16)) // 3
    assert plan.multiplications(make_layer(1, 64, "same", 5), (256, 16), 1) * 5 == 2 * layer_macs(5, 256)
    assert plan.multiplications(make_layer(1, 64, "same", 8), (256, 16), 1) == 65 * 2 * 7 * 16 * 64


def layer_macs(taps, length):
    return make_layer(1, 64, "same", taps).macs((length, 16))
