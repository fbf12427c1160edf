"""Rows of targets in place of labels, tried on each engine: soft labels, weights of classes and samples, regression."""

import numpy as np
import pytest

from tatami.engines import compile
from tatami.errors import DataError, NumericError
from tatami.network import find_network
from tatami.recipe import SGD, Adam, CrossEntropy, Hinge, MeanSquaredError

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((8, 6, 6, 1)), RNG.integers(3, size=8)
ONE_HOT = np.eye(3)[Y]
SOFT = CrossEntropy(targets=True)


def make(engine, text="INPUT(6x6x1) -> CONV(2) -> RELU -> FC(3)", **options):
    network = find_network(text).build()
    return compile(network, engine, **{"batch": 8, "dtype": "float64", "loss": SOFT, **options})


def log_softmax(scores):
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def check_step(model, targets, expected):
    """The loss of a step and of a score, and that the step goes downhill on it."""
    loss, scores = model.score(X, targets)
    assert loss == pytest.approx(expected(log_softmax(scores)), rel=1e-10)
    assert model.step(X, targets, lr=0.01) == pytest.approx(loss, rel=1e-10)
    assert model.score(X, targets)[0] < loss


def test_one_hot_rows_are_labels(engine):
    by_rows, by_labels, ever = make(engine), make(engine), make(engine, loss=CrossEntropy())

    for _ in range(3):
        loss = by_rows.step(X, ONE_HOT)
        assert loss == pytest.approx(by_labels.step(X, Y), rel=1e-12)
        assert loss == pytest.approx(ever.step(X, Y), rel=1e-12)
    for name, value in ever.state_dict().items():
        np.testing.assert_allclose(by_rows.state_dict()[name], value, rtol=0, atol=1e-12)
        np.testing.assert_allclose(by_labels.state_dict()[name], value, rtol=0, atol=1e-12)


def test_label_smoothing(engine):
    """PyTorch's CrossEntropyLoss(label_smoothing=e): (1 - e) * nll + e / K * the sum of -log p over the classes."""
    e = 0.1

    def expected(log_p):
        return np.mean((1 - e) * -log_p[np.arange(8), Y] + e / 3 * -log_p.sum(axis=1))

    check_step(make(engine), (1 - e) * ONE_HOT + e / 3, expected)


def test_weights_of_classes_and_of_samples(engine):
    """PyTorch's sum_i w_i nll_i, over the number of samples; a sample of weight 0 plays no part."""
    weights = np.array([0.5, 2.0, 1.0])[Y] * np.array([1.0, 0, 1, 3, 1, 0.25, 1, 1])

    check_step(make(engine), weights[:, None] * ONE_HOT, lambda log_p: np.sum(weights * -log_p[np.arange(8), Y]) / 8)

    x = X.copy()
    x[1] = 7
    here, there = (make(engine).gradients(samples, weights[:, None] * ONE_HOT) for samples in (X, x))
    for name, gradient in here[1].items():
        np.testing.assert_allclose(there[1][name], gradient, rtol=0, atol=1e-12)


def test_a_mixture_of_two_samples(engine):
    """Zhang et al. 2017, mixup: the loss is the mixture of the two losses."""
    share, other = 0.3, Y[::-1]

    def expected(log_p):
        rows = np.arange(8)
        return np.mean(share * -log_p[rows, Y] + (1 - share) * -log_p[rows, other])

    check_step(make(engine), share * ONE_HOT + (1 - share) * np.eye(3)[other], expected)


def test_gradients_of_targets_agree_with_central_differences(engine):
    targets = np.random.default_rng(3).exponential(size=(8, 3)) * (np.arange(8) != 2)[:, None]
    model = make(engine)
    _, gradients = model.gradients(X, targets)
    state = model.state_dict()

    for name, place in (("fc1.weight", (5, 1)), ("fc1.bias", (2,)), ("conv1.weight", (1, 1, 0, 1))):
        numeric = 0.0
        for sign in (1, -1):
            moved = {key: value.copy() for key, value in state.items()}
            moved[name][place] += sign * 1e-6
            model.load_state_dict(moved)
            numeric += sign * model.score(X, targets)[0] / 2e-6
        assert gradients[name][place] == pytest.approx(numeric, abs=1e-7)


def test_a_network_that_ends_in_maps(engine):
    model = make(engine, "INPUT(6x6x1) -> CONV(3)")
    labels = (X[..., 0] > 0).astype(int)
    targets = 0.9 * np.eye(3)[labels] + 0.1 / 3

    check_step(model, targets, lambda log_p: -np.sum(targets * log_p) / (8 * 36))


def test_a_last_softmax_is_contained(engine):
    ended, plain = make(engine, "INPUT(6x6x1) -> FC(3) -> SOFTMAX"), make(engine, "INPUT(6x6x1) -> FC(3)")
    targets = 0.9 * ONE_HOT + 0.1 / 3

    np.testing.assert_allclose(ended.forward(X).sum(axis=1), 1)
    for _ in range(2):
        assert ended.step(X, targets) == pytest.approx(plain.step(X, targets), rel=1e-12)
    assert ended.score(X, targets)[0] == pytest.approx(plain.score(X, targets)[0], rel=1e-12)


