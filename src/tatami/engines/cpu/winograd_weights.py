"""The gradient of a Winograd convolution's filters: dW = G^T [sum over tiles of (B^T d B) * (A dY A^T)] G.

The adjoint of the forward pass in U (Lavin & Gray 2015, equation 8). For each of the a*a products it is a matrix
product dU = V^T Q, (C x tiles) (tiles x K), summed over all tiles of the batch.

*In blocks* each part adds up dU over its own tiles; the parts' dU are then summed in the order of the parts. *In
panels*, when dU is large, all tiles are transformed first, then each part computes its own pieces of dU, some channels
by one panel of filters, over all tiles, and transforms them at once: dU is never there as a whole, nor once for each
part. V lies as (products, C / lanes, tiles, lanes), so that a product reads it in one stream.
"""

from __future__ import annotations

import math
from typing import Any

from tatami.engines.cpu.compiled import compiled
from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.vector import lanes, load, splat, store
from tatami.engines.cpu.winograd_products import multiply_panel
from tatami.engines.cpu.winograd_tiles import (
    GEOMETRY,
    ceiling,
    geometry,
    layout_of,
    panel_width,
    read_gradients,
    read_inputs,
    taps_of,
    tile_count,
    transform_input,
)
from tatami.engines.cpu.winograd_transforms import weight_tile
from tatami.network.layers import Conv
from tatami.plan.scratch import winograd as plan
from tatami.plan.scratch.winograd import Cut


@compiled
def _write_weights(
    args: Any,
    real: Any,
    form: int,
    panel: int,
    piece: int,
    channel: int,
    du: Any,
    step: int,
    d_weight: Any,
    add: bool,
) -> None:
    """G^T dU G for one channel, a piece of the kernel and a panel's filters to dW (taps, C, K); or added to it."""
    words = unpack(args, GEOMETRY)
    channels, filters, m_w, high, wide = words[4], words[9], words[14], words[18], words[19]
    first = panel * panel_width(real)
    area = channels * filters
    one, target = splat(real(1), real), at(d_weight, piece * m_w * area + channel * filters + first)
    some, endless = min(panel_width(real), filters - first), splat(real(math.inf), real)
    here = taps_of(args, piece)
    weight_tile(form, du, step, du, False, one, endless, add, target, wide * area, area, high, here, some)


@kernel
def gradient_blocks(args: Any, real: Any, n: int, part: int, parts: int, form: int) -> None:
    """Each part's dU, (panels, products, C, width), over its blocks of tiles."""
    words = unpack(args, 28)
    channels, filters, products, pieces = words[4], words[9], words[17], words[20]
    scratch, part_size, most, step, q_step, du_step, du_size = words[21:]
    size, width = lanes(real), panel_width(real)
    tiles = tile_count(args, n)
    block = min(most, ceiling(tiles, parts))
    du = at(pointer(scratch, real), part * part_size)
    v = at(du, du_size)
    q = at(v, products * step)
    first, last = share(ceiling(tiles, block), part, parts)
    for i in range(first, last):
        begin = i * block
        count = min(block, tiles - begin)
        reach = most + pieces - 1
        read_inputs(args, real, form, n, begin, count + pieces - 1, 0, channels, v, step, size, reach)
        for panel in range(ceiling(filters, width)):
            read_gradients(args, real, form, begin, count, panel, q, q_step)
            rest = filters - panel * width
            for p in range(products):
                b, target = at(q, p * q_step), at(du, (panel * products + p) * du_step)
                for piece in range(pieces):
                    for c in range(0, channels, size):
                        a, some = at(v, p * step + c * reach + piece * size), min(size, channels - c)
                        out = at(target, (piece * channels + c) * width)
                        multiply_panel(a, 1, size, b, out, width, some, rest, count, i > first)


@kernel
def sum_gradients(args: Any, real: Any, n: int, part: int, parts: int, form: int) -> None:
    """Sum the parts' dU into that of the first part which had tiles, and transform it to dW."""
    words = unpack(args, 29)
    channels, filters, products, pieces = words[4], words[9], words[17], words[20]
    scratch, size, most, _, _, du_step, _, d_weight = words[21:]
    width = panel_width(real)
    tiles = tile_count(args, n)
    blocks = ceiling(tiles, min(most, ceiling(tiles, parts)))
    one = 0
    while share(blocks, one, parts)[1] == 0:
        one += 1
    depth = pieces * channels
    first, last = share(ceiling(filters, width) * depth, part, parts)
    for item in range(first, last):
        panel, row = item // depth, item % depth
        place = panel * products * du_step + row * width
        target = at(pointer(scratch, real), one * size + place)
        for other in range(one + 1, parts):
            begin, end = share(blocks, other, parts)
            if begin < end:
                source = at(pointer(scratch, real), other * size + place)
                for p in range(products):
                    for i in range(p * du_step, p * du_step + width, lanes(real)):
                        store(target, i, load(target, i) + load(source, i))
        piece, channel = row // channels, row % channels
        _write_weights(args, real, form, panel, piece, channel, target, du_step, pointer(d_weight, real), False)


