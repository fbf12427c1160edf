"""Embeddings: PCA against a singular value decomposition, t-SNE by the neighbours that it keeps."""

import numpy as np
import pytest

from tatami.errors import DataError, OptionError
from tatami.inspect.embedding import embedding, features
from tatami.inspect.passes import activations

TEXT = "INPUT(8x7x1) -> CONV(3) -> RELU -> POOL -> FC(9) -> TANH -> DROPOUT(0.5) -> FC(3) -> SOFTMAX"


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        (TEXT, "dropout1"),
        ("INPUT(8x7x1) -> CONV(3) -> FC(2)", "conv1"),
        ("INPUT(12x2) -> FC(2)", "input"),
        ("INPUT(12x2) -> RELU -> GAP", "gap1"),
    ],
)
def test_features_are_what_the_last_fc_reads(make_subject, samples, text, layer):
    subject = make_subject(text)
    x = samples(subject, 70)
    np.testing.assert_allclose(features(subject, x), activations(subject, x)[layer].reshape(70, -1), atol=1e-6)


def test_features_of_a_fully_convolutional_network_are_means_over_positions(make_subject, samples):
    subject = make_subject("INPUT(8x7x1) -> CONV(4) -> RELU -> CONV(3, 1) -> GAP -> SOFTMAX")
    x = samples(subject)
    np.testing.assert_allclose(features(subject, x), activations(subject, x)["relu1"].mean(axis=(1, 2)), atol=1e-6)


def test_pca_is_the_two_directions_of_most_variance(make_subject, samples):
    subject = make_subject(TEXT)
    x = samples(subject, 40)
    found = embedding(subject, x)
    centred = features(subject, x) - features(subject, x).mean(axis=0)
    U, S, _ = np.linalg.svd(centred.astype(float), full_matrices=False)
    assert (found.shape, found.dtype) == ((40, 2), np.float32)
    np.testing.assert_allclose(np.abs(found), np.abs(U[:, :2] * S[:2]), atol=1e-4)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_the_same_samples_give_the_same_points(make_subject, samples, method):
    subject = make_subject(TEXT)
    x = samples(subject, 40)
    np.testing.assert_array_equal(embedding(subject, x, method), embedding(subject, x, method))


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_groups_stay_together(make_subject, method):
    subject = make_subject("INPUT(6x1) -> FC(2)")
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((3, 6, 1)) * 10
    group = np.arange(60) % 3
    points = embedding(subject, centres[group] + rng.standard_normal((60, 6, 1)) / 10, method)
    distances = np.linalg.norm(points[:, None] - points, axis=-1) + np.diag(np.full(60, np.inf))
    np.testing.assert_array_equal(group[distances.argmin(axis=1)], group)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_samples_that_are_all_alike_are_one_point(make_subject, method):
    points = embedding(make_subject(TEXT), np.ones((5, 8, 7, 1)), method)
    np.testing.assert_allclose(points, np.zeros((5, 2)), atol=1e-5)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_single_feature_lies_on_a_line(make_subject, method):
    subject = make_subject("INPUT(1) -> FC(2)")
    points = embedding(subject, np.arange(8.0)[:, None], method)
    assert points.shape == (8, 2)
    assert np.isfinite(points).all()
    if method == "pca":
        np.testing.assert_allclose(np.abs(points[:, 0]), np.abs(np.arange(8) - 3.5), atol=1e-5)
        np.testing.assert_array_equal(points[:, 1], 0)


@pytest.mark.parametrize(
    ("count", "method", "problem"),
    [
        (1, "pca", "x: too few samples to embed; got 1; expected at least 2"),
        (3, "tsne", "x: too few samples to embed; got 3; expected at least 4"),
    ],
)
def test_too_few_samples(make_subject, samples, count, method, problem):
    subject = make_subject(TEXT)
    with pytest.raises(DataError) as caught:
        embedding(subject, samples(subject, count), method)
    assert str(caught.value) == problem


def test_an_unknown_method(make_subject, samples):
    subject = make_subject(TEXT)
    with pytest.raises(OptionError) as caught:
        embedding(subject, samples(subject), "t-sne")
    assert str(caught.value) == "method: unknown method; got t-sne; expected pca, tsne (hint: did you mean tsne?)"


def test_answers_that_are_not_finite(make_subject):
    subject = make_subject(TEXT, fc1_bias=np.full(9, np.nan))
    with pytest.raises(DataError) as caught:
        embedding(subject, np.ones((4, 8, 7, 1)))
    assert str(caught.value) == ("dropout1: an answer is no finite number (hint: the samples or the weights hold NaN)")
