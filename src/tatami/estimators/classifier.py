"""``ConvNetClassifier``: a network from one line as a scikit-learn classifier.

Letters: n samples, K classes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from tatami.data import Dataset, Split, stratified_split
from tatami.estimators.base import ConvNet
from tatami.estimators.fitting import Weights
from tatami.estimators.inputs import Array, InputError, as_raw, check_weights, kind_of
from tatami.estimators.saving import load_estimator, save_classifier
from tatami.network.layers import Softmax
from tatami.recipe import CrossEntropy

_SMALLEST = np.finfo(np.float32).tiny


class ConvNetClassifier(ClassifierMixin, ConvNet):  # type: ignore[misc]  # scikit-learn has no types
    """A convolutional network that tells classes apart.

    X are signals (n, L) or (n, L, C), or images (n, H, W) or (n, H, W, C), of floats, whole numbers or uint8, also as
    lists. Arrays of rank 3 are grey images when they are uint8, square from 8x8 on, or wider than high; otherwise
    signals; ``kind`` settles it, and ``kind_`` says what was assumed. A table is a short signal of depth 1. The samples
    are standardised channel by channel. Labels are of any kind that can be sorted.

    Weights, of samples and of classes, say how often a sample is drawn in training; only their ratios matter.

    Args:
        net: notation, a zoo name or a ``.net`` file; a bare INPUT and a bare last FC take their sizes from the data.
            ``memo`` leaves out the POOLs that the samples are too small for.
        epochs: passes over the data; found from their number unless given.
        batch: samples in one step, at most; found from their number unless given.
        optimizer: sgd, momentum, nesterov, rmsprop, adam or adamw.
        lr: the highest learning rate; the optimizer's default unless given.
        weight_decay: the optimizer's default unless given.
        schedule: constant, step, cosine or onecycle; ``partial_fit`` stays at the highest rate.
        augment: none, light, strong, or auto.
        class_weight: ``balanced``, a weight by label, or None.
        validation: share of the samples held out of ``fit``; with it the best epoch's weights are kept.
        kind: auto, image or signal.
        random_state: of weights, order, dropout and augmentation.
        engine: who computes: cpu, torch or textbook.
        device: where the torch engine does: cuda, cuda:1, mps or cpu; the first that there is unless given.
        dtype: float32 or float64; of the torch engine also tf32 or bf16.
        verbose: print a line for each epoch.

    Attributes:
        classes_: the labels, sorted, (K,).
        n_features_in_: the size of X's second axis.
        kind_: image or signal.
        network_: the network.
        model_: its weights, ready to compute.
        preprocess_: how samples are standardised.
        n_iter_: passes done.
        history_: ``loss`` and ``validation_loss`` of each.
    """

    def __init__(
        self,
        net: str = "memo",
        *,
        epochs: int | None = None,
        batch: int | None = None,
        optimizer: str = "adam",
        lr: float | None = None,
        weight_decay: float | None = None,
        schedule: str = "onecycle",
        augment: str = "none",
        class_weight: Mapping[Any, float] | str | None = None,
        validation: float = 0.0,
        kind: str = "auto",
        random_state: Any = 0,
        engine: str = "cpu",
        device: str | None = None,
        dtype: str = "float32",
        verbose: bool = False,
    ) -> None:
        super().__init__(
            net,
            epochs=epochs,
            batch=batch,
            optimizer=optimizer,
            lr=lr,
            weight_decay=weight_decay,
            schedule=schedule,
            augment=augment,
            validation=validation,
            kind=kind,
            random_state=random_state,
            engine=engine,
            device=device,
            dtype=dtype,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train from the start.

        Args:
            X: samples, (n, ...).
            y: labels, (n,).
            sample_weight: (n,), at least 0.

        Raises:
            ValueError: X, y or the weights do not fit, or there are less than two classes.
            TatamiError: the network's text or a setting makes no sense; NumericError: the loss is no number any more.
        """
        X, y = validate_data(self, X, y, allow_nd=True)
        check_classification_targets(y)
        weights = check_weights(sample_weight, len(y))
        self.classes_, labels = np.unique(y, return_inverse=True)
        kept = np.ones(len(y), bool) if weights is None else weights > 0
        _need_two(np.unique(labels[kept]).size)
        raw = as_raw(X, kind_of(X, self.kind))[kept]
        labels, weights = labels[kept].astype(np.int64), None if weights is None else weights[kept]
        whole = Split(raw, labels)
        seed = self._draw_seed()
        chosen, held_out = stratified_split(labels, self.validation, seed) if self.validation else (None, None)
        training = whole if chosen is None else whole.take(chosen)
        validation = None if held_out is None else whole.take(held_out)
        self._begin(self._dataset(X, training), CrossEntropy())
        self._run(training, self._weighted(labels, weights, chosen), validation)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One more pass over samples, at the highest learning rate. The first call fixes shape and standardisation.

        Args:
            X: samples, (n, ...).
            y: labels, (n,), among the classes.
            classes: all labels that may ever come; needed in the first call.
            sample_weight: (n,), at least 0.

        Raises:
            ValueError: as ``fit``; or an unknown label, or classes that are missing or differ from the first call's.
        """
        is_first = not hasattr(self, "model_")
        X, y = validate_data(self, X, y, allow_nd=True, reset=is_first)
        check_classification_targets(y)
        weights = check_weights(sample_weight, len(y))
        if is_first:
            if classes is None:
                raise InputError("the first call of partial_fit needs all classes", where="classes")
            known = np.unique(classes)
            _need_two(known.size)
        else:
            known = self.classes_
            if classes is not None and not np.array_equal(np.unique(classes), known):
                raise InputError("other classes than in the first call", where="classes", got=list(np.unique(classes)))
        labels = np.searchsorted(known, y).clip(max=len(known) - 1)
        unknown = known[labels] != y
        if unknown.any():
            row = int(unknown.argmax())
            raise InputError("a label that is no class", where=f"y, row {row}", got=y[row], expected=str(list(known)))
        self.classes_ = known
        kind = kind_of(X, self.kind) if is_first else self.kind_
        numbers = labels.astype(np.int64)
        split = Split(as_raw(X, kind), numbers)
        if is_first:
            self._draw_seed()
            self._begin(self._dataset(X, split), CrossEntropy())
        self._run_once(split, self._weighted(numbers, weights, None))
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Scores (n, K), the logarithms of probabilities but for a constant; of two classes their difference, (n,)."""
        scores = self._class_scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> Array:
        """The likeliest class of each sample, (n,)."""
        likeliest: Array = self._class_scores(X).argmax(axis=1)
        predicted: Array = self.classes_[likeliest]
        return predicted

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """The logarithms of the classes' probabilities, (n, K)."""
        scores = self._class_scores(X)
        scores = scores - scores.max(axis=1, keepdims=True)
        logarithms: NDArray[np.float64] = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return logarithms

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The classes' probabilities, (n, K), in the order of ``classes_``."""
        probabilities: NDArray[np.float64] = np.exp(self.predict_log_proba(X))
        return probabilities

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything that was learned into a safetensors file; no pickle. ``tatami predict`` reads it as well.

        Raises:
            RunError: the file cannot be written, or a label is neither text nor a number.
        """
        save_classifier(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The estimator that :meth:`save` wrote.

        Raises:
            RunError: the file is missing or damaged, or holds no such estimator.
        """
        return load_estimator(cls, path)

    def _dataset(self, X: Array, training: Split) -> Dataset:
        return Dataset("X", kind_of(X, self.kind), training, None, tuple(map(str, self.classes_)), source="X")

    def _weighted(
        self, labels: NDArray[np.int64], weights: Weights | None, chosen: NDArray[np.int64] | None
    ) -> Weights | None:
        """Weights of the chosen samples, those of their classes included."""
        if self.class_weight is not None:
            present = np.unique(labels)
            by_class = compute_class_weight(
                self.class_weight, classes=self.classes_[present], y=self.classes_[labels], sample_weight=weights
            )
            factors = by_class[np.searchsorted(present, labels)]
            weights = check_weights(factors if weights is None else weights * factors, len(labels))
        return weights if weights is None or chosen is None else weights[chosen]

    def _class_scores(self, X: Any) -> NDArray[np.float64]:
        scores = self._scores(X)
        ends_in_softmax = isinstance(self.network_.nodes[-1].layer, Softmax)
        return np.log(np.maximum(scores, _SMALLEST)) if ends_in_softmax else scores


def _need_two(classes: int) -> None:
    if classes < 2:
        raise InputError(
            "nothing to tell apart among samples with a weight above 0",
            where="y",
            got=f"{classes} class",
            expected="at least 2 classes",
        )
