"""The torch engine on every case of the table, against the textbook engine; on the CPU."""

import numpy as np
import pytest

from tatami.engines import compile
from tatami.recipe import MeanSquaredError

from .cases import CASES
from .cpu_pass import largest_error, textbook_truth
from .textbook_pass import textbook_pass

torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")

from .torch_pass import torch_pass  # noqa: E402

TRAINING = [case for case in CASES if case.training]


def allowed(case) -> float:
    """Of float64. PyTorch's backward pass of these two has its sixth in float32, whatever computes."""
    return 1e-7 if "HSIGMOID" in case.text or "HSWISH" in case.text else 1e-11


@pytest.mark.parametrize("case", TRAINING, ids=str)
def test_both_passes_in_float64(case):
    Y, dX, gradients = textbook_truth(case)

    found, backward = torch_pass(case.network())(case.weights(), case.inputs())
    d_found, found_gradients = backward(case.output_gradient())

    assert largest_error(found, Y) < 1e-11
    assert largest_error(d_found, dX) < allowed(case)
    assert set(found_gradients) == set(gradients)
    for name, gradient in gradients.items():
        assert largest_error(found_gradients[name], gradient) < 10 * allowed(case), name


@pytest.mark.parametrize("case", TRAINING, ids=str)
def test_both_passes_in_float32(case):
    Y, dX, gradients = textbook_truth(case)

    found, backward = torch_pass(case.network(), "float32")(case.weights(), case.inputs())
    d_found, found_gradients = backward(case.output_gradient())

    assert found.dtype == np.float32
    assert largest_error(found, Y) < 2e-5
    assert largest_error(d_found, dX) < 2e-4
    for name, gradient in gradients.items():
        assert largest_error(found_gradients[name], gradient) < 2e-4, name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_inference(case, dtype):
    network = case.network()
    Y, _ = textbook_pass(network, training=False)(case.weights(), case.inputs())

    found, _ = torch_pass(network, dtype, training=False)(case.weights(), case.inputs())

    assert largest_error(found, Y) < (1e-11 if dtype == "float64" else 2e-5)


@pytest.mark.parametrize("case", [case for case in TRAINING if len(case.network()) > 5], ids=str)
def test_checkpointing_changes_nothing(case):
    from tatami.plan.checkpoint import cut_points

    network = case.network()
    Y, dX, gradients = textbook_truth(case)

    found, backward = torch_pass(network, cuts=tuple(cut_points(network)))(case.weights(), case.inputs())
    d_found, found_gradients = backward(case.output_gradient())

    assert largest_error(found, Y) < 1e-11
    assert largest_error(d_found, dX) < allowed(case)
    for name, gradient in gradients.items():
        assert largest_error(found_gradients[name], gradient) < 10 * allowed(case), name


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_users_samples_are_not_written_to(case):
    network = case.network()
    model = compile(network, "torch", batch=2, device="cpu", loss=MeanSquaredError())
    x = case.inputs().astype(np.float32)
    y = np.zeros((len(x), *network.output_shape), np.float32)
    before = x.copy()

    model.forward(x)
    model.score(x, y)
    model.gradients(x, y)
    model.step(x, y)

    assert np.array_equal(x, before)
