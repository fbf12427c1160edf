"""Fully connected layers: Y = X W + b, and back.

Letters: N samples, D inputs, K units; W is (D, K), row by row. With few samples all three passes are bound by the
memory that W or its gradient lies in, so each touches it once, in order, and packs nothing of it:

- forward, some rows of W at a time stay in registers while the samples pass by, and Y gathers in cache;
- the data gradient is dot products of some rows of W and all of dY, or, with many samples, is computed transposed,
  W dY^T, so that W is the matrix which is not packed;
- the weight gradient, X^T dY, is written row by row.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, register_jitable

from tatami.engines.cpu import copying
from tatami.engines.cpu.bend import bend
from tatami.engines.cpu.gemm import PANEL_VECTORS, ROWS, multiply, multiply_with_end
from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.packing import pack_columns, pack_rows
from tatami.engines.cpu.places import Bend, Map
from tatami.engines.cpu.pointers import WORD, at, pointer, real_number, unpack
from tatami.engines.cpu.products import kind_of
from tatami.engines.cpu.tile import BIASED
from tatami.engines.cpu.vector import (
    Vector,
    call_vector_intrinsic,
    first_lanes,
    lanes,
    llvm_vector,
    load,
    load_masked,
    load_plain,
    load_some,
    prefetch,
    prefetched,
    splat,
    splat_value,
    store,
    store_plain,
    store_some,
    sum_of_lanes,
    zeros,
)
from tatami.network.layers import Dense
from tatami.plan.scratch import dense as sizes
from tatami.plan.scratch.unfolded import PANEL, rounded

for _size in (sizes.read_rows, sizes.passing_rows, rounded):
    register_jitable(_size)  # compiled functions may call it too

_STREAM = sizes.STREAM


def forward(layer: Dense, x: Map, y: Map, weight: int, bias: int, bend: Bend, scratch: int) -> list[Call]:
    """Y = bend(x W + bias)."""
    rows, calls = _flat(x, scratch)
    inputs = x.positions * x.channels
    head = (*rows, inputs, weight, layer.units, y.address, y.stride, bias)
    return [*calls, Call(multiplied, (*head, kind_of(bend, bias), bend.slope, bend.cap, scratch, _gap(x)))]


def backward_data(layer: Dense, dy: Map, dx: Map, weight: int, add: bool, scratch: int) -> list[Call]:
    """Give dx, = or +=, dy W^T."""
    gap, inputs = _gap(dx), dx.positions * dx.channels
    address, stride = (scratch, inputs) if gap else _rows(dx)
    calls = [
        Call(gradients_transposed, (dy.address, dy.stride, layer.units, scratch, gap)),
        Call(
            data_gradient,
            (weight, inputs, layer.units, address, stride, int(add and not gap), scratch, gap),
        ),
    ]
    return calls + (copying.copy(Map(scratch, dx.shape, dx.channels), dx, add) if gap else [])


def backward_weights(layer: Dense, x: Map, dy: Map, d_weight: int, scratch: int) -> list[Call]:
    """Give d_weight (D, K) = x^T dy."""
    rows, calls = _flat(x, scratch)
    inputs = x.positions * x.channels
    return [
        *calls,
        Call(gradients_packed, (dy.address, dy.stride, layer.units, scratch, _gap(x))),
        Call(weight_gradient, (*rows, inputs, d_weight, layer.units, scratch, _gap(x))),
    ]


def _gap(x: Map) -> int:
    """0 if the values of a sample follow one another; else how many they are, for a flat copy is made."""
    return 0 if x.is_dense or x.positions == 1 else x.positions * x.channels


def _rows(x: Map) -> tuple[int, int]:
    """Address of the first sample, and elements from one to the next."""
    return x.address, x.stride if x.positions == 1 else x.positions * x.channels


def _flat(x: Map, scratch: int) -> tuple[tuple[int, int], list[Call]]:
    """The same of x, or of its flat copy, and the calls that make it."""
    if not _gap(x):
        return _rows(x), []
    return (scratch, x.positions * x.channels), copying.copy(x, Map(scratch, x.shape, x.channels), False)


def _dots(rows: int, samples: int) -> Any:
    """An intrinsic: target[s, d] = the dot product of row d of w and vector s of g, of ``rows`` and ``samples`` each.

    Vectors of g come in turn: vector i of all samples lies at i * samples * lanes. Target rows lie ``rows`` apart.
    """

    @intrinsic
    def dotted(typingctx: Any, w: Any, wd: Any, g: Any, columns: Any, target: Any) -> Any:
        i64 = types.int64

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            w, wd, g, columns, target = values
            vector = llvm_vector(Vector(signature.args[0].dtype))

            def number(value: int) -> ir.Constant:
                return ir.Constant(WORD, value)

            starts = [builder.mul(wd, number(d)) for d in range(rows)]
            before = builder.block
            head, loop, done = (builder.append_basic_block(f"dots.{name}") for name in ("head", "loop", "done"))
            builder.branch(head)
            builder.position_at_end(head)
            left, here, there = builder.phi(WORD), builder.phi(w.type), builder.phi(g.type)
            totals = [builder.phi(vector) for _ in range(rows * samples)]
            builder.cbranch(builder.icmp_signed(">=", left, number(vector.count)), loop, done)

            def products(weights: list[Any]) -> list[Any]:
                found = []
                for s in range(samples):
                    value = load_plain(builder, vector, builder.gep(there, [number(s * vector.count)]))
                    for d in range(rows):
                        total = totals[s * rows + d]
                        found.append(call_vector_intrinsic(builder, "llvm.fma", vector, weights[d], value, total))
                return found

            builder.position_at_end(loop)
            new = products([load_plain(builder, vector, builder.gep(here, [start])) for start in starts])
            for phi, first, following in (
                (left, columns, builder.sub(left, number(vector.count))),
                (here, w, builder.gep(here, [number(vector.count)])),
                (there, g, builder.gep(there, [number(samples * vector.count)])),
                *(
                    (phi, ir.Constant(vector, [0.0] * vector.count), value)
                    for phi, value in zip(totals, new, strict=True)
                ),
            ):
                phi.add_incoming(first, before)
                phi.add_incoming(following, loop)
            builder.branch(head)
            builder.position_at_end(done)
            mask = first_lanes(builder, vector, left)
            rest = products([load_masked(builder, vector, builder.gep(here, [start]), mask) for start in starts])
            for i, value in enumerate(rest):
                builder.store(sum_of_lanes(builder, value, vector.count), builder.gep(target, [number(i)]))
            return context.get_dummy_value()

        return types.void(w, i64, w, i64, w), codegen

    return dotted


_dots_many, _dots_row, _dots_sample, _dot = _dots(3, 8), _dots(1, 8), _dots(8, 1), _dots(1, 1)


def _stream(rows: int) -> Any:
    """An intrinsic: y[s] += the sum over ``rows`` of x[s, d] w[d], a vector of columns, for all samples s.

    Rows of x lie _STREAM apart, those of y follow one another. What lies ``ahead`` in w is asked for.
    """

    @intrinsic
    def streamed(typingctx: Any, w: Any, wd: Any, ahead: Any, x: Any, y: Any, samples: Any, columns: Any) -> Any:
        i64 = types.int64

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            w, wd, ahead, x, y, samples, columns = values
            vector = llvm_vector(Vector(signature.args[0].dtype))
            mask = first_lanes(builder, vector, columns)

            def number(value: int) -> ir.Constant:
                return ir.Constant(WORD, value)

            weights = []
            for d in range(rows):
                place = builder.gep(w, [builder.mul(wd, number(d))])
                prefetched(builder, builder.gep(place, [ahead]))
                weights.append(load_masked(builder, vector, place, mask))
            before = builder.block
            loop, done = builder.append_basic_block("stream.loop"), builder.append_basic_block("stream.done")
            builder.branch(loop)
            builder.position_at_end(loop)
            left, source, target = builder.phi(WORD), builder.phi(x.type), builder.phi(y.type)
            # Two sums, for the next product need not wait for the last.
            sums = [load_plain(builder, vector, target), ir.Constant(vector, [0.0] * vector.count)]
            for d in range(rows):
                value = splat_value(builder, vector, builder.load(builder.gep(source, [number(d)])))
                sums[d % 2] = call_vector_intrinsic(builder, "llvm.fma", vector, value, weights[d], sums[d % 2])
            store_plain(builder, vector, builder.fadd(*sums), target)
            fewer = builder.sub(left, number(1))
            for phi, first, following in (
                (left, samples, fewer),
                (source, x, builder.gep(source, [number(_STREAM)])),
                (target, y, builder.gep(target, [number(vector.count)])),
            ):
                phi.add_incoming(first, before)
                phi.add_incoming(following, loop)
            builder.cbranch(builder.icmp_signed(">", fewer, number(0)), loop, done)
            builder.position_at_end(done)
            return context.get_dummy_value()

        return types.void(w, i64, i64, w, w, i64, i64), codegen

    return streamed


_many, _one = _stream(_STREAM), _stream(1)


@njit(nogil=True, error_model="numpy")
def _behind_flat(scratch: int, gap: int, n: int, itemsize: int) -> int:
    """Where scratch memory goes on behind the flat copy."""
    return scratch + rounded(n * gap * itemsize, 64)


@njit(nogil=True, error_model="numpy")
def _few_samples(x: Any, xs: int, D: int, w: Any, K: int, n: int, first: int, last: int, block: Any, sums: Any) -> None:
    """Columns [first, last) of x W: vectors of columns, each of all samples; ``block`` has room for a part of x."""
    width = lanes(x)
    for i in range((last - first + width - 1) // width * n):
        store(sums, i * width, zeros(x))
    d = 0
    while d < D:
        rows = _STREAM if d + _STREAM <= D else 1
        for s in range(n):
            for i in range(rows):
                block[s * _STREAM + i] = x[s * xs + d + i]
        out = sums
        for k in range(first, last, width):
            if rows == _STREAM:
                _many(at(w, d * K + k), K, _STREAM * K, block, out, n, last - k)
            else:
                _one(at(w, d * K + k), K, K, block, out, n, last - k)
            out = at(out, n * width)
        d += rows


@kernel
def multiplied(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """See :func:`forward`. The parts share the units, or the samples where units are few."""
    x, xs, D, w, K, y, ys, bias, kind, slope, cap, scratch, gap = unpack(args, 13)
    x, w, y = pointer(x, real), pointer(w, real), pointer(y, real)
    slope, cap = real(real_number(slope)), real(real_number(cap))
    width, itemsize = lanes(real), 64 // lanes(real)
    if n <= sizes.FEW:
        first, last = share((K + width - 1) // width, part, parts)
        first, last = first * width, min(last * width, K)
        sums = pointer(_behind_flat(scratch, gap, n, itemsize), real)
        block = at(sums, rounded(K, PANEL) * n + part * sizes.FEW * _STREAM)
        sums = at(sums, first * n)
        _few_samples(x, xs, D, w, K, n, first, last, block, sums)
        slopes, caps = splat(slope, real), splat(cap, real)
        for s in range(n):
            for k in range(first, last, width):
                some = min(width, last - k)
                value = load(sums, (k - first) * n + s * width)
                if bias:
                    value = value + load_some(pointer(bias, real), k, some)
                if kind & ~BIASED:
                    value = bend(value, slopes, caps)
                store_some(y, s * ys + k, value, some)
        return
    panel = width * PANEL_VECTORS
    panels, units = (K + panel - 1) // panel, (n + ROWS - 1) // ROWS
    first, last = share(panels, part, parts)
    low, high = 0, n
    if ((units + parts - 1) // parts) * panels < units * ((panels + parts - 1) // parts):
        first, last = 0, panels
        low, high = share(units, part, parts)
        low, high = low * ROWS, min(high * ROWS, n)
    first, last = first * panel, min(last * panel, K)
    block = pointer(_behind_flat(scratch, gap, n, itemsize) + part * sizes.BLOCK * sizes.BLOCK * itemsize, real)
    bias = pointer(bias, real)
    if low < high:
        for k in range(first, last, sizes.BLOCK):
            some = min(sizes.BLOCK, last - k)
            for d in range(0, D, sizes.BLOCK):
                deep = min(sizes.BLOCK, D - d)
                pack_rows(at(w, d * K + k), K, deep, some, block)
                how = kind if d + deep == D else 0
                a, c = at(x, low * xs + d), at(y, low * ys + k)
                multiply_with_end(a, xs, 1, block, c, ys, high - low, some, deep, d > 0, at(bias, k), how, slope, cap)


@njit(nogil=True, error_model="numpy")
def _by_dots(n: int, K: int) -> bool:
    """Whether the data gradient is dot products: few samples, and rows long enough."""
    return n <= 8 and K >= 64


@kernel
def gradients_transposed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """dY^T (K, N) in panels, a block of BLOCK rows after the other; the parts share the blocks.

    Or for dot products: eight samples after the other, a vector of each in turn; one alone as it is.
    """
    dy, ys, K, scratch, gap = unpack(args, 5)
    width = lanes(real) * PANEL_VECTORS
    panels = (n + width - 1) // width
    dy, target = pointer(dy, real), pointer(_behind_flat(scratch, gap, n, 64 // lanes(real)), real)
    if _by_dots(n, K):
        full = lanes(real)
        together, steps = 1 if n == 1 else 8, (K + full - 1) // full
        first, last = share(steps, part, parts)
        for s in range((n + together - 1) // together * together):
            out = at(target, (s // together * steps * together + s % together) * full)
            for i in range(first, last):
                value = zeros(dy)
                if s < n:
                    value = load_some(dy, s * ys + i * full, min(full, K - i * full))
                store(out, i * together * full, value)
        return
    first, last = share((K + sizes.BLOCK - 1) // sizes.BLOCK, part, parts)
    for block in range(first, last):
        k = block * sizes.BLOCK
        deep = min(sizes.BLOCK, K - k)
        for panel in range(panels):
            s = panel * width
            pack_columns(at(dy, s * ys + k), ys, deep, min(width, n - s), at(target, k * panels * width + s * deep))


@njit(nogil=True, error_model="numpy")
def _copy(source: Any, stride: int, rows: int, columns: int, target: Any, pitch: int) -> None:
    """A block of a matrix, whose rows lie ``stride`` apart there and ``pitch`` here."""
    width = lanes(source)
    for row in range(rows):
        a, b = at(source, row * stride), at(target, row * pitch)
        i = 0
        while i + width <= columns:
            prefetch(a, i + rows * stride)
            store(b, i, load(a, i))
            i += width
        if i < columns:
            store_some(b, i, load_some(a, i, columns - i), columns - i)


@njit(nogil=True, error_model="numpy")
def _dot_products(
    w: Any, K: int, g: Any, dx: Any, xs: int, n: int, add: int, first: int, last: int, block: Any
) -> None:
    """Columns [first, last) of dx, from rows of W."""
    width = lanes(w)
    steps = (K + width - 1) // width
    d = first
    while d < last:
        rows = 8 if n == 1 else 3
        if d + rows > last:
            rows = 1
        for s in range(0, n, 8):
            a, b = at(w, d * K), at(g, s * steps * width)
            if n == 1:
                if rows == 1:
                    _dot(a, K, b, K, block)
                else:
                    _dots_sample(a, K, b, K, block)
            elif rows == 1:
                _dots_row(a, K, b, K, block)
            else:
                _dots_many(a, K, b, K, block)
            for t in range(min(8, n - s)):
                out = at(dx, (s + t) * xs + d)
                for i in range(rows):
                    if add:
                        out[i] += block[t * rows + i]
                    else:
                        out[i] = block[t * rows + i]
        d += rows


@kernel
def data_gradient(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """See :func:`backward_data`. The parts share the rows of W, which are the inputs."""
    w, D, K, dx, xs, add, scratch, gap = unpack(args, 8)
    w, dx = pointer(w, real), pointer(dx, real)
    itemsize = 64 // lanes(real)
    width = lanes(real) * PANEL_VECTORS
    columns = (n + width - 1) // width * width
    panels = _behind_flat(scratch, gap, n, itemsize)
    cm, most = rounded(n, PANEL), sizes.read_rows(n)
    blocks = panels + rounded(K, 16) * cm * itemsize
    pitch = sizes.BLOCK + 16
    panels, block = pointer(panels, real), pointer(blocks + part * most * (cm + pitch) * itemsize, real)
    weights = at(block, most * cm)
    first, last = share((D + ROWS - 1) // ROWS, part, parts)
    first, last = first * ROWS, min(last * ROWS, D)
    if _by_dots(n, K):
        _dot_products(w, K, panels, dx, xs, n, add, first, last, block)
        return
    for d in range(first, last, most):
        rows = min(most, last - d)
        for k in range(0, K, sizes.BLOCK):
            deep = min(sizes.BLOCK, K - k)
            # A copy, for rows of W may lie so far apart that they crowd a set of the cache.
            _copy(at(w, d * K + k), K, rows, deep, weights, pitch)
            multiply(weights, pitch, 1, at(panels, k * columns), block, cm, rows, n, deep, k > 0)
        for s in range(n):
            out = at(dx, s * xs + d)
            if add:
                for i in range(rows):
                    out[i] += block[i * cm + s]
            else:
                for i in range(rows):
                    out[i] = block[i * cm + s]


@kernel
def gradients_packed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """DY (N, K) in panels, a block of BLOCK samples after the other; the parts share pieces of the blocks."""
    dy, ys, K, scratch, gap = unpack(args, 5)
    width = lanes(real) * PANEL_VECTORS
    panels = (K + width - 1) // width
    dy, target = pointer(dy, real), pointer(_behind_flat(scratch, gap, n, 64 // lanes(real)), real)
    first, last = share(panels, part, parts)
    k = first * width
    columns = min(last * width, K) - k
    for s in range(0, n, sizes.BLOCK):
        deep = min(sizes.BLOCK, n - s)
        if columns > 0:
            pack_rows(at(dy, s * ys + k), ys, deep, columns, at(target, s * panels * width + k * deep))


@kernel
def weight_gradient(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """See :func:`backward_weights`. The parts share the inputs."""
    x, xs, D, dw, K, scratch, gap = unpack(args, 7)
    x, dw = pointer(x, real), pointer(dw, real)
    itemsize = 64 // lanes(real)
    panels = pointer(_behind_flat(scratch, gap, n, itemsize), real)
    width = lanes(real) * PANEL_VECTORS
    columns = (K + width - 1) // width * width
    most = sizes.passing_rows(n, K, itemsize)
    first, last = share((D + ROWS - 1) // ROWS, part, parts)
    first, last = first * ROWS, min(last * ROWS, D)
    for d in range(first, last, most):
        rows = min(most, last - d)
        for s in range(0, n, sizes.BLOCK):
            deep = min(sizes.BLOCK, n - s)
            b = at(panels, s * columns)
            multiply(at(x, s * xs + d), 1, xs, b, at(dw, d * K), K, rows, K, deep, s > 0)
