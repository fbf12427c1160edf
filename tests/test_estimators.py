"""The scikit-learn estimators: the contract's own checks, layouts, pipelines and searches, and files.

Networks are tiny, so that everything is computed in plain NumPy: nothing is compiled.
"""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import tatami
from tatami import ConvNetClassifier, ConvNetRegressor
from tatami.errors import DataError, OptionError, RunError
from tatami.estimators.fitting import draw
from tatami.estimators.inputs import kind_of
from tatami.estimators.networks import find_source, pools_that_fit
from tatami.formats import load_weights, save_weights
from tatami.train import predict_files

TABLE = "INPUT -> CONV(4) -> RELU -> FC(8) -> RELU -> FC"
IMAGES = "INPUT -> CONV(4) -> RELU -> POOL -> FC"
QUICK: dict[str, Any] = {"lr": 0.02, "batch": 32, "epochs": 20}

EXCLUDED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "weights say how often a sample is drawn into a batch, so removing or repeating samples changes the batches; "
        "equal in expectation, as for other estimators that learn in mini-batches"
    ),
}


@parametrize_with_checks(
    [ConvNetClassifier(TABLE, **QUICK), ConvNetRegressor(TABLE, **QUICK)], expected_failed_checks=lambda _: EXCLUDED
)
def test_the_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def bars(count: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Dark 8x8 images with a bright bar to the left or to the right."""
    y = np.arange(count) % 2
    x = np.random.default_rng(seed).integers(0, 20, (count, 8, 8)).astype(np.uint8)
    x[y == 0, :, 1] = 250
    x[y == 1, :, 6] = 250
    return x, y


def waves(count: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Signals of length 24 and depth 2, slow or fast."""
    generator = np.random.default_rng(seed)
    y = np.arange(count) % 2
    phase = generator.uniform(0, 6, (count, 1, 2))
    steps = np.arange(24).reshape(1, 24, 1)
    return np.sin(steps * np.where(y == 0, 0.3, 1.2).reshape(-1, 1, 1) + phase), y


def small(**settings: Any) -> ConvNetClassifier:
    return ConvNetClassifier(IMAGES, **{"epochs": 8, "batch": 8, "lr": 0.02, **settings})


# --- layouts ---


@pytest.mark.parametrize(
    ("shape", "dtype", "kind"),
    [
        ((3, 28, 28), "uint8", "image"),
        ((3, 28, 20), "uint8", "image"),
        ((3, 28, 28), "float64", "image"),
        ((3, 8, 8), "int64", "image"),
        ((3, 7, 7), "float64", "signal"),
        ((3, 20, 28), "float64", "image"),
        ((3, 28, 3), "float32", "signal"),
        ((3, 150), "float64", "signal"),
        ((3, 150), "uint8", "signal"),
        ((3, 9, 9, 3), "float64", "image"),
    ],
)
def test_what_samples_are_taken_for(shape: tuple[int, ...], dtype: str, kind: str) -> None:
    assert kind_of(np.zeros(shape, dtype), "auto") == kind


def test_kind_settles_it() -> None:
    x, y = bars()
    assert small().fit(x, y).kind_ == "image"
    signals = ConvNetClassifier(TABLE, epochs=1, kind="signal").fit(x / 255, y)
    assert (signals.kind_, signals.network_.input_shape) == ("signal", (8, 8))
    with pytest.raises(OptionError, match="unknown kind; got 'sound'; expected auto, image or signal"):
        small(kind="sound").fit(x, y)
    with pytest.raises(ValueError, match="X: samples with a wrong number of dimensions; got"):
        small(kind="image").fit(x.reshape(40, 64), y)
    with pytest.raises(ValueError, match=r"expected signals \(n, L\) or \(n, L, C\) or images"):
        small().fit(np.zeros((40, 2, 2, 2, 2)), y)


@pytest.mark.parametrize("shape", [(64,), (64, 1), (8, 8), (8, 8, 1)])
def test_every_layout_is_learned(shape: tuple[int, ...]) -> None:
    x, y = bars()
    classifier = small().fit(x.reshape(40, *shape) / 255, y)
    assert classifier.score(bars(20, 1)[0].reshape(20, *shape) / 255, bars(20, 1)[1]) == 1.0


def test_multivariate_signals_are_learned() -> None:
    classifier = ConvNetClassifier("INPUT -> CONV(8, 7) -> RELU -> GAP -> FC", epochs=30, batch=8, lr=0.02)
    classifier.fit(*waves())
    assert (classifier.kind_, classifier.network_.input_shape) == ("signal", (24, 2))
    assert classifier.score(*waves(40, 1)) > 0.95


def test_bytes_and_numbers_of_the_same_values_are_the_same() -> None:
    x, y = bars()
    by_bytes = small().fit(x, y)
    by_numbers = small().fit(x.astype(float), y)
    expected = by_bytes.decision_function(x)
    np.testing.assert_allclose(by_bytes.decision_function(x.tolist()), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(by_numbers.decision_function(x), expected, rtol=1e-3, atol=1e-3)


def test_samples_of_another_shape_are_refused() -> None:
    x, y = bars()
    classifier = small().fit(x, y)
    with pytest.raises(
        ValueError, match=r"X: samples of another shape; got \(40, 8, 4, 1\); expected \(n, \*\(8, 8, 1\)\)"
    ):
        classifier.predict(x[:, :, :4])
    with pytest.raises(DataError, match="wrong number of dimensions"):
        classifier.predict(x.reshape(40, 8, 2, 4, 1))
    with pytest.raises(ValueError, match="infinite in float32"):
        ConvNetClassifier(TABLE, epochs=1).fit(np.full((40, 3), 1e300), y)


# --- the default network ---


@pytest.mark.parametrize(
    ("shape", "pools"), [((1, 1), 0), ((2, 1), 1), ((3, 1), 1), ((4, 1), 2), ((28, 28, 1), 2), ((1, 100, 3), 0)]
)
def test_the_memo_has_the_pools_that_fit(shape: tuple[int, ...], pools: int) -> None:
    assert pools_that_fit(shape) == pools
    network = find_source("memo", shape).build(shape, 3)
    keywords = [node.layer.keyword for node in network]
    assert (keywords.count("CONV"), keywords.count("POOL"), keywords.count("FC")) == (4, pools, 2)
    assert network.output_shape == (3,)


def test_the_memo_is_the_zoos_where_it_fits() -> None:
    assert find_source("memo", (28, 28, 1)).build((28, 28, 1), 10) == tatami.Network(
        "memo", input=(28, 28, 1), classes=10
    )
    with pytest.raises(tatami.TatamiError, match="no such network"):
        ConvNetClassifier("memmo").fit(*bars())


# --- labels and outputs ---


@pytest.mark.parametrize("labels", [["left", "right"], [-1, 7], [0.0, 2.0], [False, True]])
def test_labels_of_any_kind(labels: list[Any]) -> None:
    x, y = bars()
    named = [labels[i] for i in y]
    classifier = small().fit(x, named)
    assert classifier.classes_.tolist() == sorted(labels)
    assert classifier.predict(x).tolist() == named


def test_probabilities_and_scores_belong_together() -> None:
    x = np.random.default_rng(0).normal(size=(30, 5))
    classifier = ConvNetClassifier(TABLE, epochs=2).fit(x, np.arange(30) % 3)
    scores, chances = classifier.decision_function(x), classifier.predict_proba(x)
    assert scores.shape == chances.shape == (30, 3)
    np.testing.assert_allclose(chances, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(np.log(chances), classifier.predict_log_proba(x), rtol=1e-9)
    np.testing.assert_array_equal(classifier.predict(x), chances.argmax(axis=1))
    np.testing.assert_allclose(scores, classifier.model_.forward(_standard(x)), rtol=1e-5, atol=1e-6)


def _standard(x: np.ndarray) -> np.ndarray:
    """By hand: a table is one channel."""
    return ((x - x.mean()) / x.std()).astype(np.float32)[..., None]


def test_a_network_that_ends_in_softmax() -> None:
    x, y = bars()
    classifier = ConvNetClassifier(IMAGES + " -> SOFTMAX", epochs=8, batch=8, lr=0.02).fit(x, y)
    np.testing.assert_allclose(classifier.predict_proba(x), small().fit(x, y).predict_proba(x), atol=1e-5)


def test_history_and_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    classifier = small(epochs=3, validation=0.25, verbose=True).fit(*bars())
    assert classifier.n_iter_ == 3
    assert len(classifier.history_["loss"]) == len(classifier.history_["validation_loss"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1", "epoch 2", "epoch 3"]
    assert lines[2].endswith(f"validation loss {classifier.history_['validation_loss'][2]:.4f}")


def test_the_best_pass_is_kept() -> None:
    """Labels are noise, so that the loss of samples held out is lowest early."""
    x = np.random.default_rng(0).normal(size=(60, 6))
    y = np.random.default_rng(1).integers(0, 2, 60)
    settings: dict[str, Any] = {"lr": 0.05, "batch": 8, "validation": 0.5, "schedule": "constant"}
    long = ConvNetClassifier(TABLE, epochs=30, **settings).fit(x, y)
    best = int(np.argmin(long.history_["validation_loss"])) + 1
    assert best < 30
    short = ConvNetClassifier(TABLE, epochs=best, **settings).fit(x, y)
    np.testing.assert_array_equal(long.predict_proba(x), short.predict_proba(x))


def test_the_seed_decides() -> None:
    x, y = bars()
    one, again, other = (small(random_state=seed, epochs=2).fit(x, y).predict_proba(x) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)
    small(random_state=np.random.RandomState(0), epochs=1).fit(x, y)


@pytest.mark.parametrize("augment", ["light", "strong"])
def test_augmentation(augment: str) -> None:
    x, y = waves()
    classifier = ConvNetClassifier(
        "INPUT -> CONV(8, 7) -> RELU -> GAP -> FC", epochs=30, batch=8, lr=0.02, augment=augment
    )
    assert classifier.fit(x, y).score(*waves(40, 1)) > 0.9
    assert not np.allclose(
        classifier.predict_proba(x), clone(classifier).set_params(augment="none").fit(x, y).predict_proba(x)
    )


# --- weights ---


def test_rows_are_drawn_in_proportion_to_their_weights() -> None:
    weights = np.array([1.0, 0.0, 2.0, 5.0])
    for start in (0.0, 0.3, 0.999):
        assert (np.bincount(draw(weights, 4, start), minlength=4) - weights / 2 < 1).all()
        assert (weights / 2 - np.bincount(draw(weights, 4, start), minlength=4) < 1).all()
        np.testing.assert_array_equal(draw(np.ones(7), 7, start), np.arange(7))
    np.testing.assert_array_equal(draw(None, 3, 0.5), np.arange(3))
    mean = np.mean([np.bincount(draw(weights, 4, (i + 0.5) / 100), minlength=4) for i in range(100)], axis=0)
    np.testing.assert_allclose(mean, weights / 2, atol=0.02)


def test_samples_of_no_weight_do_not_count() -> None:
    x, y = bars()
    wrong = np.concatenate([y, 1 - y])
    weights = np.concatenate([np.ones(40), np.zeros(40)])
    weighted = small().fit(np.concatenate([x, x]), wrong, weights)
    np.testing.assert_array_equal(weighted.predict_proba(x), small().fit(x, y).predict_proba(x))


def test_weights_decide_between_labels_that_disagree() -> None:
    x = np.zeros((600, 4))
    y = np.array([0, 1, 1] * 200)
    plain = ConvNetClassifier(TABLE, epochs=60, batch=50, lr=0.01).fit(x, y)
    assert plain.predict_proba(x)[0, 0] == pytest.approx(1 / 3, abs=0.08)
    weighted = clone(plain).fit(x, y, np.where(y == 0, 6.0, 1.0))
    assert weighted.predict_proba(x)[0, 0] == pytest.approx(6 / 8, abs=0.08)
    balanced = clone(plain).set_params(class_weight="balanced").fit(x, y)
    assert balanced.predict_proba(x)[0, 0] == pytest.approx(1 / 2, abs=0.08)
    by_label = clone(plain).set_params(class_weight={0: 18, 1: 1}).fit(x, y)
    assert by_label.predict_proba(x)[0, 0] == pytest.approx(18 / 20, abs=0.08)
    mean = ConvNetRegressor(TABLE, epochs=40, batch=50, lr=0.02).fit(x, y, np.where(y == 0, 6.0, 1.0)).predict(x)
    assert mean[0] == pytest.approx(2 / 8, abs=0.08)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(3), r"sample_weight: the weights do not pair up with the samples; got \(3,\); expected \(40,\)"),
        (np.r_[np.ones(39), -1], "sample_weight, row 39: a weight that cannot be used; got -1.0"),
        (np.r_[np.nan, np.ones(39)], "sample_weight, row 0: a weight that cannot be used; got nan"),
        (np.zeros(40), "sample_weight: all weights are zero; expected a weight above 0"),
    ],
)
def test_bad_weights(weights: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().fit(*bars(), sample_weight=weights)


# --- partial_fit ---


def test_partial_fit_learns_pass_by_pass() -> None:
    x, y = bars()
    names = np.array(["left", "right"])[y]
    classifier = small(lr=0.01)
    classifier.partial_fit(x[:6], names[:6], classes=["right", "left", "up"])
    first = classifier.predict_proba(x)
    for _ in range(15):
        classifier.partial_fit(x, names)
    assert (classifier.n_iter_, len(classifier.history_["loss"])) == (16, 16)
    assert classifier.classes_.tolist() == ["left", "right", "up"]
    assert not np.allclose(classifier.predict_proba(x), first)
    assert classifier.score(x, names) == 1.0
    classifier.fit(x, y)
    assert classifier.classes_.tolist() == [0, 1]


def test_partial_fit_refuses_what_does_not_belong() -> None:
    x, y = bars()
    with pytest.raises(ValueError, match="classes: the first call of partial_fit needs all classes"):
        small().partial_fit(x, y)
    with pytest.raises(ValueError, match="y, row 1: a label that is no class; got 1"):
        small().partial_fit(x, y, classes=[0, 2])
    classifier = small().partial_fit(x, y, classes=[0, 1])
    with pytest.raises(ValueError, match="y, row 0: a label that is no class; got 5"):
        classifier.partial_fit(x, y + 5)
    with pytest.raises(ValueError, match="classes: other classes than in the first call"):
        classifier.partial_fit(x, y, classes=[0, 2])
    regressor = ConvNetRegressor(TABLE).partial_fit(np.ones((4, 3)), np.arange(4.0))
    with pytest.raises(ValueError, match=r"y: other targets than in the first call; got \(4, 2\)"):
        regressor.partial_fit(np.ones((4, 3)), np.ones((4, 2)))


# --- regression ---


def test_targets_one_and_many_keep_their_scale() -> None:
    x = np.random.default_rng(0).normal(size=(80, 6))
    y = np.stack([1000 + 50 * x[:, 0], 1e-3 * x[:, 1]], axis=1)
    regressor = ConvNetRegressor("INPUT -> FC", epochs=60, batch=8, lr=0.05)
    assert regressor.fit(x, y).predict(x).shape == (80, 2)
    assert regressor.score(x, y) > 0.99
    one = regressor.fit(x, y[:, 0]).predict(x)
    assert one.shape == (80,)
    np.testing.assert_allclose(one, y[:, 0], atol=5)
    assert clone(regressor).fit(x, y[:, :1]).predict(x).shape == (80, 1)
    constant = clone(regressor).set_params(epochs=1).fit(x, np.full(80, 3.0))
    np.testing.assert_allclose(constant.target_std_, 1)
    assert clone(regressor).set_params(validation=0.25).fit(x, y).score(x, y) > 0.99


# --- with scikit-learn's tools ---


def test_in_a_pipeline_a_search_and_cross_validation() -> None:
    digits = load_digits(n_class=3)
    x, y = digits.images, digits.target
    pipeline = make_pipeline(FunctionTransformer(lambda images: images / 16), small(epochs=8, batch=16))
    assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.95
    search = GridSearchCV(small(batch=16, epochs=3), {"lr": [1e-6, 0.02]}, cv=2).fit(x, y)
    assert search.best_params_ == {"lr": 0.02}
    assert search.best_estimator_.score(x, y) > 0.95


def test_clones_and_copies() -> None:
    x, y = bars()
    classifier = small(epochs=2).fit(x, y)
    cloned = clone(classifier)
    assert cloned.get_params() == classifier.get_params()
    assert not hasattr(cloned, "model_")
    for copied in (copy.deepcopy(classifier), pickle.loads(pickle.dumps(classifier))):
        np.testing.assert_array_equal(copied.predict_proba(x), classifier.predict_proba(x))
        np.testing.assert_array_equal(
            copied.partial_fit(x, y).predict_proba(x), copy.deepcopy(classifier).partial_fit(x, y).predict_proba(x)
        )


# --- files ---


@pytest.mark.parametrize("labels", [["left", "right"], [-1, 7], [0.5, 2.5]])
def test_a_classifier_is_saved_and_loaded(tmp_path: Path, labels: list[Any]) -> None:
    x, y = bars()
    named = np.array([str(label) if isinstance(label, float) else label for label in labels])[y]
    classifier = small(class_weight={named[0]: 2, named[1]: 1}, epochs=2, augment="light").fit(x, named)
    classifier.save(tmp_path / "bars.safetensors")
    loaded = ConvNetClassifier.load(tmp_path / "bars.safetensors")
    assert loaded.get_params() == classifier.get_params()
    assert (loaded.kind_, loaded.n_iter_, loaded.n_features_in_) == ("image", 2, 8)
    assert (loaded.history_, loaded.network_) == (classifier.history_, classifier.network_)
    assert loaded.classes_.dtype == classifier.classes_.dtype
    np.testing.assert_array_equal(loaded.predict(x), classifier.predict(x))
    np.testing.assert_array_equal(loaded.predict_proba(x), classifier.predict_proba(x))
    np.testing.assert_array_equal(  # the optimizer's state is there too
        loaded.partial_fit(x, named).predict_proba(x), classifier.partial_fit(x, named).predict_proba(x)
    )


def test_a_regressor_is_saved_and_loaded(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(20, 6))
    regressor = ConvNetRegressor(TABLE, epochs=2, random_state=np.random.RandomState(3)).fit(x, x[:, :2] * 100)
    regressor.save(tmp_path / "r.safetensors")
    loaded = ConvNetRegressor.load(tmp_path / "r.safetensors")
    np.testing.assert_array_equal(loaded.predict(x), regressor.predict(x))
    np.testing.assert_array_equal(
        loaded.partial_fit(x, x[:, :2]).predict(x), regressor.partial_fit(x, x[:, :2]).predict(x)
    )


def test_a_saved_classifier_is_of_use_to_predict(tatami: Any, tmp_path: Path) -> None:
    x, y = bars()
    classifier = small().fit(x, np.array(["left", "right"])[y])
    classifier.save(tmp_path / "bars.safetensors")
    np.savez(tmp_path / "new.npz", x=x[:4])
    result = tatami("predict", tmp_path / "bars.safetensors", tmp_path / "new.npz", "--format", "json")
    assert result.code == 0, result.err
    first = [row["classes"][0] for row in json.loads(result.out)]
    assert [c["name"] for c in first] == ["left", "right"] * 2
    np.testing.assert_allclose(
        [c["probability"] for c in first], classifier.predict_proba(x[:4]).max(axis=1), rtol=1e-5
    )


def test_files_that_are_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "bars.safetensors"
    x, y = bars()
    classifier = small(epochs=1).fit(x, y)
    classifier.save(path)
    with pytest.raises(RunError, match="this file holds another estimator; got ConvNetClassifier; expected ConvNetReg"):
        ConvNetRegressor.load(path)
    tensors, metadata = load_weights(path)
    save_weights(tmp_path / "plain.safetensors", tensors, {k: v for k, v in metadata.items() if k != "estimator"})
    with pytest.raises(
        RunError, match=r"this file holds no estimator; expected one that ConvNetClassifier\.save wrote"
    ):
        ConvNetClassifier.load(tmp_path / "plain.safetensors")
    for broken in ("[]", "{", "{}", '{"class": "ConvNetClassifier"}'):
        save_weights(path, tensors, {**metadata, "estimator": broken})
        with pytest.raises(RunError, match="the estimator in this file is damaged"):
            ConvNetClassifier.load(path)
    save_weights(path, {k: v for k, v in tensors.items() if k != "fc1.bias"}, metadata)
    with pytest.raises(RunError, match="a tensor is missing from the weights"):
        ConvNetClassifier.load(path)
    with pytest.raises(RunError, match="no such weights file"):
        ConvNetClassifier.load(tmp_path / "none")
    mixed = copy.deepcopy(classifier)
    mixed.classes_ = np.array([(1,), 2], object)
    with pytest.raises(RunError, match="labels that are not saved; got object; expected text or numbers"):
        mixed.save(path)


def test_one_class_is_refused() -> None:
    x, _ = bars()
    with pytest.raises(ValueError, match=r"y: nothing to tell apart .*; got 1 class; expected at least 2 classes"):
        small().fit(x, np.zeros(40, int))


def test_a_saved_regressor_predicts_by_command_as_by_itself(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 12)).astype(np.float32)
    y = np.stack([100 + 10 * x.sum(axis=1), x[:, 0]], axis=1)
    estimator = ConvNetRegressor("INPUT -> CONV(2) -> FC", epochs=3, random_state=0).fit(x, y)
    estimator.save(tmp_path / "m.safetensors")
    np.savez(tmp_path / "new.npz", x=x[:5])
    found = predict_files(tmp_path / "m.safetensors", [tmp_path / "new.npz"])
    assert [[name for name, _ in each.values] for each in found] == [["y0", "y1"]] * 5
    np.testing.assert_allclose([[value for _, value in each.values] for each in found], estimator.predict(x[:5]), 1e-5)


def test_on_the_torch_engine_it_is_the_same_classifier(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")
    X, y = bars()
    settings: dict[str, Any] = {**QUICK, "epochs": 3, "random_state": 1, "dtype": "float64"}
    usual = ConvNetClassifier(IMAGES, **settings).fit(X, y)
    found = ConvNetClassifier(IMAGES, engine="torch", device="cpu", **settings).fit(X, y)

    np.testing.assert_allclose(found.predict_proba(X), usual.predict_proba(X), rtol=1e-6, atol=1e-9)
    found.save(tmp_path / "model.safetensors")
    again = ConvNetClassifier.load(tmp_path / "model.safetensors")
    assert again.get_params() == found.get_params()
    np.testing.assert_array_equal(again.predict_proba(X), found.predict_proba(X))
