"""Estimators as safetensors files: the tensors, and all else as JSON in the metadata. No pickle.

Beside the estimator's own key ``estimator`` the metadata hold what those of a run hold, so that the commands that use
trained networks read the file too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tatami.data.augment import make_augment
from tatami.errors import RunError, TatamiError
from tatami.estimators.fitting import Recipe
from tatami.formats import load_weights, save_weights
from tatami.network import source_of_text
from tatami.recipe import CrossEntropy, Loss, MeanSquaredError, make_schedule
from tatami.train.run import Identity
from tatami.train.targets import Standard

if TYPE_CHECKING:
    from tatami.estimators.base import ConvNet
    from tatami.estimators.classifier import ConvNetClassifier
    from tatami.estimators.regressor import ConvNetRegressor

SCHEMA = "tatami.estimator/1"
KEY = "estimator"
E = TypeVar("E", bound="ConvNet")


def save_classifier(estimator: ConvNetClassifier, path: str | os.PathLike[str]) -> None:
    """Write a fitted classifier."""
    labels = _labels(estimator.classes_, str(path))
    _save(estimator, path, CrossEntropy(), tuple(map(str, estimator.classes_)), {"labels": labels})


def save_regressor(estimator: ConvNetRegressor, path: str | os.PathLike[str]) -> None:
    """Write a fitted regressor."""
    own = {
        "target_mean": estimator.target_mean_.tolist(),
        "target_std": estimator.target_std_.tolist(),
        "y_shape": list(estimator._y_shape),
    }
    _save(estimator, path, MeanSquaredError(), (), own)


def _save(
    estimator: ConvNet, path: str | os.PathLike[str], loss: Loss, classes: tuple[str, ...], own: Mapping[str, Any]
) -> None:
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(estimator)
    recipe = estimator._recipe
    names = getattr(estimator, "feature_names_in_", None)
    values = {
        "schema": SCHEMA,
        "class": type(estimator).__name__,
        "params": _params(estimator, str(path)),
        "n_features_in": int(estimator.n_features_in_),
        "feature_names_in": None if names is None else [str(name) for name in names],
        "n_iter": estimator.n_iter_,
        "history": estimator.history_,
        "samples": estimator._samples,
        "batch": estimator.model_.batch,
        "epochs": recipe.epochs,
        "lr": recipe.lr,
        "weight_decay": estimator._weight_decay,
        "seed": recipe.seed,
        **own,
    }
    identity = Identity(estimator._text, classes, estimator.preprocess_, loss, _standard(own))
    metadata = {**identity.to_metadata(), KEY: json.dumps(values)}
    save_weights(path, {**estimator.model_.state_dict(), **estimator.model_.training_state()}, metadata)


def _standard(own: Mapping[str, Any]) -> Standard | None:
    """How a regressor's targets are standardised, as `tatami predict` wants it."""
    if "target_mean" not in own:
        return None
    mean, std = own["target_mean"], own["target_std"]
    names = ("y",) if len(mean) == 1 else tuple(f"y{target}" for target in range(len(mean)))
    return Standard(names, tuple(mean), tuple(std))


def load_estimator(cls: type[E], path: str | os.PathLike[str]) -> E:
    """The fitted estimator that a file holds, ready to predict and to learn on.

    Raises:
        RunError: the file is missing or damaged, or holds another estimator than ``cls``.
    """
    where = str(path)
    tensors, metadata = load_weights(path)
    if KEY not in metadata:
        raise RunError("this file holds no estimator", where=where, expected=f"one that {cls.__name__}.save wrote")
    identity = Identity.from_metadata(metadata, where)
    try:
        values = json.loads(metadata[KEY])
        found = values["class"]
        if found == cls.__name__:
            return _remade(cls, values, identity, tensors)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RunError("the estimator in this file is damaged", where=where, got=repr(error)[:100]) from error
    except TatamiError as error:
        raise RunError("the estimator in this file cannot be made", where=where, got=error) from error
    raise RunError("this file holds another estimator", where=where, got=str(found)[:60], expected=cls.__name__)


def _remade(cls: type[E], values: Mapping[str, Any], identity: Identity, tensors: Mapping[str, NDArray[Any]]) -> E:
    params = dict(values["params"])
    if isinstance(params.get("class_weight"), list):
        params["class_weight"] = dict(map(tuple, params["class_weight"]))
    estimator = cls(**params)
    network, preprocess = source_of_text(identity.network).build(), identity.preprocess
    augment = make_augment(estimator.augment, preprocess.kind, preprocess.shape, values["samples"])
    is_classifier = "labels" in values
    rows = network.output_shape[0] if augment.mixup and is_classifier else None
    estimator.kind_, estimator.network_, estimator.preprocess_ = preprocess.kind, network, preprocess
    estimator.n_features_in_, estimator.n_iter_ = int(values["n_features_in"]), int(values["n_iter"])
    if values["feature_names_in"] is not None:
        estimator.feature_names_in_ = np.array(values["feature_names_in"], object)
    estimator.history_ = {name: list(losses) for name, losses in values["history"].items()}
    estimator._text, estimator._samples = identity.network, values["samples"]
    estimator._weight_decay = values["weight_decay"]
    estimator._recipe = Recipe(
        values["epochs"], values["lr"], make_schedule(estimator.schedule), augment, values["seed"], rows
    )
    if is_classifier:
        estimator.classes_ = np.array(values["labels"]["values"], np.dtype(values["labels"]["dtype"]))
    else:
        estimator.target_mean_ = np.array(values["target_mean"], np.float64)
        estimator.target_std_ = np.array(values["target_std"], np.float64)
        estimator._y_shape = tuple(values["y_shape"])
    estimator._make_model(values["batch"], CrossEntropy(targets=True) if rows else identity.loss)
    weights = {name: tensor for name, tensor in tensors.items() if name in network.parameters()}
    estimator.model_.load_state_dict(weights)
    estimator.model_.load_training_state({name: t for name, t in tensors.items() if name not in weights})
    return estimator


def _params(estimator: ConvNet, where: str) -> dict[str, Any]:
    """The parameters in JSON's types. A generator as ``random_state`` is left out: its draw is kept as ``seed``."""
    params = estimator.get_params()
    if not isinstance(params["random_state"], int):
        params["random_state"] = None
    class_weight = params.get("class_weight")
    if isinstance(class_weight, Mapping):
        labels = _labels(np.array(list(class_weight)), where)["values"]
        params["class_weight"] = [[label, float(w)] for label, w in zip(labels, class_weight.values(), strict=True)]
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in params.items()}


def _labels(labels: NDArray[Any], where: str) -> dict[str, Any]:
    """Labels as JSON, with their dtype."""
    values = labels.tolist()
    if labels.dtype.kind not in "biufU" and not all(isinstance(value, str) for value in values):
        raise RunError("labels that are not saved", where=where, got=labels.dtype, expected="text or numbers")
    return {"dtype": "object" if labels.dtype.kind == "O" else labels.dtype.str, "values": values}
