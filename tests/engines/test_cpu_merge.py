"""ADD, MUL, SCALE, SHUFFLE and copies of the CPU engine, against the textbook engine."""

import numpy as np
import pytest

from tatami.engines.cpu import copying, merge, scale, shape_ops
from tatami.engines.cpu.places import STRAIGHT, Bend
from tatami.engines.textbook.rules import Mode, run
from tatami.network.layers import Add, Multiply, ReLU, Scale, Shuffle
from tatami.plan.scratch.merge import multiply_scratch
from tatami.plan.scratch.scale import scale_scratch

from .cpu_calls import map_of, run_calls
from .cpu_rooms import close, is_guarded, random, room

CASES = [((3, 5, 7, 19), True, 2), ((2, 9, 1), False, 3), ((1, 3), False, 3), ((2, 300, 70), True, 1)]
DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def numbers(size):
    """Scratch memory that nothing must rely on."""
    return np.full(size, 255, np.uint8)


@DTYPES
@pytest.mark.parametrize("count", [2, 3, 5])
def test_add(dtype, count):
    for case, (shape, sliced, parts) in enumerate(CASES):
        inputs = [random(case + 9 * i, *shape, dtype=dtype) for i in range(count)]
        expected = run(ReLU(), {}, Mode(), run(Add(), {}, Mode(), *inputs)[0])[0]
        rooms = [room(x, sliced != (i == 1)) for i, x in enumerate(inputs)]
        Y = room(np.zeros(shape, dtype), sliced)
        run_calls(merge.add_forward([map_of(x) for x in rooms], map_of(Y), Bend(0.0)), dtype, shape[0], parts)
        close(Y, expected)
        assert is_guarded(Y)


def test_add_into_an_input_that_comes_twice():
    x, other = random(1, 2, 40), random(2, 2, 40)
    X = room(x, False)
    run_calls(merge.add_forward([map_of(X), map_of(other), map_of(X)], map_of(X), STRAIGHT), "float32", 2)
    close(X, x + other + x)


@DTYPES
def test_copy_and_zero(dtype):
    for case, (shape, sliced, parts) in enumerate(CASES):
        x, old = random(case, *shape, dtype=dtype), random(case + 9, *shape, dtype=dtype)
        X, Y = room(x, sliced), room(old, not sliced)
        run_calls(copying.copy(map_of(X), map_of(Y), True), dtype, shape[0], parts)
        close(Y, x + old)
        run_calls(copying.copy(map_of(X), map_of(Y), False), dtype, shape[0], parts)
        assert (x == Y).all()
        assert is_guarded(Y)
        run_calls(copying.zero(map_of(Y)), dtype, shape[0], parts)
        assert not Y.any()
        assert is_guarded(Y)


@DTYPES
@pytest.mark.parametrize("vectors", [(), (1,), (0,), (1, 3), (0, 1)], ids=str)
@pytest.mark.parametrize("count", [2, 4])
def test_multiply(dtype, vectors, count):
    for case, (shape, sliced, parts) in enumerate(CASES):
        n, C = shape[0], shape[-1]
        vectors_ = () if count == len(vectors) else vectors
        shapes = [(n, C) if i in vectors_ else shape for i in range(count)]
        inputs = [random(case + 9 * i, *each, dtype=dtype) for i, each in enumerate(shapes)]
        expected, back = run(Multiply(), {}, Mode(), *inputs)
        dy = random(case + 99, *shape, dtype=dtype)
        gradients = back(dy)[0]
        rooms = [room(x, sliced != (i == 1)) for i, x in enumerate(inputs)]
        maps, Y, DY = [map_of(x) for x in rooms], room(np.zeros(shape, dtype), sliced), room(dy, sliced)
        run_calls(merge.multiply_forward(maps, map_of(Y)), dtype, n, parts)
        close(Y, expected)
        assert is_guarded(Y)
        scratch = numbers(multiply_scratch(n, parts, Y.itemsize))
        for i, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
            for add in (False, True):
                old = random(case + 7, *x.shape, dtype=dtype)
                DX = room(old, sliced)
                calls = merge.multiply_backward(maps, i, map_of(DY), map_of(DX), add, scratch.ctypes.data)
                run_calls(calls, dtype, n, parts)
                close(DX, gradient + old if add else gradient)
                assert is_guarded(DX)


@DTYPES
def test_scale(dtype):
    for case, (shape, sliced, parts) in enumerate(CASES):
        n, C = shape[0], shape[-1]
        x, dy, old = (random(case + 9 * i, *shape, dtype=dtype) for i in range(3))
        weight, d_weight = random(case, C, dtype=dtype), np.empty(C, dtype)
        expected, back = run(Scale(), {"weight": weight}, Mode(), x)
        ((gradient,), by_name) = back(dy)
        X, Y = room(x, sliced), room(old, not sliced)
        run_calls(scale.forward(map_of(X), map_of(Y), weight.ctypes.data), dtype, n, parts)
        close(Y, expected)
        assert is_guarded(Y)
        scratch = numbers(scale_scratch(C, n, parts, x.itemsize))
        weights = weight.ctypes.data, d_weight.ctypes.data
        for add in (False, True):
            DY, DX = room(dy, not sliced), room(old, sliced)
            calls = scale.backward(map_of(X), map_of(DY), map_of(DX), *weights, add, scratch.ctypes.data)
            run_calls(calls, dtype, n, parts)
            close(DX, gradient + old if add else gradient)
            close(d_weight, by_name["weight"])
            assert is_guarded(DX)
        d_weight[...] = 0
        run_calls(scale.backward(map_of(X), map_of(DY), None, *weights, False, scratch.ctypes.data), dtype, n, parts)
        close(d_weight, by_name["weight"])
        run_calls(scale.backward(map_of(X), map_of(DY), map_of(DY), *weights, False, scratch.ctypes.data), dtype, n)
        close(DY, gradient)


@DTYPES
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_shuffle(dtype, groups):
    for shape, sliced, parts in (((2, 3, 3, 12), True, 2), ((1, 6), False, 1), ((3, 5, 66), False, 3)):
        layer, x, dy, old = Shuffle(groups), *(random(i, *shape, dtype=dtype) for i in range(3))
        expected, back = run(layer, {}, Mode(), x)
        X, Y, DY, DX = room(x, sliced), room(old, not sliced), room(dy, sliced), room(old, sliced)
        run_calls(shape_ops.shuffle_forward(layer, map_of(X), map_of(Y)), dtype, shape[0], parts)
        assert (expected == Y).all()
        assert is_guarded(Y)
        run_calls(shape_ops.shuffle_backward(layer, map_of(DY), map_of(DX), True), dtype, shape[0], parts)
        close(DX, back(dy)[0][0] + old)
        run_calls(shape_ops.shuffle_backward(layer, map_of(DY), map_of(DX), False), dtype, shape[0], parts)
        assert (back(dy)[0][0] == DX).all()
        assert is_guarded(DX)
