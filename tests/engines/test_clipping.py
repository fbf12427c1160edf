"""Clipping the gradient by its length, tried on each engine (Pascanu et al. 2013, algorithm 1)."""

import math

import numpy as np
import pytest

from tatami.engines import compile
from tatami.errors import NumericError
from tatami.network import find_network
from tatami.recipe import SGD, Adam, AdamW, MeanSquaredError, RMSProp

NETWORK = "INPUT(6x6x1) -> CONV(2) -> BN -> RELU -> FC(3)"
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((8, 6, 6, 1)), RNG.integers(3, size=8)


def make(engine, text=NETWORK, **options):
    return compile(find_network(text).build(), engine, **{"batch": 8, "dtype": "float64", **options})


def length(gradients):
    return math.sqrt(math.fsum(value**2 for gradient in gradients.values() for value in gradient.flat))


@pytest.mark.parametrize("share", [0.25, 1.5])
def test_a_longer_gradient_is_scaled_and_a_shorter_one_is_not(engine, share):
    norm = length(make(engine).gradients(X, Y)[1])
    model = make(engine, optimizer=SGD(lr=0.5, clip_norm=share * norm))
    before = model.state_dict()

    loss, gradients = model.gradients(X, Y)

    assert length(gradients) == pytest.approx(norm, rel=1e-12)  # as it is
    assert model.step(X, Y) == loss
    for name, gradient in gradients.items():
        moved = before[name] - 0.5 * min(1, share) * gradient
        np.testing.assert_allclose(model.state_dict()[name], moved, rtol=1e-12, atol=1e-13)


def test_a_step_that_was_clipped_leaves_no_trace_in_the_next(engine):
    norm = length(make(engine).gradients(X, Y)[1])
    model = make(engine, optimizer=SGD(lr=0.01, clip_norm=norm))
    model.step(100 * X, Y)  # BN or not, it is another gradient
    model.step(X[:3], Y[:3])
    before = model.state_dict()
    _, gradients = model.gradients(X, Y)
    factor = min(1, norm / length(gradients))

    model.step(X, Y)

    for name, gradient in gradients.items():
        np.testing.assert_allclose(model.state_dict()[name], before[name] - 0.01 * factor * gradient, atol=1e-13)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(lr=0.1, momentum=0.9, weight_decay=0.1, clip_norm=0.3),
        SGD(lr=0.1, momentum=0.9, nesterov=True, clip_norm=0.3),
        RMSProp(lr=0.01, clip_norm=0.3),
        Adam(lr=0.01, eps=0.01, weight_decay=0.1, clip_norm=0.3),
        AdamW(lr=0.01, eps=0.01, clip_norm=0.3),
    ],
    ids=str,
)
def test_before_momentum_and_decay_as_in_the_textbook_engine(engine, optimizer):
    """Its own arithmetic is that of the first test; here several steps of all optimizers agree."""
    model, book = make(engine, optimizer=optimizer), make("textbook", optimizer=optimizer)
    loose = make(engine, optimizer=type(optimizer)(**{**vars(optimizer), "clip_norm": None}))
    for _ in range(4):
        assert model.step(X, Y) == pytest.approx(book.step(X, Y), rel=1e-10)
        loose.step(X, Y)

    for name, value in book.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name], value, rtol=0, atol=1e-9, err_msg=name)
    assert not np.allclose(model.state_dict()["fc1.weight"], loose.state_dict()["fc1.weight"], atol=1e-4)


def test_the_squares_of_a_finite_gradient_do_not_overflow(engine):
    """2e25 is a number in float32, its square is not."""
    options = {"dtype": "float32", "loss": MeanSquaredError(), "optimizer": SGD(lr=1.0, clip_norm=1.0)}
    model = make(engine, "INPUT(1) -> FC(1, bias=no)", **options)
    model.load_state_dict({"fc1.weight": np.array([[1e-25]], np.float32)})

    assert model.step(np.array([[1e25]]), np.array([[0.0]])) == pytest.approx(1, rel=1e-6)

    assert model.state_dict()["fc1.weight"].item() == pytest.approx(-1, rel=1e-6)


def test_a_gradient_that_is_no_number_names_parameter_and_step_and_changes_nothing(engine):
    options = {"dtype": "float32", "loss": MeanSquaredError(), "optimizer": Adam(clip_norm=1.0)}
    model = make(engine, "INPUT(2) -> FC(1) -> FC(1)", **options)
    ones = {name: np.ones_like(value) for name, value in model.state_dict().items()}
    model.load_state_dict(ones)
    model.step(np.ones((1, 2)), np.ones((1, 1)))
    small = {name: np.zeros_like(value) for name, value in ones.items()}
    small["fc1.weight"][:], small["fc2.weight"][:] = 1e-7, 1
    model.load_state_dict(small)
    before = model.state_dict() | model.training_state()

    with pytest.raises(NumericError) as error:
        model.step(np.full((1, 2), 1e25), np.zeros((1, 1)))  # the loss is 4e36, the gradient 4e43

    assert str(error.value) == (
        "step 2: the norm of the gradient is no number any more; got inf; NaN or infinity first in fc1.weight"
        " (hint: a smaller learning rate, or BN after each CONV)"
    )
    after = model.state_dict() | model.training_state()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_gradient_of_zero(engine):
    model = make(engine, "INPUT(2) -> FC(1)", loss=MeanSquaredError(), optimizer=SGD(clip_norm=1.0))
    before = model.state_dict()

    model.step(np.ones((1, 2)), model.forward(np.ones((1, 2))))

    assert all(np.array_equal(before[name], value) for name, value in model.state_dict().items())
