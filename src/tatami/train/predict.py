"""A trained network's word on new samples: classes with probabilities, or the values of targets.

Letters: n samples of a batch, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tatami.data import DataOptions, Preprocess, Tone, invert
from tatami.data.dataset import Array
from tatami.errors import DataError
from tatami.train.evaluation import probabilities
from tatami.train.inputs import Source, resolve
from tatami.train.labelled import reading
from tatami.train.run import Trained, load_trained


@dataclass(frozen=True)
class Prediction:
    """A sample's name, and its likeliest classes with their probabilities, the likeliest first.

    ``values`` are the targets of a regression with what is predicted for them; then ``ranked`` is empty. ``tone`` is
    not empty where an image is so much brighter or darker than those of training that it may be inverted.
    """

    sample: str
    ranked: tuple[tuple[str, float], ...] = ()
    tone: Tone = ""
    values: tuple[tuple[str, float], ...] = ()


def predict_files(
    run: Path, files: Sequence[str | Path], top: int = 3, engine: str = "cpu", *, inverted: bool = False
) -> list[Prediction]:
    """Predict every sample in ``files``: paths, folders, patterns, or ``sample:NAME``.

    Args:
        run: its directory, or a weights file.
        files: see :func:`tatami.train.inputs.resolve`.
        top: how many classes to name.
        engine: which computes.
        inverted: black and white change places in all samples, which must be uint8 images.

    Raises:
        DataError: a file that cannot be read, or does not fit.
    """
    trained = load_trained(run, engine)
    sources, problems = resolve([str(file) for file in files])
    for problem in problems:
        raise problem
    return list(predictions(trained, sources, top, reading(run, trained.identity), inverted=inverted))


def predictions(
    trained: Trained,
    sources: Iterable[Source],
    top: int = 3,
    options: DataOptions = DataOptions(),  # noqa: B008
    *,
    inverted: bool = False,
    on_problem: Callable[[DataError], None] | None = None,
) -> Iterator[Prediction]:
    """Predict one sample after another, while no more than one file and one batch are held.

    Args:
        trained: the network; its preprocessing is the one that is applied.
        sources: the files.
        top: how many classes to name.
        options: which columns of a table are not values, as when the run was trained.
        inverted: black and white change places.
        on_problem: is told of a file that cannot be read or does not fit, the rest of which is left out; without it,
            such a file ends the predictions.

    Raises:
        DataError: see ``on_problem``.
    """
    batch: list[tuple[str, Array]] = []
    for sample in fitting_samples(trained.identity.preprocess, sources, options, inverted, on_problem):
        batch.append(sample)
        if len(batch) == trained.model.batch:
            yield from _predict(trained, batch, top)
            batch = []
    if batch:
        yield from _predict(trained, batch, top)


def fitting_samples(
    preprocess: Preprocess,
    sources: Iterable[Source],
    options: DataOptions,
    inverted: bool = False,
    on_problem: Callable[[DataError], None] | None = None,
) -> Iterator[tuple[str, Array]]:
    """Names and raw samples, one after another, brought to the shape of training: see :func:`predictions`."""
    for source in sources:
        try:
            inputs = source.read(preprocess.kind, options)
            for name, x in zip(inputs.names, inputs.x, strict=True):
                yield name, preprocess.adapt(invert(x, source.name) if inverted else x, name)
        except DataError as error:
            if on_problem is None:
                raise
            on_problem(error)


def _predict(trained: Trained, batch: list[tuple[str, Array]], top: int) -> Iterator[Prediction]:
    identity = trained.identity
    outputs = trained.model.forward(identity.preprocess(np.stack([x for _, x in batch])))  # (n, K)
    if identity.standard is not None:
        for (name, sample), row in zip(batch, identity.standard.back(outputs), strict=True):
            values = tuple((target, float(value)) for target, value in zip(identity.standard.names, row, strict=True))
            yield Prediction(name, (), identity.preprocess.tone(sample), values)
        return
    for (name, sample), row in zip(batch, probabilities(trained.network, outputs), strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        ranked = tuple((identity.classes[i], float(row[i])) for i in best)
        yield Prediction(name, ranked, identity.preprocess.tone(sample))
