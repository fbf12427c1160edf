"""``ConvNetRegressor``: a network from one line as a scikit-learn regressor.

Letters: n samples, T targets.
"""

from __future__ import annotations

import os
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from tatami.data import Dataset, Split
from tatami.errors import OptionError
from tatami.estimators.base import ConvNet
from tatami.estimators.inputs import InputError, as_raw, check_weights, kind_of
from tatami.estimators.saving import load_estimator, save_regressor
from tatami.recipe import MeanSquaredError


class ConvNetRegressor(RegressorMixin, ConvNet):  # type: ignore[misc]  # scikit-learn has no types
    """A convolutional network that meets numbers, by the mean squared error.

    X are as for :class:`ConvNetClassifier`, and so are the parameters, of which ``class_weight`` is missing. y is (n,)
    or (n, T); each target is standardised for training, and predictions are on the scale of y.

    Attributes:
        n_features_in_: the size of X's second axis.
        kind_, network_, model_, preprocess_, n_iter_, history_: as of :class:`ConvNetClassifier`; losses are on
            standardised targets.
        target_mean_, target_std_: (T,), of y in ``fit``.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train from the start.

        Args:
            X: samples, (n, ...).
            y: targets, (n,) or (n, T).
            sample_weight: (n,), at least 0.

        Raises:
            ValueError: X, y or the weights do not fit.
            TatamiError: the network's text or a setting makes no sense; NumericError: the loss is no number any more.
        """
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, allow_nd=True)
        weights = check_weights(sample_weight, len(y))
        kept = np.ones(len(y), bool) if weights is None else weights > 0
        raw = as_raw(X, kind_of(X, self.kind))[kept]
        weights = None if weights is None else weights[kept]
        y = np.asarray(y, np.float64)[kept]
        chosen, held_out = self._held_out(len(y))
        self._measure_targets(y[chosen])
        whole = Split(raw, self._standardised(y))
        training = whole if not len(held_out) else whole.take(chosen)
        validation = whole.take(held_out) if len(held_out) else None
        self._begin(self._dataset(X, training), MeanSquaredError())
        self._run(training, None if weights is None else weights[chosen], validation)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One more pass over samples, at the highest learning rate.

        The first call fixes shape and standardisation, that of the targets too.

        Raises:
            ValueError: as ``fit``; or another number of targets than in the first call.
        """
        is_first = not hasattr(self, "model_")
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, allow_nd=True, reset=is_first)
        weights = check_weights(sample_weight, len(y))
        y = np.asarray(y, np.float64)
        if is_first:
            self._measure_targets(y)
        elif y.shape[1:] != self._y_shape:
            raise InputError("other targets than in the first call", where="y", got=y.shape)
        kind = kind_of(X, self.kind) if is_first else self.kind_
        split = Split(as_raw(X, kind), self._standardised(y))
        if is_first:
            self._draw_seed()
            self._begin(self._dataset(X, split), MeanSquaredError())
        self._run_once(split, weights)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The targets of each sample, (n,) or (n, T) as y was."""
        outputs: NDArray[np.float64] = self._scores(X) * self.target_std_ + self.target_mean_
        return outputs.reshape(len(outputs), *self._y_shape)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything that was learned into a safetensors file; no pickle.

        Raises:
            RunError: the file cannot be written.
        """
        save_regressor(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The estimator that :meth:`save` wrote.

        Raises:
            RunError: the file is missing or damaged, or holds no such estimator.
        """
        return load_estimator(cls, path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _measure_targets(self, y: NDArray[np.float64]) -> None:
        self._y_shape = y.shape[1:]
        columns = y.reshape(len(y), -1)  # (n, T)
        self.target_mean_, std = columns.mean(axis=0), columns.std(axis=0)
        # A target that varies only by rounding is constant: dividing by its std would blow up noise.
        self.target_std_ = np.where(std > 1e-9 * np.abs(self.target_mean_), std, 1.0)

    def _standardised(self, y: NDArray[np.float64]) -> NDArray[np.float32]:
        columns = y.reshape(len(y), -1)
        standardised: NDArray[np.float32] = ((columns - self.target_mean_) / self.target_std_).astype(np.float32)
        return standardised

    def _held_out(self, samples: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows to train on and rows held out, ascending."""
        if not 0 <= self.validation < 1:
            raise OptionError("impossible validation share", got=self.validation, expected="at least 0 and under 1")
        count = min(round(self.validation * samples + 0.4999), samples - 1)
        order = np.random.default_rng(self._draw_seed()).permutation(samples)
        return np.sort(order[count:]), np.sort(order[:count])

    def _dataset(self, X: NDArray[Any], training: Split) -> Dataset:
        assert training.y is not None
        targets = tuple(f"y{i}" for i in range(training.y.shape[1])) if training.y.shape[1] > 1 else ("y",)
        return Dataset("X", kind_of(X, self.kind), training, None, (), source="X", targets=targets)
