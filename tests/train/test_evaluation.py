"""Figures of an evaluation against scikit-learn's, against a slow reading of the paper, and by hand."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    mean_absolute_error,
    precision_recall_fscore_support,
    r2_score,
    root_mean_squared_error,
    top_k_accuracy_score,
)

from tatami.data import Preprocess, Split
from tatami.engines import compile
from tatami.errors import RunError
from tatami.network import find_network
from tatami.recipe import CrossEntropy, MeanSquaredError
from tatami.train import events
from tatami.train.classified import calibrate, classify
from tatami.train.evaluation import event_of, examine, from_json, from_tested, probabilities, to_json
from tatami.train.events import Measured
from tatami.train.fitted import POINTS, fit_figures, r_squared
from tatami.train.metrics import score
from tatami.train.run import Identity
from tatami.train.targets import Standard
from tatami.train.worst import MANY, curves_of
from tatami.views.evaluation import Evaluation, result_text


def shares(n: int, classes: int, seed: int = 0) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(n, classes)) * 2
    powers = np.exp(scores)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


# --- classes ---


@pytest.mark.parametrize("classes", [2, 3, 11])
def test_the_figures_of_classes_are_those_of_scikit_learn(classes: int) -> None:
    y = np.random.default_rng(classes).integers(0, classes, 200)
    p = shares(200, classes)
    found = classify(y, p, [f"c{i}" for i in range(classes)])
    guess = p.argmax(axis=1)
    expected = precision_recall_fscore_support(y, guess, labels=range(classes), zero_division=0)
    assert [c.precision for c in found.classes] == pytest.approx(expected[0])
    assert [c.recall for c in found.classes] == pytest.approx(expected[1])
    assert [c.f1 for c in found.classes] == pytest.approx(expected[2])
    assert [c.support for c in found.classes] == expected[3].tolist()
    macro = precision_recall_fscore_support(y, guess, average="macro", zero_division=0)
    assert (found.precision, found.recall, found.f1) == pytest.approx(macro[:3])
    assert found.accuracy == pytest.approx(accuracy_score(y, guess))
    assert found.correct == accuracy_score(y, guess, normalize=False)
    assert found.matrix() == confusion_matrix(y, guess, labels=range(classes)).tolist()
    if classes > 5:
        assert found.top5 == pytest.approx(top_k_accuracy_score(y, p, k=5, labels=range(classes)))
    else:
        assert found.top5 is None


def test_classes_without_samples_have_no_part_in_the_means() -> None:
    """Of three classes one occurs never and is predicted once."""
    p = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1]], np.float32)
    found = classify(np.array([0, 1, 1, 1]), p, ["a", "b", "c"])
    assert [(c.precision, c.recall, c.support, c.predicted) for c in found.classes] == [
        (1.0, 1.0, 1, 1),
        (1.0, 2 / 3, 3, 2),
        (0.0, 0.0, 0, 1),
    ]
    assert (found.precision, found.recall) == (1.0, pytest.approx(5 / 6))


def test_of_equal_scores_the_first_counts_as_the_higher() -> None:
    p = np.full((8, 8), 1 / 8, np.float32)
    assert classify(np.arange(8), p, list("abcdefgh")).top5 == 5 / 8


# --- calibration ---


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(1, 20))
def test_calibration_is_that_of_the_paper(samples: list[tuple[float, bool]], bins: int) -> None:
    """Equations 1 to 3, read word by word: B_m holds confidences in ((m - 1) / M, m / M]."""
    confidence = np.array([c for c, _ in samples])
    correct = np.array([right for _, right in samples])
    found = calibrate(confidence, correct, bins)
    error = 0.0
    for m in range(bins):
        members = [
            (c, right)
            for c, right in samples
            if (c * bins > m and c * bins <= m + 1) or (m == 0 and c == 0)  # nothing has confidence 0: put it first
        ]
        assert found.bins[m].count == len(members)
        if members:
            accuracy = sum(right for _, right in members) / len(members)
            mean = sum(c for c, _ in members) / len(members)
            assert (found.bins[m].accuracy, found.bins[m].confidence) == pytest.approx((accuracy, mean))
            error += len(members) / len(samples) * abs(accuracy - mean)
    assert found.error == pytest.approx(error, abs=1e-12)


def test_calibration_by_hand() -> None:
    found = calibrate(np.array([0.9, 0.9, 0.9, 0.9]), np.array([True, True, False, False]))
    assert found.error == pytest.approx(0.4)
    assert [(round(b.low, 3), round(b.high, 3)) for b in found.bins if b.count] == [(0.867, 0.933)]


# --- targets ---


def test_the_figures_of_targets_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=(300, 2)) * [1, 50] + [5, -100]
    p = y + rng.normal(size=y.shape) * [0.3, 20]
    found = fit_figures(y, p, ["speed", "heat"])
    for t, target in enumerate(found.targets):
        assert target.r2 == pytest.approx(r2_score(y[:, t], p[:, t]))
        assert target.rmse == pytest.approx(root_mean_squared_error(y[:, t], p[:, t]))
        assert target.mae == pytest.approx(mean_absolute_error(y[:, t], p[:, t]))
        assert sum(target.counts) == 300
        assert target.edges[0] == pytest.approx((p - y)[:, t].min())
    assert found.r2 == pytest.approx(r2_score(y, p))
    assert found.mae == pytest.approx(mean_absolute_error(y, p))
    assert found.rmse == pytest.approx(math.sqrt(((y - p) ** 2).mean()))


def test_of_many_points_a_seeded_choice_is_kept() -> None:
    y = np.arange(5000.0)[:, None]
    first, again, other = (fit_figures(y, y, ["y"], seed=seed).targets[0].points for seed in (3, 3, 4))
    assert len(first) == len(set(first)) == POINTS
    assert first == again != other
    assert all(a == b for a, b in first)


@pytest.mark.parametrize(("p", "expected"), [([2.0, 2.0], 1.0), ([2.0, 3.0], 0.0)])
def test_r_squared_of_a_constant_target(p: list[float], expected: float) -> None:
    assert r_squared(np.array([2.0, 2.0]), np.array(p)) == expected == r2_score([2.0, 2.0], p)


# --- a whole evaluation ---

NAMES = ("left", "right")


def classifier(net: str = "INPUT(6x1) -> FC(2)") -> tuple[object, Identity]:
    network = find_network(net).build()
    model = compile(network, "textbook", batch=4)
    weights = model.state_dict()
    weights["fc1.weight"] = np.repeat([[-1.0, 1.0]], 6, axis=0).astype(np.float32)
    model.load_state_dict(weights)
    preprocess = Preprocess("signal", (6, 1), 1.0, (0.0,), (1.0,))
    return model, Identity(net, NAMES, preprocess, CrossEntropy())


def signals(levels: list[float], labels: list[int], names: list[str] | None = None) -> Split:
    x = np.repeat(np.array(levels, np.float32), 6).reshape(-1, 6, 1)
    return Split(x, np.array(labels, np.int64), names)


def test_the_worst_errors_are_the_surest() -> None:
    """The class is the sign of the level, and the surer the further from 0."""
    model, identity = classifier()
    split = signals([0.1, -0.3, 0.2, -0.01, 0.05], [0, 1, 1, 0, 0], names=["a", "b", "c", "d", "e"])
    found = examine(model, identity, split, "test")  # type: ignore[arg-type]
    assert found.total == 5
    assert result_text(found) == "test accuracy 0.4000 (2 of 5)"
    assert [(w.name, w.true, w.predicted) for w in found.worst] == [
        ("b", "right", "left"),
        ("a", "left", "right"),
        ("e", "left", "right"),
    ]
    # Scores are -6 and 6 times the level, so the probability is a sigmoid of 12 times it.
    assert [w.probability for w in found.worst] == pytest.approx(
        [1 / (1 + math.exp(-12 * level)) for level in (0.3, 0.1, 0.05)], rel=1e-5
    )
    assert found.worst[0].curves == ((-0.3,) * 6,)
    assert found.worst[0].picture == ""
    assert found.samples_per_second is not None
    assert found.samples_per_second > 0
    assert event_of(found) == events.Tested("test", found.loss, 0.4, 2, 5, [[1, 2], [1, 1]])


def test_no_more_errors_are_kept_than_can_be_looked_at() -> None:
    model, identity = classifier()
    found = examine(model, identity, signals([0.1] * 40, [0] * 40), "test")  # type: ignore[arg-type]
    assert [w.name for w in found.worst] == [f"row {row}" for row in range(MANY)]


def test_a_network_that_ends_in_softmax_gives_its_probabilities_itself() -> None:
    plain, ended = (find_network(f"INPUT(6x1) -> FC(2){end}").build() for end in ("", " -> SOFTMAX"))
    scores = np.array([[0.0, np.log(3)], [1000.0, 1000.0]])
    assert probabilities(plain, scores) == pytest.approx(np.array([[0.25, 0.75], [0.5, 0.5]]))
    assert probabilities(ended, scores) is scores


def test_a_regression_is_measured_in_its_own_units() -> None:
    """The network gives the standardised mean: 0 for both targets, which is their mean."""
    network = find_network("INPUT(6x1) -> FC(2)").build()
    model = compile(network, "textbook", batch=2, loss=MeanSquaredError())
    model.load_state_dict({name: np.zeros_like(value) for name, value in model.state_dict().items()})
    preprocess = Preprocess("signal", (6, 1), 1.0, (0.0,), (1.0,))
    y = np.array([[1, 10], [3, 10], [8, 40]], np.float32)
    standard = Standard.fit(("speed", "heat"), y)
    identity = Identity("INPUT(6x1) -> FC(2)", (), preprocess, MeanSquaredError(), standard)
    found = examine(model, identity, Split(np.zeros((3, 6, 1), np.float32), y), "test")
    assert found.targets is not None
    assert found.targets.targets[0].points == ((1, 4), (3, 4), (8, 4))
    assert found.targets.targets[0].mae == pytest.approx((3 + 1 + 4) / 3)
    assert found.targets.r2 == pytest.approx(0, abs=1e-6)
    assert found.loss == pytest.approx(1, rel=1e-5)  # of standardised targets, whose variance is 1
    # Row 2 lies 4 / 2.94 and 20 / 14.1 spreads away: the largest of all.
    assert [w.name for w in found.worst] == ["row 2", "row 0", "row 1"]
    assert (found.worst[0].true, found.worst[0].predicted) == ("speed 8, heat 40", "speed 4, heat 20")
    event = event_of(found)
    assert isinstance(event, Measured)
    assert (event.split, event.total, event.mae) == ("test", 3, pytest.approx((3 + 1 + 4 + 10 + 10 + 20) / 6))
    assert result_text(found) == f"test R2 {found.targets.r2:.4f}, RMSE {event.rmse:.4g} (3 samples)"


def test_samples_of_another_size_are_adapted() -> None:
    network = find_network("INPUT(4x4x1) -> FC(2)").build()
    model = compile(network, "textbook", batch=2)
    preprocess = Preprocess("image", (4, 4, 1), 1 / 255, (0.5,), (0.25,))
    large = np.random.default_rng(0).integers(0, 256, (3, 9, 7, 3), dtype=np.uint8)
    small = np.stack([preprocess.adapt(x) for x in large])
    y = np.array([0, 1, 1])
    a, b = (score(model, Split(x, y), preprocess) for x in (large, small))
    assert np.array_equal(a.scores, b.scores)
    assert a.loss == b.loss


def test_a_long_signal_is_thinned_out() -> None:
    signal = np.stack([np.arange(1000), -np.arange(1000)], axis=1).astype(np.float32)
    up, down = curves_of(signal)
    assert (len(up), up[0], up[-1], down[-1]) == (120, 0, 999, -999)


# --- evaluation.json ---


def example() -> Evaluation:
    model, identity = classifier()
    return examine(model, identity, signals([0.1, -0.3, 0.2], [0, 1, 1]), "test")  # type: ignore[arg-type]


def test_json_comes_back() -> None:
    found = example()
    values = json.loads(to_json(found))
    assert values["schema"] == "tatami.evaluation/1"
    assert from_json(to_json(found), "x") == found
    fitted = Evaluation("test", 3, 0.5, targets=fit_figures(np.eye(3), np.eye(3) / 2, ["a", "b", "c"]))
    assert from_json(to_json(fitted), "x") == fitted


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[:-9], "x: this evaluation is damaged"),
        (lambda text: "[]", "x: this evaluation is damaged"),
        (lambda text: "[" * 100_000, "x: this evaluation is damaged"),
        (lambda text: text.replace('"total": 3', '"total": "3"'), "x: this evaluation is damaged"),
        (lambda text: text.replace('"confusion": [[0,', '"confusion": [[7,'), "confusion of a class that is none"),
        (lambda text: text.replace("evaluation/1", "evaluation/9"), "got tatami.evaluation/9; expected tatami.eval"),
    ],
)
def test_a_damaged_evaluation_is_one_line(damage, words: str) -> None:
    text = damage(to_json(example()))
    assert text != to_json(example())
    with pytest.raises(RunError) as caught:
        from_json(text, "x")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_event_gives_the_figures_that_it_holds() -> None:
    found = example()
    tested = event_of(found)
    assert isinstance(tested, events.Tested)
    again = from_tested(tested, NAMES)
    assert found.classes is not None
    assert again.classes == replace(found.classes, calibration=None)
    assert again.worst == ()
