import numpy as np
import pytest

from tatami.network.layers import LAYERS, Input

from .cases import CASES
from .gradient_check import TOLERANCE
from .textbook_pass import textbook_errors, textbook_pass


def test_the_cases_have_every_layer():
    seen = {type(node.layer) for case in CASES for node in case.network()}

    assert seen == set(LAYERS.values())
    assert Input in seen


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_agree_with_central_differences(case):
    errors = textbook_errors(case)

    assert max(errors.values()) < TOLERANCE, errors


@pytest.mark.parametrize("case", CASES, ids=str)
def test_float32_stays_float32_and_agrees_with_float64(case):
    run = textbook_pass(case.network(), case.training)
    weights, x, dY = case.weights(), case.inputs(), case.output_gradient()
    Y, backward = run(weights, x)
    dX, gradients = backward(dY)

    Y32, backward32 = run({n: v.astype(np.float32) for n, v in weights.items()}, x.astype(np.float32))
    dX32, gradients32 = backward32(dY.astype(np.float32))

    assert Y.shape == (case.batch, *case.network().output_shape)
    for narrow, wide in [(Y32, Y), (dX32, dX), *((gradients32[n], gradients[n]) for n in gradients)]:
        assert narrow.dtype == np.float32
        assert wide.dtype == np.float64
        np.testing.assert_allclose(narrow, wide, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_neither_pass_changes_what_it_is_given(case):
    run = textbook_pass(case.network(), case.training)
    given = [case.inputs(), case.output_gradient(), *case.weights().values()]
    x, dY, *weights = (value.copy() for value in given)
    for value in (x, dY, *weights):
        value.flags.writeable = False

    _, backward = run(dict(zip(case.weights(), weights, strict=True)), x)
    backward(dY)

    for value, before in zip((x, dY, *weights), given, strict=True):
        assert np.array_equal(value, before)
