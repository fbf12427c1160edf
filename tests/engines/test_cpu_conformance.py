"""The CPU engine on every case of the table, against the textbook engine."""

import numpy as np
import pytest

from tatami.engines.cpu.model import CpuModel
from tatami.recipe import SGD, MeanSquaredError

from .cases import CASES
from .cpu_pass import cpu_pass, largest_error, textbook_truth
from .textbook_pass import textbook_pass

TRAINING = [case for case in CASES if case.training]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("case", TRAINING, ids=str)
def test_both_passes_in_float64(case, threads):
    Y, dX, gradients = textbook_truth(case)

    found, backward = cpu_pass(case.network(), case.batch, threads=threads)(case.weights(), case.inputs())
    d_found, found_gradients = backward(case.output_gradient())

    assert largest_error(found, Y) < 1e-11
    assert largest_error(d_found, dX) < 1e-11
    assert set(found_gradients) == set(gradients)
    for name, gradient in gradients.items():
        assert largest_error(found_gradients[name], gradient) < 1e-10, name


@pytest.mark.parametrize("case", TRAINING, ids=str)
def test_both_passes_in_float32(case):
    Y, dX, gradients = textbook_truth(case)

    found, backward = cpu_pass(case.network(), case.batch, "float32")(case.weights(), case.inputs())
    d_found, found_gradients = backward(case.output_gradient())

    assert found.dtype == np.float32
    assert largest_error(found, Y) < 2e-5
    assert largest_error(d_found, dX) < 2e-4
    for name, gradient in gradients.items():
        assert largest_error(found_gradients[name], gradient) < 2e-4, name


@pytest.mark.parametrize("case", TRAINING, ids=str)
def test_fewer_samples_than_the_batch(case):
    """The last batch of an epoch: the same program, and what lies behind its samples plays no part."""
    Y, dX, gradients = textbook_truth(case)

    found, backward = cpu_pass(case.network(), case.batch + 3)(case.weights(), case.inputs())
    d_found, found_gradients = backward(case.output_gradient())

    assert largest_error(found, Y) < 1e-11
    assert largest_error(d_found, dX) < 1e-11
    for name, gradient in gradients.items():
        assert largest_error(found_gradients[name], gradient) < 1e-10, name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_inference(case, dtype):
    network = case.network()
    Y, _ = textbook_pass(network, training=False)(case.weights(), case.inputs())
    options = {"optimizer": SGD(), "loss": MeanSquaredError(), "seed": 0, "init": "he", "plain": False}
    model = CpuModel(network, batch=case.batch, dtype=np.dtype(dtype), **options)
    model.load_state_dict({name: value.astype(dtype) for name, value in case.weights().items()})

    assert largest_error(model.forward(case.inputs()), Y) < (1e-11 if dtype == "float64" else 2e-5)
