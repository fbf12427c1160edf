"""What is looked into: from runs and weights files, and what is refused."""

import numpy as np
import pytest

from tatami.data import Preprocess
from tatami.engines import compile
from tatami.errors import DataError, RunError
from tatami.formats import save_weights
from tatami.inspect.passes import activations
from tatami.inspect.subject import Subject
from tatami.network import find_network
from tatami.recipe import CrossEntropy
from tatami.train.run import BEST, Identity

NETWORK = "INPUT(4x4x1) -> CONV(2) -> RELU -> FC(3)"


@pytest.fixture
def run(tmp_path):
    """A run directory with weights of the fast engine, and that engine's model."""
    model = compile(find_network(NETWORK).build(), batch=2, seed=4)
    preprocess = Preprocess("image", (4, 4, 1), 1 / 255, (0.5,), (0.25,))
    identity = Identity(NETWORK, ("a", "b", "c"), preprocess, CrossEntropy())
    save_weights(tmp_path / BEST, model.state_dict(), identity.to_metadata())
    return tmp_path, model


def test_a_run_becomes_a_subject_that_answers_as_its_engine_did(run):
    path, model = run
    subject = Subject.of(path)
    assert (subject.classes, subject.kind) == (("a", "b", "c"), "image")
    raw = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1)).astype(np.uint8)
    x = subject.prepare(raw)
    np.testing.assert_allclose(x, (raw / 255 - 0.5) / 0.25, atol=1e-6)
    np.testing.assert_allclose(activations(subject, x)["fc1"], model.forward(x), atol=1e-5)
    np.testing.assert_array_equal(Subject.of(path / BEST).state["fc1.weight"], subject.state["fc1.weight"])


def test_a_run_without_best_weights(tmp_path):
    with pytest.raises(RunError) as caught:
        Subject.of(tmp_path)
    assert str(caught.value) == (f"{tmp_path}: no trained weights here; expected a run directory with best.safetensors")


def test_no_run(tmp_path):
    with pytest.raises(RunError, match=r"no such run; expected a run directory or a \.safetensors file"):
        Subject.of(tmp_path / "nowhere")


def test_raw_samples_of_another_shape(run):
    with pytest.raises(DataError, match="samples of another shape"):
        Subject.of(run[0]).prepare(np.zeros((2, 5, 4, 1), np.uint8))


def test_weights_of_another_network(run):
    subject = Subject.of(run[0])
    other = find_network("INPUT(4x4x1) -> FC(3)").build()
    with pytest.raises(RunError) as caught:
        Subject(other, subject.state, subject.preprocess, subject.classes, "image")
    assert str(caught.value) == (
        "fc1.weight: a tensor of the weights has another shape; got (32, 3); expected (16, 3) (hint: it comes "
        "from another network)"
    )