def test_float32(engine):
    narrow, wide = make(engine, dtype="float32"), make(engine)
    targets = 0.9 * ONE_HOT + 0.1 / 3

    for _ in range(3):
        assert narrow.step(X, targets) == pytest.approx(wide.step(X, targets), rel=1e-5)


def test_nan_scores_of_a_sample_without_weight_do_not_pass(engine):
    """Else they would spoil the gradient, which is 0 * NaN, behind a finite loss."""
    model = make(engine, "INPUT(6x6x1) -> FC(3)", dtype="float32")
    x = X.copy()
    x[1] = 1e38
    model.load_state_dict({name: np.full_like(value, 1e10) for name, value in model.state_dict().items()})

    with pytest.raises(NumericError, match="the loss is no number any more; got nan"):
        model.step(x, ONE_HOT * (np.arange(8) != 1)[:, None])


def row(value, loss=SOFT):
    targets = ONE_HOT.copy()
    targets[5, 1] = value
    return targets, loss


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (row(np.nan), "y, row 5: a target cannot be used; got nan; expected finite numbers of at least 0"),
        (row(-0.25), "y, row 5: a target cannot be used; got -0.25; expected finite numbers of at least 0"),
        (row(np.inf), "y, row 5: a target cannot be used; got inf; expected finite numbers of at least 0"),
        (row(np.nan, MeanSquaredError()), "y, row 5: a target cannot be used; got nan; expected finite numbers"),
        (row(-np.inf, MeanSquaredError()), "y, row 5: a target cannot be used; got -inf; expected finite numbers"),
        (
            (ONE_HOT[:5], SOFT),
            "y: the labels do not fit the samples; got (5, 3); expected labels (8,), or targets (8, 3)",
        ),
        (
            (ONE_HOT, CrossEntropy()),
            "y: the labels do not fit the samples; got (8, 3); expected labels (8,) (hint: labels are class numbers:"
            " y.argmax(axis=-1) turns one-hot rows into them; CrossEntropy(targets=True) takes the rows)",
        ),
        (
            (ONE_HOT, Hinge()),
            "y: the labels do not fit the samples; got (8, 3); expected labels (8,) (hint: labels are class numbers:"
            " y.argmax(axis=-1) turns one-hot rows into them)",
        ),
        (
            (Y.astype(float), SOFT),
            "y: labels are whole numbers; got dtype float64; expected integers, or targets (8, 3)"
            " (hint: y.astype(int))",
        ),
    ],
    ids=lambda value: value[-40:] if isinstance(value, str) else "",
)
def test_targets_that_cannot_be_used(engine, given, text):
    targets, loss = given
    model = make(engine, loss=loss)

    for call in (model.step, model.score, model.gradients):
        with pytest.raises(DataError) as error:
            call(X, targets)
        assert str(error.value) == text


def test_a_target_too_large_for_the_dtype_is_infinite(engine):
    with pytest.raises(DataError, match="y, row 5: a target cannot be used; got inf"):
        make(engine, dtype="float32").step(X, row(1e200)[0])


# --- regression ---


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_regression(engine, outputs):
    """Targets (n, T), float32 as the data have them: the loss is the mean over samples and outputs."""
    model = make(
        engine, f"INPUT(6x6x1) -> FC(8) -> TANH -> FC({outputs})", loss=MeanSquaredError(), optimizer=Adam(lr=0.02)
    )
    targets = np.stack([X.mean(axis=(1, 2, 3)) - k for k in range(outputs)], axis=1).astype(np.float32)

    loss, predicted = model.score(X, targets)

    assert predicted.shape == targets.shape == (8, outputs)
    assert loss == pytest.approx(np.mean((predicted - targets) ** 2), rel=1e-10)
    assert model.step(X, targets) == pytest.approx(loss, rel=1e-10)
    losses = [model.step(X, targets) for _ in range(60)]
    assert losses[-1] < 0.05 * loss
    assert model.score(X[:3], targets[:3])[0] == pytest.approx(np.mean((model.forward(X[:3]) - targets[:3]) ** 2))


def test_the_gradient_of_a_regression_by_hand(engine):
    model = make(engine, "INPUT(2) -> FC(1)", loss=MeanSquaredError(), optimizer=SGD(lr=0.5))
    model.load_state_dict({"fc1.weight": np.array([[1.0], [2.0]]), "fc1.bias": np.array([0.5])})
    x, targets = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.5], [4.5]])

    loss, gradients = model.gradients(x, targets)

    assert loss == (1**2 + 2**2) / 2
    assert gradients["fc1.weight"].tolist() == [[1.0], [-2.0]]
    assert gradients["fc1.bias"].tolist() == [-1.0]


def test_a_regressions_targets_without_their_axis(engine):
    model = make(engine, "INPUT(6x6x1) -> FC(1)", loss=MeanSquaredError())

    with pytest.raises(DataError) as error:
        model.step(X, X[:, 0, 0, 0])

    assert str(error.value) == (
        "y: labels are whole numbers; got dtype float64; expected integers, or targets (8, 1)"
        " (hint: y[..., None] makes them targets)"
    )
