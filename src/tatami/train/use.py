"""A trained network at work: evaluate and predict, from a run's files alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tatami.data import Tone, invert, load, read_inputs
from tatami.errors import DataError
from tatami.network.layers import Softmax
from tatami.train.events import Tested
from tatami.train.metrics import evaluate, tested_event
from tatami.train.run import load_trained


@dataclass(frozen=True)
class Prediction:
    """A sample's name, and its likeliest classes with their probabilities, the likeliest first.

    ``tone`` is not empty where an image is so much brighter or darker than those of training that it may be inverted.
    """

    sample: str
    ranked: tuple[tuple[str, float], ...]
    tone: Tone = ""


def evaluate_run(run: Path, data: str, engine: str = "cpu") -> Tested:
    """Evaluate the best weights of ``run`` on the test split of ``data``, or on all of it where it has none.

    Raises:
        DataError: other classes than those of the run.
    """
    trained = load_trained(run, engine)
    dataset = load(data)
    if dataset.classes != trained.identity.classes:
        raise DataError(
            "the data have other classes than the run",
            where=data,
            got=", ".join(dataset.classes[:10]),
            expected=", ".join(trained.identity.classes[:10]),
        )
    split, name = (dataset.train, "data") if dataset.test is None else (dataset.test, "test")
    evaluation = evaluate(trained.model, split, trained.identity.preprocess, len(dataset.classes))
    return tested_event(evaluation, name)


def predict_files(
    run: Path, files: Sequence[str | Path], top: int = 3, engine: str = "cpu", *, inverted: bool = False
) -> list[Prediction]:
    """The ``top`` likeliest classes of every sample in ``files``, which are paths or ``sample:NAME``.

    All files are read before anything is computed, so that a bad one costs nothing. With ``inverted`` black and white
    change places in all of them, which must be uint8 images.
    """
    trained = load_trained(run, engine)
    preprocess, classes = trained.identity.preprocess, trained.identity.classes
    names: list[str] = []
    samples: list[NDArray[np.generic]] = []
    for file in files:
        inputs = read_inputs(file, preprocess.kind)
        raw = invert(inputs.x, str(file)) if inverted else inputs.x
        names += inputs.names
        samples += [preprocess.adapt(x, name) for x, name in zip(raw, inputs.names, strict=True)]
    predictions: list[Prediction] = []
    ends_in_softmax = isinstance(trained.network.nodes[-1].layer, Softmax)
    for start in range(0, len(samples), trained.model.batch):
        part = slice(start, start + trained.model.batch)
        scores = trained.model.forward(preprocess(np.stack(samples[part])))
        probabilities = scores if ends_in_softmax else _softmax(scores)
        for name, sample, row in zip(names[part], samples[part], probabilities, strict=True):
            best = np.argsort(-row, kind="stable")[:top]
            ranked = tuple((classes[i], float(row[i])) for i in best)
            predictions.append(Prediction(name, ranked, preprocess.tone(sample)))
    return predictions


def _softmax(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: NDArray[np.floating] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities
