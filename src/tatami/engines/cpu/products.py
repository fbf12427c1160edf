"""The two kernels of all convolutions by matrix products: outputs, and gradients of weights.

Letters: D values that a window sees, taps times channels of a group; K filters of a group; rows are output positions
of all samples. A block of rows is unfolded into scratch memory, within a second cache, and multiplied by the panels
of the weights; or the map itself is the matrix, where each window is one pixel (``direct``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numba import njit
from numba.extending import register_jitable

from tatami.engines.cpu.gemm import PANEL_VECTORS, ROWS, multiply, multiply_with_end
from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.packing import pack_rows
from tatami.engines.cpu.places import Bend, Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.tile import BENT, BIASED, RECTIFIED, STAYS
from tatami.engines.cpu.unfolding import WORDS, Slide, Three, unfold
from tatami.engines.cpu.vector import lanes, load, load_some, store, store_some
from tatami.plan.scratch import unfolded as sizes

_ARGS, _PLACE = 19, 9

for _size in (sizes.rounded, sizes.pitch, sizes.depth_block, sizes.row_block, sizes.sums_by_part):
    register_jitable(_size)  # compiled functions may call it too


@dataclass(frozen=True)
class Spread:
    """Where the rows of a product go: output position (d, h, w) to ``first`` + its product with ``steps``."""

    lengths: Three
    first: Three = (0, 0, 0)
    steps: Three = (1, 1, 1)

    @property
    def is_dense(self) -> bool:
        """Whether row after row."""
        return set(self.steps) == {1}


def kind_of(bend: Bend, bias: int) -> int:
    """Bias and activation as the tiles take them."""
    if bend.is_identity:
        kind = STAYS
    else:
        kind = RECTIFIED if (bend.slope, bend.cap) == (0.0, float("inf")) else BENT
    return kind + BIASED * bool(bias)


def outputs(
    slide: Slide,
    x: Map,
    y: Map,
    spread: Spread,
    packed: int,
    depth: int,
    columns: int,
    groups: int,
    bias: int,
    bend: Bend,
    add: bool,
    scratch: int,
    rows_before: int = 0,
) -> Call:
    """Y = or += bend(windows of x times weights + bias); each group has ``depth`` channels of x, ``columns`` of y.

    The weights in panels lie behind others, of ``rows_before`` rows for each group.
    """
    total = slide.size * depth
    direct = slide.is_identity and spread.is_dense
    head = (x.address, x.stride, packed, y.address, y.stride, bias, kind_of(bend, bias), bend.slope, bend.cap)
    cut = (columns, groups, total, sizes.depth_block(total), sizes.pitch(total))
    rest = (int(direct), int(not spread.is_dense), scratch, int(add), rows_before)
    where = (*spread.lengths, *spread.first, *spread.steps)
    return Call(multiplied, (*head, *cut, *rest, *slide.words(x, depth), *where))


def weight_gradient(
    slide: Slide, x: Map, dy: Map, target: int, depth: int, columns: int, groups: int, scratch: int
) -> list[Call]:
    """Give target (taps, depth, groups*columns) = the products of each window of x and the output gradient, summed."""
    total = slide.size * depth
    head = (x.address, x.stride, dy.address, dy.stride, target, columns, groups, total)
    cut = (sizes.depth_block(total), sizes.pitch(total), int(slide.is_identity), scratch)
    return [
        Call(gradient, (*head, *cut, *slide.words(x, depth))),
        Call(slots_summed, (target, total, columns, groups, scratch)),
    ]


@njit(nogil=True, error_model="numpy")
def _put(
    block: Any, cm: int, first: int, count: int, columns: int, y: Any, stride: int, outs: Any, place: Any, add: bool
) -> None:
    """Rows of a block of products to their places in y."""
    out_d, out_h, out_w = outs
    _, H, W, first_d, first_h, first_w, step_d, step_h, step_w = place
    D = place[0]
    width = lanes(y)
    whole = columns // width * width
    for row in range(count):
        r = first + row
        w, h = r % out_w, r // out_w % out_h
        d, sample = r // (out_w * out_h) % out_d, r // (out_w * out_h * out_d)
        at_h = (sample * D + first_d + d * step_d) * H + first_h + h * step_h
        a, b = at(block, row * cm), at(y, (at_h * W + first_w + w * step_w) * stride)
        for i in range(0, whole, width):
            value = load(a, i)
            if add:
                value = value + load(b, i)
            store(b, i, value)
        if whole < columns:
            some = columns - whole
            value = load_some(a, whole, some)
            if add:
                value = value + load_some(b, whole, some)
            store_some(b, whole, value, some)


@kernel
def multiplied(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """See :func:`outputs`. The parts share the rows, or the columns where rows are few."""
    (
        x,
        xs,
        panels,
        y,
        ys,
        bias,
        kind,
        slope,
        cap,
        columns,
        groups,
        depth,
        depth_block,
        pitch,
        direct,
        scattered,
        scratch,
        add,
        before,
    ) = unpack(args, _ARGS)
    shape, place = unpack(at(args, _ARGS), WORDS), unpack(at(args, _ARGS + WORDS), _PLACE)
    x, y, bias, panels = pointer(x, real), pointer(y, real), pointer(bias, real), pointer(panels, real)
    slope, cap = real(real_number(slope)), real(real_number(cap))
    channels, outs = shape[0], shape[17:]
    rows = n * outs[0] * outs[1] * outs[2]
    itemsize = 64 // lanes(real)
    row_block, cm = sizes.row_block(depth, columns, itemsize), sizes.rounded(columns, sizes.PANEL)
    block = pointer(scratch + part * row_block * (pitch + cm) * itemsize, real)
    products = at(block, row_block * pitch)
    width = lanes(real) * PANEL_VECTORS
    per_group = (columns + width - 1) // width
    panels = at(panels, before * groups * per_group * width)
    units, items = (rows + ROWS - 1) // ROWS, groups * per_group
    begin, end = share(units, part, parts)
    first_item, last_item = 0, items
    if 8 * units * ((items + parts - 1) // parts) < 7 * ((units + parts - 1) // parts) * items:
        begin, end = 0, units
        first_item, last_item = share(items, part, parts)
    begin, end = begin * ROWS, min(end * ROWS, rows)
    for row in range(begin, end, row_block):
        count = min(row_block, end - row)
        item = first_item
        while item < last_item:
            group, panel = item // per_group, item % per_group
            next_panel = min(per_group, panel + last_item - item)
            first = panel * width
            some = min(columns, next_panel * width) - first
            column = group * columns + first
            source = at(x, group * channels)
            out, out_stride = at(y, row * ys + column), ys
            if scattered:
                out, out_stride = products, cm
            for d in range(0, depth, depth_block):
                deep = min(depth_block, depth - d)
                a, am = at(source, row * xs + d), xs
                if not direct:
                    a, am = block, pitch
                    unfold(source, xs, shape, row, count, d, d + deep, block, pitch)
                b = at(panels, (group * depth + d) * per_group * width + first * deep)
                how = kind if d + deep == depth else 0
                adds = d > 0 or (add != 0 and not scattered)
                multiply_with_end(
                    a, am, 1, b, out, out_stride, count, some, deep, adds, at(bias, column), how, slope, cap
                )
            if scattered:
                _put(products, cm, row, count, some, at(y, column), ys, outs, place, add != 0)
            item += next_panel - panel


@kernel
def gradient(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """See :func:`weight_gradient`. The parts share the pixels, each with its own sums, or else the rows of the sums."""
    x, xs, dy, ys, target, columns, groups, depth, depth_block, pitch, direct, scratch = unpack(args, 12)
    shape = unpack(at(args, 12), WORDS)
    x, dy, target = pointer(x, real), pointer(dy, real), pointer(target, real)
    channels, outs = shape[0], shape[17:]
    pixels, total = n * outs[0] * outs[1] * outs[2], groups * columns
    itemsize = 64 // lanes(real)
    begin, end = 0, pixels
    first_row, last_row = 0, groups * depth
    blocks = scratch
    if sizes.sums_by_part(depth, total, groups, parts, itemsize):
        size = depth * total
        begin, end = share(pixels, part, parts)
        blocks = scratch + sizes.rounded((parts - 1) * size * itemsize, 64)
        if part > 0:
            target = pointer(scratch + (part - 1) * size * itemsize, real)
        if begin == end:
            for i in range(size):
                target[i] = real(0)
            return
    else:
        first_row, last_row = share((groups * depth + ROWS - 1) // ROWS, part, parts)
        first_row, last_row = first_row * ROWS, min(last_row * ROWS, groups * depth)
    column_block = min(sizes.rounded(columns, sizes.PANEL), sizes.COLUMNS)
    block = pointer(blocks + part * sizes.PIXELS * (pitch + column_block) * itemsize, real)
    panels = at(block, sizes.PIXELS * pitch)
    item = first_row
    while item < last_row:
        group, low = item // depth, item % depth
        high = min(depth, low + last_row - item)
        source = at(x, group * channels)
        for k in range(0, columns, column_block):
            some = min(column_block, columns - k)
            column = group * columns + k
            for pixel in range(begin, end, sizes.PIXELS):
                count = min(sizes.PIXELS, end - pixel)
                pack_rows(at(dy, pixel * ys + column), ys, count, some, panels)
                for d in range(low, high, depth_block):
                    deep = min(depth_block, high - d)
                    a, ad = at(source, pixel * xs + d), xs
                    if not direct:
                        a, ad = block, pitch
                        unfold(source, xs, shape, pixel, count, d, d + deep, block, pitch)
                    out = at(target, d * total + column)
                    multiply(a, 1, ad, panels, out, total, deep, some, count, pixel > begin)
        item += high - low


@kernel
def slots_summed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Target += the sums of all parts but the first, in their order; nothing where the parts shared the rows."""
    target, depth, columns, groups, slots = unpack(args, 5)
    if not sizes.sums_by_part(depth, columns * groups, groups, parts, 64 // lanes(real)):
        return
    size = depth * columns * groups
    target, slots = pointer(target, real), pointer(slots, real)
    first, last = share(size, part, parts)
    width = lanes(real)
    for each in range(parts - 1):
        source = at(slots, each * size)
        i = first
        while i + width <= last:
            store(target, i, load(target, i) + load(source, i))
            i += width
        if i < last:
            store_some(target, i, load_some(target, i, last - i) + load_some(source, i, last - i), last - i)
