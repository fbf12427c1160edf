"""One tile of a matrix product, kept in registers while the depth passes by: the innermost loop of all products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tatami.engines.cpu.pointers import WORD
from tatami.engines.cpu.vector import (
    Vector,
    call_vector_intrinsic,
    first_lanes,
    llvm_vector,
    load_masked,
    load_plain,
    splat_value,
    store_masked,
    store_plain,
)

# What becomes of a tile before it is written: the kind of activation, plus BIASED where a bias is added first.
STAYS, RECTIFIED, BENT, BIASED = 0, 1, 2, 4


def tile(rows: int, vectors: int) -> Any:
    """An intrinsic: C (rows by vectors*lanes) = or += A B, of which ``columns`` columns are written.

    A[m, d] lies at a + m*am + d*ad, B[d] at b + d*bd, C[m] at c + m*cm.
    """

    @intrinsic
    def product(
        typingctx: Any, a: Any, am: Any, ad: Any, b: Any, bd: Any, c: Any, cm: Any, depth: Any, columns: Any, add: Any
    ) -> Any:
        i64 = types.int64

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            _generate(builder, llvm_vector(Vector(a.dtype)), rows, vectors, *values, end=None)
            return context.get_dummy_value()

        return types.void(a, i64, i64, a, i64, a, i64, i64, i64, types.boolean), codegen

    return product


def tile_with_end(rows: int, vectors: int) -> Any:
    """As :func:`tile`; bias and activation follow while the values are in registers, as ``kind`` says."""

    @intrinsic
    def product(
        typingctx: Any,
        a: Any,
        am: Any,
        ad: Any,
        b: Any,
        bd: Any,
        c: Any,
        cm: Any,
        depth: Any,
        columns: Any,
        add: Any,
        bias: Any,
        kind: Any,
        slope: Any,
        cap: Any,
    ) -> Any:
        i64, number = types.int64, a.dtype

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            _generate(builder, llvm_vector(Vector(a.dtype)), rows, vectors, *values[:10], end=values[10:])
            return context.get_dummy_value()

        return types.void(a, i64, i64, a, i64, a, i64, i64, i64, types.boolean, a, i64, number, number), codegen

    return product


def _number(value: int) -> ir.Constant:
    return ir.Constant(WORD, value)


def _generate(
    builder: Any,
    vector: ir.VectorType,
    rows: int,
    vectors: int,
    a: Any,
    am: Any,
    ad: Any,
    b: Any,
    bd: Any,
    c: Any,
    cm: Any,
    depth: Any,
    columns: Any,
    add: Any,
    *,
    end: Any,
) -> None:
    size = vector.count
    before = builder.block
    names = "loop", "done", "sums", "some_sums", "all_sums", "ready", "partial", "whole", "end"
    loop, done, sums, some_sums, all_sums, ready, partial, whole, finish = (
        builder.append_basic_block(f"tile.{name}") for name in names
    )
    row = [builder.mul(am, _number(m)) for m in range(rows)]
    masks = [first_lanes(builder, vector, builder.sub(columns, _number(v * size))) for v in range(vectors)]
    is_partial = builder.icmp_signed("<", columns, _number(vectors * size))
    builder.branch(loop)

    builder.position_at_end(loop)
    left, here, there = builder.phi(WORD), builder.phi(a.type), builder.phi(b.type)
    totals = [builder.phi(vector) for _ in range(rows * vectors)]
    loaded = [load_plain(builder, vector, builder.gep(there, [_number(v * size)])) for v in range(vectors)]
    new = []
    for m in range(rows):
        value = splat_value(builder, vector, builder.load(builder.gep(here, [row[m]])))
        for v in range(vectors):
            new.append(call_vector_intrinsic(builder, "llvm.fma", vector, value, loaded[v], totals[m * vectors + v]))
    fewer = builder.sub(left, _number(1))
    zero = ir.Constant(vector, [0.0] * size)
    for phi, first, following in (
        (left, depth, fewer),
        (here, a, builder.gep(here, [ad])),
        (there, b, builder.gep(there, [bd])),
        *((total, zero, value) for total, value in zip(totals, new, strict=True)),
    ):
        phi.add_incoming(first, before)
        phi.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed(">", fewer, _number(0)), loop, done)

    def places() -> Iterator[tuple[int, int, Any]]:
        """Number, mask and address of each vector of the tile."""
        for m in range(rows):
            start = builder.mul(cm, _number(m))
            for v in range(vectors):
                yield m * vectors + v, v, builder.gep(c, [builder.add(start, _number(v * size))])

    builder.position_at_end(done)
    builder.cbranch(add, sums, ready)
    builder.position_at_end(sums)
    builder.cbranch(is_partial, some_sums, all_sums)
    builder.position_at_end(some_sums)
    some = [builder.fadd(new[i], load_masked(builder, vector, place, masks[v])) for i, v, place in places()]
    builder.branch(ready)
    builder.position_at_end(all_sums)
    every = [builder.fadd(new[i], load_plain(builder, vector, place)) for i, _, place in places()]
    builder.branch(ready)

    builder.position_at_end(ready)
    result = _merged(builder, vector, {done: new, some_sums: some, all_sums: every})
    if end is not None:
        result = _ended(builder, vector, result, masks, *end)
    builder.cbranch(is_partial, partial, whole)
    builder.position_at_end(whole)
    for i, _, place in places():
        store_plain(builder, vector, result[i], place)
    builder.branch(finish)
    builder.position_at_end(partial)
    for i, v, place in places():
        store_masked(builder, vector, result[i], place, masks[v])
    builder.branch(finish)
    builder.position_at_end(finish)


def _merged(builder: Any, vector: ir.VectorType, values: dict[Any, list[Any]]) -> list[Any]:
    """The values that come from one of several blocks."""
    found = []
    for each in zip(*values.values(), strict=True):
        phi = builder.phi(vector)
        for block, value in zip(values, each, strict=True):
            phi.add_incoming(value, block)
        found.append(phi)
    return found


def _ended(
    builder: Any, vector: ir.VectorType, values: list[Any], masks: list[Any], bias: Any, kind: Any, slope: Any, cap: Any
) -> list[Any]:
    """The values of a tile with bias and activation (:mod:`tatami.engines.cpu.bend`)."""
    start = builder.block
    biased, shifted = builder.append_basic_block("tile.biased"), builder.append_basic_block("tile.shifted")
    has_bias = builder.icmp_signed("!=", builder.and_(kind, _number(BIASED)), _number(0))
    builder.cbranch(has_bias, biased, shifted)
    builder.position_at_end(biased)
    shifts = [
        load_masked(builder, vector, builder.gep(bias, [_number(v * vector.count)]), mask)
        for v, mask in enumerate(masks)
    ]
    sums = [builder.fadd(value, shifts[i % len(masks)]) for i, value in enumerate(values)]
    builder.branch(shifted)
    builder.position_at_end(shifted)
    values = _merged(builder, vector, {start: values, biased: sums})
    return activated(builder, vector, values, kind, slope, cap)


def activated(builder: Any, vector: ir.VectorType, values: list[Any], kind: Any, slope: Any, cap: Any) -> list[Any]:
    """The values after the activation that ``kind`` says."""
    zero = ir.Constant(vector, [0.0] * vector.count)
    start = builder.block
    rectified, bent, ended = (builder.append_basic_block(f"tile.{name}") for name in ("rectified", "bent", "ended"))
    switch = builder.switch(builder.and_(kind, _number(3)), ended)
    switch.add_case(_number(RECTIFIED), rectified)
    switch.add_case(_number(BENT), bent)
    builder.position_at_end(rectified)
    positive = [builder.select(builder.fcmp_ordered(">", zero, value), zero, value) for value in values]
    builder.branch(ended)
    builder.position_at_end(bent)
    slopes, caps = splat_value(builder, vector, slope), splat_value(builder, vector, cap)
    curved = []
    for value in values:
        lower = builder.select(builder.fcmp_ordered("<", value, zero), builder.fmul(value, slopes), value)
        curved.append(builder.select(builder.fcmp_ordered(">", lower, caps), caps, lower))
    builder.branch(ended)
    builder.position_at_end(ended)
    return _merged(builder, vector, {start: values, rectified: positive, bent: curved})