@kernel
def transform_gradient(args: Any, real: Any, n: int, part: int, parts: int, form: int) -> None:
    """Q of a chunk of tiles: (products, panels, tiles, width)."""
    filters = unpack(args, 10)[9]
    q, step, begin, most = unpack(args, 25)[21:]
    width = panel_width(real)
    panels = ceiling(filters, width)
    count = min(most, tile_count(args, n) - begin)
    first, last = share(max(count, 0) * panels, part, parts)
    while first < last:
        panel, tile = first // count, first % count
        some = min(count - tile, last - first)
        target = at(pointer(q, real), (panel * most + tile) * width)
        read_gradients(args, real, form, begin + tile, some, panel, target, step)
        first += some


@kernel
def gradient_panels(args: Any, real: Any, n: int, part: int, parts: int, form: int) -> None:
    """Each part computes pieces of dU over all tiles of a chunk, and transforms them to dW."""
    words = unpack(args, 31)
    channels, filters, products, pieces = words[4], words[9], words[17], words[20]
    q, q_step, begin, most, v, v_step, scratch, part_size, du_step, d_weight = words[21:]
    count = min(most, tile_count(args, n) - begin)
    if count <= 0:
        return
    size, width = lanes(real), panel_width(real)
    panels, reach = ceiling(filters, width), most + pieces - 1
    # Shares of dU: some channels by one panel; fewer channels where there would be none for some parts.
    rows = ceiling(min(channels, plan.CHANNELS), size) * size
    while rows > size and panels * pieces * ceiling(channels, rows) < parts:
        rows = ceiling(rows // size, 2) * size
    shares = ceiling(channels, rows)
    du = at(pointer(scratch, real), part * part_size)
    first, last = share(panels * pieces * shares, part, parts)
    for item in range(first, last):
        panel, piece, c = item // (pieces * shares), item // shares % pieces, item % shares * rows
        some, rest = min(rows, channels - c), filters - panel * width
        for p in range(products):
            target = at(du, p * du_step)
            for d in range(0, count, plan.DEPTH):
                depth = min(plan.DEPTH, count - d)
                b = at(pointer(q, real), p * q_step + (panel * most + d) * width)
                source = at(pointer(v, real), p * v_step + c * reach + (d + piece) * size)
                for r in range(0, some, size):
                    a, high = at(source, r * reach), min(size, some - r)
                    multiply_panel(a, 1, size, b, at(target, r * width), width, high, rest, depth, d > 0)
        for r in range(some):
            row, dw = at(du, r * width), pointer(d_weight, real)
            _write_weights(args, real, form, panel, piece, c + r, row, du_step, dw, begin > 0)


def backward_weights(
    layer: Conv, x: Map, dy: Map, d_weight: int, scratch: int, batch: int, itemsize: int, tile: int = 4
) -> list[Call]:
    """Write dW (F, F, C, K) to ``d_weight``.

    Args:
        layer: a convolution to which :func:`tatami.plan.scratch.winograd.applies`.
        x: its input.
        dy: the gradient of its output.
        d_weight: address of dW.
        scratch: address of ``backward_weights_scratch`` bytes.
        batch: the most samples.
        itemsize: bytes of a value.
        tile: m, one of :func:`tatami.plan.scratch.winograd.tiles`.
    """
    cut = Cut.of(layer, x.shape, tile)
    layout = layout_of(cut, batch, itemsize)
    here = geometry(cut, x, dy)
    if not plan.in_panels(cut, itemsize):
        block = layout.block
        sizes = (layout.weights_part, block, layout.spread_step(block), layout.panel_step(block))
        args = (*here, scratch, *sizes, layout.gradient_step, layout.gradient, d_weight)
        return [Call(gradient_blocks.of(cut.form), args), Call(sum_gradients.of(cut.form), args)]
    calls = []
    lanes_ = plan.LINE // itemsize
    q = scratch + layout.spread * itemsize
    own = q + layout.transformed_gradient * itemsize
    for begin in range(0, batch * cut.tiles, layout.chunk):
        v_step, q_chunk = layout.spread_step(layout.chunk), (q, layout.gradients_step, begin, layout.chunk)
        v_chunk = (scratch, begin, layout.chunk, v_step, lanes_, layout.reach(layout.chunk))
        calls.append(Call(transform_input.of(cut.form), (*here, *v_chunk)))
        calls.append(Call(transform_gradient.of(cut.form), (*here, *q_chunk)))
        sizes = (own, layout.weights_part, layout.gradient_step, d_weight)
        calls.append(Call(gradient_panels.of(cut.form), (*here, *q_chunk, scratch, v_step, *sizes)))
    return calls
