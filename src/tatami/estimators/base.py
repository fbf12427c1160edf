"""What classifier and regressor share: settings, fitting, scores.

Letters: n samples, K outputs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from tatami.data import Dataset, Preprocess, Split
from tatami.data.augment import make_augment
from tatami.engines import compile
from tatami.estimators.fitting import Recipe, Weights, fit, one_pass
from tatami.estimators.inputs import Array, as_raw, standardised
from tatami.estimators.networks import find_source
from tatami.network import print_netfile
from tatami.recipe import CrossEntropy, Loss, make_optimizer, make_schedule
from tatami.train.config import TrainConfig
from tatami.train.defaults import resolve
from tatami.train.material import fit_to_data

_AT_ONCE = 4096  # samples that are standardised together


class ConvNet(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of the estimators; their parameters are described there."""

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
        validation: float = 0.0,
        kind: str = "auto",
        random_state: Any = 0,
        engine: str = "cpu",
        device: str | None = None,
        dtype: str = "float32",
        verbose: bool = False,
    ) -> None:
        self.net = net
        self.epochs = epochs
        self.batch = batch
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.augment = augment
        self.validation = validation
        self.kind = kind
        self.random_state = random_state
        self.engine = engine
        self.device = device
        self.dtype = dtype
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _draw_seed(self) -> int:
        """The seed of all that is random, drawn anew by each fit from the start."""
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        return self._seed

    def _begin(self, dataset: Dataset, loss: Loss) -> None:
        """Find network, settings and preprocessing for these data, and make the model."""
        samples = len(dataset.train)
        source = find_source(self.net, dataset.sample_shape)
        network = fit_to_data(source, dataset)
        config = TrainConfig(
            data=dataset.source,
            engine=self.engine,
            epochs=self.epochs,
            batch=self.batch,
            optimizer=self.optimizer,
            lr=self.lr,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            loss=loss.name,
            validation=self.validation,
        )
        settings = resolve(config, samples, network, is_regression=dataset.is_regression)
        augment = make_augment(self.augment, dataset.kind, dataset.sample_shape, samples)
        rows = dataset.outputs if augment.mixup and isinstance(loss, CrossEntropy) else None
        self.kind_, self.network_ = dataset.kind, network
        self.preprocess_ = Preprocess.fit(dataset.train.x, dataset.kind)
        self.n_iter_ = 0
        self.history_: dict[str, list[float]] = {"loss": [], "validation_loss": []}
        self._samples, self._weight_decay = samples, settings.weight_decay
        self._text = print_netfile(source.program, source.name, network.input_shape, dataset.outputs)
        self._recipe = Recipe(settings.epochs, settings.lr, make_schedule(self.schedule), augment, self._seed, rows)
        whole_loss = replace(loss, targets=True) if isinstance(loss, CrossEntropy) and rows else loss
        self._make_model(settings.batch, whole_loss)

    def _make_model(self, batch: int, loss: Loss) -> None:
        """Compile the network, once all else of the estimator is there."""
        self.model_ = compile(
            self.network_,
            self.engine,
            batch=batch,
            optimizer=make_optimizer(self.optimizer, self._recipe.lr, weight_decay=self._weight_decay),
            loss=loss,
            seed=self._recipe.seed,
            device=self.device,
            dtype=self.dtype,
        )

    def _run(self, training: Split, weights: Weights | None, validation: Split | None) -> None:
        """All passes over the training samples."""
        passes = fit(self.model_, training, weights, validation, self.preprocess_, self._recipe)
        for epoch in passes:
            self.n_iter_ += 1
            self.history_["loss"].append(epoch.loss)
            if epoch.validation_loss is not None:
                self.history_["validation_loss"].append(epoch.validation_loss)
            self._tell()

    def _run_once(self, split: Split, weights: Weights | None) -> None:
        """One more pass, at the highest learning rate: nobody knows how many are to come."""
        self.n_iter_ += 1
        loss = one_pass(
            self.model_, split, weights, self.preprocess_, self._recipe, self.n_iter_, lambda i: self._recipe.lr
        )
        self.history_["loss"].append(loss)
        self._tell()

    def _tell(self) -> None:
        if self.verbose:
            held_out = self.history_["validation_loss"]
            more = f"  validation loss {held_out[-1]:.4f}" if held_out else ""
            print(f"epoch {self.n_iter_}  loss {self.history_['loss'][-1]:.4f}{more}")

    def _scores(self, X: Any) -> NDArray[np.float64]:
        """The network's output for samples, (n, K)."""
        check_is_fitted(self)
        x = as_raw(self._checked(X), self.kind_)
        parts = [
            self.model_.forward(standardised(x[start : start + _AT_ONCE], self.preprocess_))
            for start in range(0, len(x), _AT_ONCE)
        ]
        return np.concatenate(parts).astype(np.float64)

    def _checked(self, X: Any) -> Array:
        """Samples as an array with as many features as those of ``fit``."""
        checked: Array = validate_data(self, X, reset=False, allow_nd=True)
        return checked
