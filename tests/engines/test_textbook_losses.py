import math

import numpy as np
import pytest

from tatami.engines.textbook.losses import loss_and_gradient
from tatami.recipe import CrossEntropy, Hinge, Loss, MeanSquaredError

SCORES = np.log([[1.0, 2.0, 5.0], [4.0, 2.0, 2.0]])
LABELS = np.array([2, 1])


def test_cross_entropy():
    loss, gradient = loss_and_gradient(CrossEntropy(), SCORES, LABELS)

    assert loss == pytest.approx((-math.log(5 / 8) - math.log(2 / 8)) / 2)
    assert gradient == pytest.approx(np.array([[1 / 8, 2 / 8, 5 / 8 - 1], [4 / 8, 2 / 8 - 1, 2 / 8]]) / 2)


def test_cross_entropy_of_targets():
    """Rows of weight 1 and 2, over two samples: the probabilities are (1, 2, 5) / 8 and (4, 2, 2) / 8."""
    targets = np.array([[0.1, 0.2, 0.7], [0.0, 2.0, 0.0]])

    loss, gradient = loss_and_gradient(CrossEntropy(targets=True), SCORES, targets)

    first = -(0.1 * math.log(1 / 8) + 0.2 * math.log(2 / 8) + 0.7 * math.log(5 / 8))
    assert loss == pytest.approx((first - 2 * math.log(2 / 8)) / 2)
    by_hand = [[1 / 8 - 0.1, 2 / 8 - 0.2, 5 / 8 - 0.7], [2 * 4 / 8, 2 * 2 / 8 - 2, 2 * 2 / 8]]
    assert gradient == pytest.approx(np.array(by_hand) / 2)


def test_cross_entropy_of_a_class_that_cannot_be_and_need_not():
    loss, gradient = loss_and_gradient(CrossEntropy(targets=True), np.array([[-1e4, 0.0]]), np.array([[0.0, 1.0]]))

    assert loss == 0
    assert gradient.tolist() == [[0, 0]]


def test_cross_entropy_of_huge_scores():
    loss, gradient = loss_and_gradient(CrossEntropy(), np.array([[1e4, 0.0], [0.0, 1e4]]), np.array([0, 0]))

    assert loss == 5e3
    assert gradient.tolist() == [[0, 0], [-0.5, 0.5]]


def test_cross_entropy_of_a_chance_guess_is_the_logarithm_of_the_classes():
    assert loss_and_gradient(CrossEntropy(), np.zeros((4, 10)), np.arange(4))[0] == pytest.approx(math.log(10))


def test_hinge_with_the_numbers_of_cs231n():
    # Scores [13, -7, 11], the first class true, margin 10: max(0, -7 - 13 + 10) + max(0, 11 - 13 + 10) = 8
    loss, gradient = loss_and_gradient(Hinge(10), np.array([[13.0, -7.0, 11.0]]), np.array([0]))

    assert loss == 8
    assert gradient.tolist() == [[-1, 0, 1]]


def test_mean_squared_error_of_targets_and_of_labels():
    scores = np.array([[1.0, 2.0], [0.0, 3.0]])

    loss, gradient = loss_and_gradient(MeanSquaredError(), scores, np.array([[0.0, 2.0], [0.0, 5.0]]))
    assert loss == (1 + 4) / 4
    assert gradient.tolist() == [[0.5, 0], [0, -1]]

    loss, gradient = loss_and_gradient(MeanSquaredError(), scores, np.array([0, 1]))
    assert loss == (0 + 4 + 0 + 4) / 4
    assert gradient.tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("loss", "by_targets"),
    [
        *((loss, False) for loss in (CrossEntropy(), CrossEntropy(True), Hinge(), Hinge(0.3), MeanSquaredError())),
        *((loss, True) for loss in (CrossEntropy(True), MeanSquaredError())),
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 2, 4), (1, 1)], ids=str)
def test_gradients_agree_with_central_differences(loss, shape, by_targets):
    rng = np.random.default_rng(0)
    scores, labels = rng.standard_normal(shape), rng.integers(shape[-1], size=shape[:-1])
    if by_targets:
        labels = rng.exponential(size=shape)
    _, gradient = loss_and_gradient(loss, scores, labels)

    numeric = np.zeros(shape)
    for i in np.ndindex(shape):
        for sign in (1, -1):
            moved = scores.copy()
            moved[i] += sign * 1e-6
            numeric[i] += sign * loss_and_gradient(loss, moved, labels)[0] / 2e-6

    np.testing.assert_allclose(gradient, numeric, atol=1e-8)


@pytest.mark.parametrize("loss", [CrossEntropy(), Hinge(), MeanSquaredError()], ids=str)
def test_float32_stays_float32(loss):
    assert loss_and_gradient(loss, SCORES.astype(np.float32), LABELS)[1].dtype == np.float32


def test_an_unknown_loss_is_named():
    class Strange(Loss):
        name = "strange"

    with pytest.raises(NotImplementedError, match="the textbook engine has no rule for the loss strange"):
        loss_and_gradient(Strange(), SCORES, LABELS)
