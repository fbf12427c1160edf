import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from tatami.data.augment import Mix
from tatami.errors import RunError
from tatami.train.config import TrainConfig
from tatami.train.defaults import resolve
from tatami.train.targets import Standard, Targets, class_weights

Y = np.array([0, 0, 0, 1, 2, 2], np.int64)


def targets(mixes: bool = False, **settings: object) -> Targets:
    return Targets.of(Y, resolve(TrainConfig("x", **settings), 6), 3, mixes=mixes)  # type: ignore[arg-type]


def test_plain_labels_stay_labels() -> None:
    assert np.array_equal(targets()(np.array([5, 0]), None), [2, 0])


def test_smoothing_spreads_its_share_over_all_classes() -> None:
    rows = targets(smoothing=0.3)(np.array([3]), None)
    assert rows.dtype == np.float32
    assert rows == pytest.approx(np.array([[0.1, 0.8, 0.1]]), abs=1e-7)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(3), y=Y)
    assert class_weights(Y, 3) == pytest.approx(expected, rel=1e-6)
    rows = targets(class_weight="balanced")(np.arange(6), None)
    assert rows.sum() == pytest.approx(6, rel=1e-6)
    assert np.array_equal(rows.argmax(axis=1), Y)


def test_mixed_samples_have_mixed_labels() -> None:
    mix = Mix(np.array([1, 0]), np.array([0.75, 0.5], np.float32))
    rows = targets(mixes=True)(np.array([0, 3]), mix)
    assert rows == pytest.approx(np.array([[0.75, 0.25, 0], [0.5, 0.5, 0]]))


def test_standardised_targets_come_back() -> None:
    y = np.array([[1.0, 5], [3, 5], [8, 5]], np.float32)
    standard = Standard.fit(("speed", "constant"), y)
    assert standard(y).mean(axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert standard(y)[:, 0].std() == pytest.approx(1, rel=1e-6)
    assert standard.back(standard(y)) == pytest.approx(y, rel=1e-6)
    assert Standard.from_json(standard.to_json(), "x") == standard
    with pytest.raises(RunError, match="x: the targets of these weights are damaged"):
        Standard.from_json('{"names": ["a"], "mean": [], "std": []}', "x")
