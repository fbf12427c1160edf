"""Steps on more samples than the batch, tried on each engine: they go through in parts, and the weights move once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.engines import compile
from tatami.engines.parts import parts_of, parts_of_share, random_step
from tatami.engines.ranks import share_of
from tatami.errors import DataError, NumericError
from tatami.network import find_network
from tatami.recipe import SGD, Adam, CrossEntropy, MeanSquaredError

NETWORK = "INPUT(6x6x1) -> CONV(2) -> RELU -> POOL -> FC(4) -> TANH -> FC(3)"
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((8, 6, 6, 1)), RNG.integers(3, size=8)


def make(engine, text=NETWORK, **options):
    return compile(find_network(text).build(), engine, **{"batch": 8, "dtype": "float64", **options})


@pytest.mark.parametrize("samples", [1, 2, 5, 8, 9, 16, 17, 100])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_sizes_of_the_parts(samples, batch):
    everything = np.arange(samples)

    found = [everything[part].tolist() for part in parts_of(samples, batch)]

    assert found == [part.tolist() for part in np.array_split(everything, -(-samples // batch))]
    assert max(map(len, found)) <= batch


def test_random_numbers_of_parts_and_steps_never_meet():
    assert random_step(7, 0) == 7
    assert len({random_step(step, part) for step in (0, 1, 10**9) for part in range(50)}) == 150


@pytest.mark.parametrize("batch", [1, 3, 4, 7])
@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(targets=True), MeanSquaredError()], ids=str)
def test_loss_and_gradients_are_those_of_all_samples(engine, batch, loss):
    small, large = make(engine, batch=batch, loss=loss), make(engine, loss=loss)
    y = np.random.default_rng(1).exponential(size=(8, 3)) if loss.takes_targets else Y

    (mean, gradients), (expected, truth) = small.gradients(X, y), large.gradients(X, y)

    assert mean == pytest.approx(expected, rel=1e-12)
    assert set(gradients) == set(truth)
    for name, gradient in truth.items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    "optimizer", [SGD(lr=0.1, momentum=0.9), SGD(lr=0.1, clip_norm=0.2), Adam(lr=0.01, eps=1e-3)], ids=str
)
def test_steps_are_those_on_all_samples(engine, optimizer):
    small, large = make(engine, batch=3, optimizer=optimizer), make(engine, optimizer=optimizer)

    for samples in (8, 2, 7, 1, 8):
        x, y = X[:samples], Y[:samples]
        assert small.step(x, y, lr=0.05) == pytest.approx(large.step(x, y, lr=0.05), rel=1e-10)

    assert small.training_state()["steps"] == 5
    for name, value in (large.state_dict() | large.training_state()).items():
        found = (small.state_dict() | small.training_state())[name]
        np.testing.assert_allclose(found, value, rtol=0, atol=1e-11, err_msg=name)


def test_running_statistics_move_once_a_part(engine):
    model = make(engine, "INPUT(6x6x1) -> BN -> FC(3)", batch=3)
    mean, variance = 0.0, 1.0
    for part in (X[:3], X[3:6], X[6:]):
        mean = 0.9 * mean + 0.1 * part.mean()
        variance = 0.9 * variance + 0.1 * part.var(ddof=1)

    model.gradients(X, Y)
    assert model.state_dict()["bn1.running_mean"].item() == 0
    model.step(X, Y)

    assert model.state_dict()["bn1.running_mean"].item() == pytest.approx(mean, rel=1e-12)
    assert model.state_dict()["bn1.running_var"].item() == pytest.approx(variance, rel=1e-12)


def test_each_part_normalises_by_itself(engine):
    small, part = (make(engine, "INPUT(6x6x1) -> CONV(2) -> BN -> RELU -> FC(3)", batch=4) for _ in range(2))

    _, gradients = small.gradients(X, Y)

    first, second = part.gradients(X[:4], Y[:4])[1], part.gradients(X[4:], Y[4:])[1]
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, (first[name] + second[name]) / 2, rtol=0, atol=1e-12)


def test_parts_drop_values_of_their_own(engine):
    """By weights of 0 the gradient is 2 * the mean over the two samples of x / (1 - rate) where it is kept."""
    text, options = "INPUT(60) -> DROPOUT(0.5) -> FC(1, bias=no)", {"loss": MeanSquaredError(), "batch": 1}
    model, book = (make(kind, text, **options) for kind in (engine, "textbook"))
    for each in (model, book):
        each.load_state_dict({"fc1.weight": np.zeros((60, 1))})
    x, targets = np.ones((2, 60)), -np.ones((2, 1))

    found = model.gradients(x, targets)[1]["fc1.weight"]

    assert set(found.ravel()) == {0.0, 2.0, 4.0}  # kept in none, in one, in both
    assert np.array_equal(found, book.gradients(x, targets)[1]["fc1.weight"])
    assert np.array_equal(found, model.gradients(x, targets)[1]["fc1.weight"])
    model.step(x, targets, lr=1e-300)
    assert not np.array_equal(found, model.gradients(x, targets)[1]["fc1.weight"])


@pytest.mark.parametrize("text", [NETWORK, "INPUT(6x6x1) -> DROPOUT(0.2) -> CONV(2) -> BN -> RELU -> FC(3)"])
def test_as_the_textbook_engine_does(engine, text):
    model, book = (make(kind, text, batch=3, optimizer=Adam(lr=0.01, eps=0.01)) for kind in (engine, "textbook"))

    for _ in range(3):
        assert model.step(X, Y) == pytest.approx(book.step(X, Y), rel=1e-10)

    for name, value in book.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name], value, rtol=0, atol=1e-9, err_msg=name)


def test_an_error_in_a_later_part_changes_nothing(engine):
    """Not even running statistics, which the first part has moved by then."""
    model = make(engine, "INPUT(6x6x1) -> CONCAT[BN | ID] -> FC(3)", batch=4, optimizer=Adam(), loss=MeanSquaredError())
    model.step(X, Y)
    before = model.state_dict() | model.training_state()
    nan, large = X.copy(), X.copy()
    nan[7, 0, 0, 0], large[7, 0, 0, 0] = np.nan, 1e200

    with pytest.raises(DataError, match="x: the samples hold NaN or infinity"):
        model.step(nan, Y)
    with pytest.raises(NumericError, match="step 2: the loss is no number any more"):
        model.step(large, Y)

    after = model.state_dict() | model.training_state()
    for name, value in before.items():
        assert np.array_equal(after[name], value), name


def test_equal_steps_are_equal_bit_for_bit(engine):
    first, second = (make(engine, batch=3, dtype="float32", optimizer=SGD(clip_norm=0.1)) for _ in range(2))

    assert [first.step(X, Y) for _ in range(3)] == [second.step(X, Y) for _ in range(3)]
    assert all(np.array_equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


@given(total=st.integers(1, 200), ranks=st.integers(1, 9), batch=st.integers(1, 20))
def test_every_rank_takes_as_many_parts(total, ranks, batch):
    sizes = [share.stop - share.start for share in (share_of(total, rank, ranks) for rank in range(ranks))]
    if min(sizes) < math.ceil(max(sizes) / batch):  # a rank without so many samples
        return
    parts = [parts_of_share(size, total, ranks, batch) for size in sizes]

    assert len({len(each) for each in parts}) == 1
    for size, each in zip(sizes, parts, strict=True):
        assert [i for part in each for i in range(part.start, part.stop)] == list(range(size))
        assert all(0 < part.stop - part.start <= batch for part in each)
