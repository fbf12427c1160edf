"""The loop that runs compiled calls on all threads at once, without Python between them.

Every thread runs :func:`run_calls` over the same table; a barrier after each call keeps them together. A thread that
waits spins for some microseconds, for calls are short, and then lets others have its core, for machines are shared.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tatami.engines.cpu.compiled import compiled
from tatami.engines.cpu.pointers import WORD, yield_processor

GATE_WORDS = 24  # three cache lines: how many have arrived, how often all have, and whether to give up
_ROUND, GIVE_UP = 8, 16
_SPINS = 4000


@intrinsic
def _invoke(typingctx: Any, function: Any, args: Any, n: Any, part: Any, parts: Any) -> Any:
    """Call a kernel by its address: see :meth:`tatami.engines.cpu.kernels.Kernel.address`."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        address, words, *numbers = values
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [WORD.as_pointer(), byte, WORD, WORD, WORD])
        target = builder.inttoptr(address, kind.as_pointer())
        builder.call(target, [builder.inttoptr(words, WORD.as_pointer()), ir.Constant(byte, None), *numbers])
        return context.get_dummy_value()

    i64 = types.int64
    return types.void(i64, i64, i64, i64, i64), codegen


@intrinsic
def _atomic_add(typingctx: Any, words: Any, index: Any, value: Any) -> Any:
    """Add to a word that other threads change too; returns what it was."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        base, index_, value_ = values
        return builder.atomic_rmw("add", builder.gep(base, [index_]), value_, "seq_cst")

    return types.int64(words, types.int64, types.int64), codegen


@intrinsic
def _atomic_load(typingctx: Any, words: Any, index: Any) -> Any:
    """A word that other threads change."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load_atomic(builder.gep(values[0], [values[1]]), "seq_cst", 8)

    return types.int64(words, types.int64), codegen


_POINTER = types.CPointer(types.int64)


@intrinsic
def _as_words(typingctx: Any, address: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], WORD.as_pointer())

    return _POINTER(types.int64), codegen


@compiled
def _wait(gate: Any, parts: int) -> bool:
    """Return when all ``parts`` threads have come here; False when they are to give up."""
    turn = _atomic_load(gate, _ROUND)
    if _atomic_add(gate, 0, 1) == parts - 1:
        _atomic_add(gate, 0, -parts)
        _atomic_add(gate, _ROUND, 1)
        return True
    spins = 0
    while _atomic_load(gate, _ROUND) == turn:
        if _atomic_load(gate, GIVE_UP):
            return False
        spins += 1
        if spins > _SPINS:
            yield_processor()
    return True


@compiled
def run_calls(table: int, count: int, n: int, part: int, parts: int, gate: int) -> None:
    """Run ``count`` calls as thread ``part`` of ``parts``.

    Args:
        table: address of pairs of words, a kernel's address and that of its arguments.
        count: pairs.
        n: samples in this batch.
        part: of this thread, from 0.
        parts: threads that run the same table now.
        gate: address of ``GATE_WORDS`` words, 0 at first, that these threads share.
    """
    words = _as_words(table)
    shared = _as_words(gate)
    for i in range(count):
        _invoke(words[2 * i], words[2 * i + 1], n, part, parts)
        if parts > 1 and not _wait(shared, parts):
            return
