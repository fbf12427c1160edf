"""Labelled data for a run that exists already: read to its shape, with its classes, and the part that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tatami.data import DataOptions, Dataset, Split, load, refuse_unused
from tatami.errors import DataError, OptionError
from tatami.train.digest import digest
from tatami.train.run import CONFIG, SPLIT, Identity, Run

SplitName = Literal["test", "validation", "train", "all"]

WHOLE = "data"
"""What all samples together are called."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Samples and labels as a run understands them.

    Attributes:
        split: labels are indices of the run's classes, or its targets in their own units.
        name: which part of the data it is: test, validation, train, or data for all of them.
        dataset: where it comes from.
    """

    split: Split
    name: str
    dataset: Dataset


def read_labelled(
    run: Path, identity: Identity, data: str, options: DataOptions, part: SplitName | None = None
) -> Labelled:
    """Read data for a run.

    Pictures of a folder are brought to the run's size and colour; for the rest data are read as the run read its own,
    unless ``options`` say otherwise. Data that the run was trained on are divided as they were then.

    Args:
        run: its directory, or a weights file.
        identity: of its weights.
        data: the source.
        options: what the user says of how to read it.
        part: which samples; unless given, those of the test; where there is none, of the run's own data those that it
            held out, of others all.

    Raises:
        DataError: classes or targets that the run does not know.
        OptionError: a part that the data do not have.
    """
    refuse_unused(data, options)
    dataset = load(data, reading(run, identity, options))
    out = _held_out(run, dataset)
    parts = dict(_parts(dataset, out))
    if part is None:  # never samples that the run was trained on, where it can be told
        part = "test" if "test" in parts else "validation" if out is not None else "all"
    if part == "all":
        chosen, name = _joined(dataset), WHOLE
    elif part in parts:
        chosen, name = parts[part], part
    else:
        raise OptionError(f"these data have no {part} split", got=data, expected=", ".join([*parts, "all"]))
    return Labelled(replace(chosen, y=_understood(chosen, dataset, identity, data)), name, dataset)


def reading(run: Path, identity: Identity, options: DataOptions = DataOptions()) -> DataOptions:  # noqa: B008
    """How data for a run are to be read: as the user says, else as the run's own were, to its shape."""
    usual = DataOptions()
    found = Run(run).config().reading if (run / CONFIG).is_file() else usual
    found = replace(found, group=None)  # which matters to nothing but the dividing of training data
    shape = identity.preprocess.shape
    if identity.preprocess.kind == "image":
        colour = {1: "grey", 3: "rgb"}.get(shape[2], "auto")
        found = replace(found, size=(shape[0], shape[1]), colour=colour)  # type: ignore[arg-type]
    elif found.length is not None:
        found = replace(found, length=shape[0])
    if found.task == "auto":
        found = replace(found, task="classification" if identity.standard is None else "regression")
    said = {each.name: getattr(options, each.name) for each in fields(DataOptions)}
    return replace(found, **{name: value for name, value in said.items() if value != getattr(usual, name)})


def _parts(dataset: Dataset, out: NDArray[np.int64] | None) -> Iterator[tuple[str, Split]]:
    """The parts of the data by name; of a run's own data, ``out`` is the validation, which it held out."""
    for name, split in dataset.splits():
        if out is None or name == "test":
            yield name, split
        elif name == "train":
            yield name, split.take(np.setdiff1d(np.arange(len(split)), out, assume_unique=True))
    if out is not None:
        yield "validation", dataset.train.take(out)


def _held_out(run: Path, dataset: Dataset) -> NDArray[np.int64] | None:
    """The training samples that the run held out, if these are its data and it did."""
    if not (run / SPLIT).is_file():
        return None
    held = Run(run).held()
    if not held.validation or held.samples != len(dataset.train) or held.digest != digest(dataset):
        return None
    return np.array(held.validation, np.int64)


def _joined(dataset: Dataset) -> Split:
    """All samples one after another, each with a name that says where it lies."""
    splits = list(dataset.splits())
    if len(splits) == 1:
        return splits[0][1]
    names = [
        split.name_of(row) if split.names is not None else f"{name} {split.name_of(row)}"
        for name, split in splits
        for row in range(len(split))
    ]
    ys = [split.y for _, split in splits if split.y is not None]
    return Split(np.concatenate([split.x for _, split in splits]), np.concatenate(ys), names)


def _spelled(given: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Names as the run spells them, where letter case is all that differs: folders do not always keep it."""
    folded = {name.casefold(): name for name in known}
    if len(folded) < len(known) or len({name.casefold() for name in given}) < len(given):
        return tuple(given)
    return tuple(name if name in known else folded.get(name.casefold(), name) for name in given)


def _understood(split: Split, dataset: Dataset, identity: Identity, data: str) -> NDArray[np.generic] | None:
    """The labels of a split as the run understands them, by the names of their classes or targets."""
    if split.y is None:
        return None
    known = identity.classes if identity.standard is None else identity.standard.names
    what = "classes" if identity.standard is None else "targets"
    given = dataset.targets if dataset.is_regression else dataset.classes
    if identity.standard is None:
        given = _spelled(given, known)
    same_task = dataset.is_regression == (identity.standard is not None)
    if not same_task or not set(given) <= set(known) or (dataset.is_regression and len(given) != len(known)):
        raise DataError(
            f"the data have other {what} than the run",
            where=data,
            got=", ".join(given[:10]),
            expected=", ".join(known[:10]),
        )
    order = np.array([known.index(name) for name in given], np.int64)
    if not dataset.is_regression:
        return order[split.y]
    y = np.empty_like(split.y)
    y[:, order] = split.y
    return y
