"""Depthwise convolutions with several filters for each channel, number by number: rare, and never the slow part."""

from __future__ import annotations

from typing import Any

from tatami.engines.cpu.kernels import kernel, share
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.tile import BIASED


@kernel
def slid(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """As :func:`tatami.engines.cpu.depthwise.slid`; channel o of y sums ``many`` filters, j = o * many and on.

    Each sees channel j // shared of x. Forward one sums one, and ``shared`` filters see the same channel; back it is
    the other way round.
    """
    x, xs, y, ys, channels, weight, tap, wd, wh, ww, filters, bias, kind, slope, cap, add = unpack(args, 16)
    D, H, W, taps_d, taps_h, taps_w, step_d, step_h, step_w, far_d, far_h, far_w = unpack(at(args, 16), 12)
    before_d, before_h, before_w, out_d, out_h, out_w = unpack(at(args, 28), 6)
    full_d, full_h, full_w, first_d, first_h, first_w, spread_d, spread_h, spread_w = unpack(at(args, 34), 9)
    many, shared = unpack(at(args, 43), 2)
    x, y, weight, bias = pointer(x, real), pointer(y, real), pointer(weight, real), pointer(bias, real)
    slope, cap = real(real_number(slope)), real(real_number(cap))
    first, last = share(n * out_d * out_h * out_w, part, parts)
    for position in range(first, last):
        w, h = position % out_w, position // out_w % out_h
        d, sample = position // (out_w * out_h) % out_d, position // (out_w * out_h * out_d)
        row = (sample * full_d + first_d + d * spread_d) * full_h + first_h + h * spread_h
        target = at(y, (row * full_w + first_w + w * spread_w) * ys)
        for o in range(channels):
            total = real(0)
            if kind & BIASED:
                total = bias[o]
            for t in range(taps_d * taps_h * taps_w):
                e, f, g = t // (taps_h * taps_w), t // taps_w % taps_h, t % taps_w
                in_d, in_h = d * step_d - before_d + e * far_d, h * step_h - before_h + f * far_h
                in_w = w * step_w - before_w + g * far_w
                if 0 <= in_d < D and 0 <= in_h < H and 0 <= in_w < W:
                    seen = at(x, (((sample * D + in_d) * H + in_h) * W + in_w) * xs)
                    filter = at(weight, (tap + e * wd + f * wh + g * ww) * filters)
                    for j in range(o * many, o * many + many):
                        total += seen[j // shared] * filter[j]
            if add:
                total += target[o]
            if kind & ~BIASED:
                if total < 0:
                    total = total * slope
                if total > cap:
                    total = cap
            target[o] = total
