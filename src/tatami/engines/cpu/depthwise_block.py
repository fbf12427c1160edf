"""The innermost loop of depthwise convolutions: some neighbouring outputs, one vector of channels each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tatami.engines.cpu.pointers import WORD
from tatami.engines.cpu.tile import activated
from tatami.engines.cpu.vector import (
    Vector,
    call_vector_intrinsic,
    first_lanes,
    llvm_vector,
    load_masked,
    load_plain,
    store_masked,
    store_plain,
)


def _number(value: int) -> ir.Constant:
    return ir.Constant(WORD, value)


def _loop(builder: Any, count: Any, carried: list[Any], body: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """``body`` on the carried values, ``count`` times."""
    before = builder.block
    head, inside, done = (builder.append_basic_block(f"loop.{name}") for name in ("head", "inside", "done"))
    builder.branch(head)
    builder.position_at_end(head)
    i = builder.phi(WORD)
    phis = [builder.phi(value.type) for value in carried]
    builder.cbranch(builder.icmp_signed("<", i, count), inside, done)
    builder.position_at_end(inside)
    new = body(phis)
    following = builder.add(i, _number(1))
    for phi, start, value in zip([i, *phis], [_number(0), *carried], [following, *new], strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(value, builder.block)
    builder.branch(head)
    builder.position_at_end(done)
    return phis


def block(outputs: int, whole: bool, taps_of_line: int = 0, hop_of_line: int = 1) -> Any:
    """An intrinsic: ``outputs`` neighbouring positions of y, of a whole vector of channels or the first ``some``.

    Output b sees tap (d, h, w) at x + (d, h, w) . steps + b * hop, with the weight at w + (d, h, w) . strides; along
    the width only where 0 <= place + w * far + b * step < length. The result goes to y + b * gap, for the
    first ``count``.

    With ``taps_of_line``, windows have so many neighbouring taps along the width and are ``hop_of_line`` positions
    apart; each value of a line is then read once.
    """

    @intrinsic
    def blocked(
        typingctx: Any,
        x: Any,
        hop: Any,
        steps: Any,
        weight: Any,
        strides: Any,
        taps: Any,
        width: Any,
        y: Any,
        gap: Any,
        count: Any,
        some: Any,
        bias: Any,
        ends: Any,
    ) -> Any:
        i64 = types.int64

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            x, hop, steps, weight, strides, taps, width, y, gap, count, some, bias, ends = values
            vector = llvm_vector(Vector(signature.args[0].dtype))
            zero = ir.Constant(vector, [0.0] * vector.count)
            mask = None if whole else first_lanes(builder, vector, some)
            place, far, step, length = _parts(builder, width)
            has_bias, kind, adds, slope, cap = _parts(builder, ends)
            step_d, step_h, step_w = _parts(builder, steps)
            stride_d, stride_h, stride_w = _parts(builder, strides)
            taps_d, taps_h, taps_w = _parts(builder, taps)

            def take(address: Any) -> Any:
                return load_plain(builder, vector, address) if whole else load_masked(builder, vector, address, mask)

            def taken(address: Any) -> list[Any]:
                return [take(address)]

            def add(base: Any, index: Any) -> Any:
                return builder.gep(base, [index])

            def product(total: Any, seen: Any, value: Any) -> Any:
                return call_vector_intrinsic(builder, "llvm.fma", vector, seen, value, total)

            def is_inside(position: Any) -> Any:
                return builder.icmp_unsigned("<", position, length)  # unsigned: a negative place is beyond the length

            # Lines of any taps: tap by tap, one product for each output.
            hops = [builder.mul(hop, _number(b)) for b in range(outputs)]
            reach = builder.mul(step, _number(outputs - 1))

            def at_tap(carried: list[Any]) -> list[Any]:
                a, b, here, *totals = carried
                value = take(b)

                def all_seen() -> list[Any]:
                    return [product(total, take(add(a, hops[i])), value) for i, total in enumerate(totals)]

                def some_seen() -> list[Any]:
                    found = []
                    for i, total in enumerate(totals):
                        seen = is_inside(builder.add(here, builder.mul(step, _number(i))))

                        def one(i: int = i, total: Any = total) -> list[Any]:
                            return [product(total, take(add(a, hops[i])), value)]

                        found += _either(builder, seen, one, partial(list, [total]))
                    return found

                every = builder.and_(is_inside(here), is_inside(builder.add(here, reach)))
                return [
                    add(a, step_w),
                    add(b, stride_w),
                    builder.add(here, far),
                    *_either(builder, every, all_seen, some_seen),
                ]

            def any_line(a: Any, b: Any, totals: list[Any]) -> list[Any]:
                return _loop(builder, taps_w, [a, b, place, *totals], at_tap)[3:]

            # Lines of known taps: value by value, a product for each output that sees it.
            positions = (outputs - 1) * hop_of_line + taps_of_line
            all_inside = builder.and_(is_inside(place), is_inside(builder.add(place, _number(positions - 1))))

            def products(seen: list[Any], values: list[Any], totals: list[Any]) -> list[Any]:
                totals = list(totals)
                for j in range(positions):
                    for t in range(taps_of_line):
                        i, rest = divmod(j - t, hop_of_line)
                        if rest == 0 and 0 <= i < outputs:
                            totals[i] = product(totals[i], seen[j], values[t])
                return totals

            def known_line(a: Any, b: Any, totals: list[Any]) -> list[Any]:
                weights, addresses = [], [a]
                for _ in range(taps_of_line):
                    weights.append(take(b))
                    b = add(b, stride_w)
                while len(addresses) < positions:
                    addresses.append(add(addresses[-1], step_w))

                def all_seen() -> list[Any]:
                    return products([take(address) for address in addresses], weights, totals)

                def some_seen() -> list[Any]:
                    seen = []
                    for j, address in enumerate(addresses):
                        inside = is_inside(builder.add(place, _number(j)))
                        seen += _either(builder, inside, partial(taken, address), lambda: [zero])
                    return products(seen, weights, totals)

                return _either(builder, all_inside, all_seen, some_seen)

            line = known_line if taps_of_line else any_line

            def at_line(carried: list[Any]) -> list[Any]:
                a, b, *totals = carried
                return [add(a, step_h), add(b, stride_h), *line(a, b, totals)]

            def at_plane(carried: list[Any]) -> list[Any]:
                a, b, *totals = carried
                return [add(a, step_d), add(b, stride_d), *_loop(builder, taps_h, [a, b, *totals], at_line)[2:]]

            (start,) = _either(builder, has_bias, lambda: [take(bias)], lambda: [zero])
            totals = _loop(builder, taps_d, [x, weight, *[start] * outputs], at_plane)[2:]
            places = [add(y, builder.mul(gap, _number(b))) for b in range(outputs)]

            def end(i: int, wanted: int) -> list[Any]:
                """Write outputs [i, i + wanted)."""
                mine = totals[i : i + wanted]

                def sums() -> list[Any]:
                    return [builder.fadd(value, take(place)) for value, place in zip(mine, places[i:], strict=False)]

                mine = _either(builder, adds, sums, partial(list, mine))
                for value, place in zip(activated(builder, vector, mine, kind, slope, cap), places[i:], strict=False):
                    if whole:
                        store_plain(builder, vector, value, place)
                    else:
                        store_masked(builder, vector, value, place, mask)
                return []

            def one_by_one() -> list[Any]:
                for i in range(outputs - 1):
                    _either(builder, builder.icmp_signed(">", count, _number(i)), partial(end, i, 1), lambda: [])
                return []

            _either(builder, builder.icmp_signed(">=", count, _number(outputs)), partial(end, 0, outputs), one_by_one)
            return context.get_dummy_value()

        return types.void(x, i64, steps, x, strides, taps, width, x, i64, i64, i64, x, ends), codegen

    return blocked


def _parts(builder: Any, value: Any) -> list[Any]:
    """The members of a tuple."""
    count = value.type.count if isinstance(value.type, ir.ArrayType) else len(value.type.elements)
    return [builder.extract_value(value, i) for i in range(count)]


def _either(
    builder: Any, condition: Any, make: Callable[[], list[Any]], make_other: Callable[[], list[Any]]
) -> list[Any]:
    """What ``make`` makes where the condition holds, else what ``make_other`` makes."""
    yes, no, done = (builder.append_basic_block(f"either.{name}") for name in ("yes", "no", "done"))
    builder.cbranch(condition, yes, no)
    made = []
    for name, each in ((yes, make), (no, make_other)):
        builder.position_at_end(name)
        made.append((each(), builder.block))
        builder.branch(done)
    builder.position_at_end(done)
    found = []
    (values, last), (others, other_last) = made
    for one, other in zip(values, others, strict=True):
        phi = builder.phi(one.type)
        phi.add_incoming(one, last)
        phi.add_incoming(other, other_last)
        found.append(phi)
    return found
