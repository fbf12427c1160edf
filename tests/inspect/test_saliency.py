"""Gradients of scores as maps: hand arithmetic, Captum's published values, completeness, and PyTorch's autograd."""

import numpy as np
import pytest

from tatami.errors import OptionError
from tatami.inspect.passes import gradients, scores
from tatami.inspect.saliency import integrated_gradients, saliency, smooth_grad

SMOOTH = "INPUT(7x6x2) -> CONV(3) -> TANH -> POOL(avg) -> FC(4) -> SILU -> FC(3) -> SOFTMAX"


def test_saliency_of_captums_basic_model(make_subject):
    """1 - relu(1 - x), for each of six values: its tests/attr/test_saliency.py."""
    text = "INPUT(1) -> FC(1) -> RELU -> FC(1)"
    subject = make_subject(text, fc1_weight=[-1], fc1_bias=[1], fc2_weight=[-1], fc2_bias=[1])
    x = np.array([[1.0], [2], [3], [0], [-1], [7]])
    np.testing.assert_array_equal(saliency(subject, x, 0).ravel(), [0, 0, 0, 1, 1, 0])


def test_saliency_is_the_magnitude_of_the_gradient_of_each_samples_target(make_subject, samples):
    subject = make_subject(SMOOTH)
    x = samples(subject)
    found = saliency(subject, x, [2, 0, 1])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.abs(gradients(subject, x, [2, 0, 1]).input))
    assert (gradients(subject, x, [2, 0, 1]).input < 0).any()


def test_saliency_of_more_samples_than_go_through_at_once(make_subject, samples):
    subject = make_subject("INPUT(5x2) -> CONV(2) -> TANH -> FC(3)")
    x, targets = samples(subject, 130), np.arange(130) % 3
    np.testing.assert_allclose(saliency(subject, x, targets)[100:101], saliency(subject, x[100:101], 1), atol=1e-6)


def test_smooth_grad_without_noise_is_the_gradient(make_subject, samples):
    subject = make_subject(SMOOTH)
    x = samples(subject)
    found = smooth_grad(subject, x, 1, noise=0, count=3)
    np.testing.assert_allclose(found, gradients(subject, x, 1).input, atol=1e-6)


def test_smooth_grad_of_a_square_counts_its_noise(make_subject):
    """x * x has the gradient 2 x; over noise of mean 0 that is its mean. Of relu(x) near 0 it is the share above."""
    subject = make_subject("INPUT(2x1) -> MUL[ID | ID] -> FC(1)", fc1_weight=[1, 1], fc1_bias=[0])
    found = smooth_grad(subject, np.array([[[0], [4]]]), 0, noise=0.1, count=4000)
    np.testing.assert_allclose(found.ravel(), [0, 8], atol=4 * 2 * 0.4 / 4000**0.5)  # 4 standard errors of the mean
    subject = make_subject("INPUT(2x1) -> RELU -> FC(1)", fc1_weight=[1, 1], fc1_bias=[0])
    found = smooth_grad(subject, np.array([[[0], [4]]]), 0, noise=0.1, count=4000)
    np.testing.assert_allclose(found.ravel(), [0.5, 1], atol=4 * 0.5 / 4000**0.5)


def test_smooth_grad_follows_its_seed_and_not_the_other_samples(make_subject, samples):
    subject = make_subject(SMOOTH)
    x = samples(subject)
    found = smooth_grad(subject, x, 1, count=5, seed=3)
    np.testing.assert_allclose(smooth_grad(subject, x[1:2], 1, count=5, seed=3), found[1:2], atol=1e-6)
    assert np.abs(smooth_grad(subject, x, 1, count=5, seed=4) - found).max() > 1e-3


@pytest.mark.parametrize(
    ("text", "tensors"),
    [
        ("INPUT(2x1) -> RELU -> FC(1) -> RELU", {"fc1_weight": [1, -1], "fc1_bias": [-1]}),
        (
            "INPUT(2x1) -> ADD[ID | ID] -> FC(2) -> RELU -> FC(1) -> RELU",
            {"fc1_weight": [[0.5, 0], [0, 0.5]], "fc1_bias": [-1, 0], "fc2_weight": [1, -1], "fc2_bias": [0]},
        ),
    ],
    ids=["BasicModel2", "BasicModel3"],
)
def test_integrated_gradients_of_captums_models_that_compute_the_same(make_subject, text, tensors):
    """relu(x1 - 1 - x2) in two ways gives the same shares: its tests/attr/test_integrated_gradients_basic.py."""
    subject = make_subject(text, **tensors)
    found = integrated_gradients(subject, np.array([[[3], [1]]]), 0, steps=1500)
    np.testing.assert_allclose(found.ravel(), [1.5, -0.5], atol=5e-3)


@pytest.mark.parametrize("baseline", [0.0, -1.5])
@pytest.mark.parametrize("text", [SMOOTH, "INPUT(12x2) -> CONV(3, 5, S=2) -> RELU -> GAP -> FC(3)"])
def test_integrated_gradients_are_complete(make_subject, samples, text, baseline):
    subject = make_subject(text)
    x, targets, rows = samples(subject), [2, 0, 1], np.arange(3)
    found = integrated_gradients(subject, x, targets, baseline=baseline, steps=200)
    difference = scores(subject, x) - scores(subject, np.full_like(x, baseline))
    np.testing.assert_allclose(found.reshape(3, -1).sum(axis=1), difference[rows, targets], atol=2e-3)


def test_a_linear_networks_shares_are_weights_times_differences(make_subject):
    subject = make_subject("INPUT(3x1) -> FC(1)", fc1_weight=[2, -3, 5], fc1_bias=[7])
    found = integrated_gradients(subject, np.array([[[4], [1], [0]]]), 0, baseline=[[1], [1], [2]], steps=1)
    np.testing.assert_array_equal(found.ravel(), [6, 0, -10])


def test_saliency_smooth_grad_and_integrated_gradients_as_autograd_has_them(make_subject, samples):
    torch = pytest.importorskip("torch", reason="compares with PyTorch's autograd")
    subject = make_subject(SMOOTH)
    x, targets = samples(subject), [2, 0, 1]
    w = {name: torch.tensor(value) for name, value in subject.state.items()}

    def score_gradient(x, target):
        x = torch.tensor(x, requires_grad=True)
        h = torch.nn.functional.conv2d(
            x.permute(0, 3, 1, 2), w["conv1.weight"].permute(3, 2, 0, 1), w["conv1.bias"], padding=1
        )
        h = torch.nn.functional.avg_pool2d(torch.tanh(h), 2).permute(0, 2, 3, 1).flatten(1)
        h = torch.nn.functional.silu(h @ w["fc1.weight"] + w["fc1.bias"]) @ w["fc2.weight"] + w["fc2.bias"]
        h[:, target].sum().backward()
        return x.grad.numpy()

    plain = np.concatenate([score_gradient(x[i : i + 1], t) for i, t in enumerate(targets)])
    np.testing.assert_allclose(saliency(subject, x, targets), np.abs(plain), atol=1e-5)
    alphas = ((np.arange(20) + 0.5) / 20).astype(np.float32).reshape(-1, 1, 1, 1)
    integral = np.stack([x[i] * score_gradient(alphas * x[i], t).mean(axis=0) for i, t in enumerate(targets)])
    np.testing.assert_allclose(integrated_gradients(subject, x, targets, steps=20), integral, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"noise": -0.1}, "noise: impossible noise; got -0.1; expected 0 or more, as a share of the range"),
        ({"count": 0}, "count: impossible count; got 0; expected a whole number of at least 1"),
    ],
)
def test_impossible_noise(make_subject, samples, options, problem):
    subject = make_subject(SMOOTH)
    with pytest.raises(OptionError) as caught:
        smooth_grad(subject, samples(subject), 0, **options)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"steps": 0}, "steps: impossible steps; got 0; expected a whole number of at least 1"),
        ({"baseline": np.nan}, "baseline: the baseline holds NaN or infinity; expected finite numbers"),
        (
            {"baseline": np.zeros(5)},
            "baseline: the baseline does not fit the samples; got float64 (5,); expected a number, or an array that "
            "fits (3, 7, 6, 2)",
        ),
    ],
)
def test_impossible_integrals(make_subject, samples, options, problem):
    subject = make_subject(SMOOTH)
    with pytest.raises(OptionError) as caught:
        integrated_gradients(subject, samples(subject), 0, **options)
    assert str(caught.value) == problem
