"""The samples of an inspection: those of the user's files, and those of the run's own data.

Letters: N samples.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tatami.data import DataOptions, Split
from tatami.errors import OptionError, TatamiError
from tatami.inspect.request import SAMPLES
from tatami.train.inputs import resolve
from tatami.train.labelled import read_labelled, reading
from tatami.train.predict import fitting_samples
from tatami.train.run import CONFIG, Identity, Run


@dataclass(frozen=True, eq=False)
class Chosen:
    """The samples that are inspected.

    Attributes:
        names: a file or a row each.
        raw: (N, *input), as read, brought to the network's shape.
        notes: what was left out, and what may not be as it should be.
    """

    names: tuple[str, ...]
    raw: NDArray[Any]
    notes: tuple[str, ...] = ()


def chosen_samples(
    run: Path,
    identity: Identity,
    files: Sequence[str],
    rows: Sequence[int] | None,
    *,
    inverted: bool = False,
    stdin: BinaryIO | None = None,
) -> Chosen:
    """Read the samples with these numbers, or the first few.

    Args:
        run: its directory, or a weights file.
        identity: of its weights.
        files: see :func:`tatami.train.inputs.resolve`.
        rows: numbers over all samples of the files, from 0; None for the first.
        inverted: black and white change places.
        stdin: standard input, where ``-`` is among the files.

    Raises:
        DataError: a file that cannot be read, or does not fit the network.
        OptionError: a number beyond the last sample.
    """
    sources, problems = resolve(files, stdin)
    if problems:
        raise problems[0]
    found = fitting_samples(identity.preprocess, sources, reading(run, identity), inverted)
    if rows is None:
        first = list(islice(found, SAMPLES + 1))
        more = len(first) > SAMPLES
        names, raws = zip(*first[:SAMPLES], strict=True)
        notes = (f"only the first {SAMPLES} samples are shown; --sample chooses others",) if more else ()
        return Chosen(names, np.stack(raws), (*notes, *_tones(identity, names, raws, inverted)))
    wanted = dict.fromkeys(rows)
    kept: dict[int, tuple[str, NDArray[Any]]] = {}
    count = 0
    for i, sample in enumerate(islice(found, min(max(wanted) + 1, sys.maxsize))):
        count = i + 1
        if i in wanted:
            kept[i] = sample
    beyond = [row for row in wanted if row not in kept]
    if beyond:
        raise OptionError("no such sample", where="--sample", got=beyond[0], expected=f"0 to {count - 1}")
    names, raws = zip(*(kept[row] for row in wanted), strict=True)
    return Chosen(names, np.stack(raws), tuple(_tones(identity, names, raws, inverted)))


def _tones(identity: Identity, names: Sequence[str], raws: Sequence[NDArray[Any]], inverted: bool) -> Iterator[str]:
    """Which samples may be inverted against those of training."""
    advice = "try without --invert" if inverted else "it may be in negative: try --invert"
    for name, raw in zip(names, raws, strict=True):
        tone = identity.preprocess.tone(raw)
        if tone:
            yield f"{name} is much {tone} than the training images; {advice}"


@dataclass(frozen=True, eq=False)
class OwnData:
    """Samples of the data that a run was trained on.

    Attributes:
        split: at most as many as were asked for, evenly spread.
        words: which they are.
    """

    split: Split
    words: str


def own_data(run: Path, identity: Identity, count: int) -> OwnData | str:
    """Some of a run's own data, of its test where it has one; or why they cannot be read.

    Args:
        run: its directory, or a weights file.
        identity: of its weights.
        count: the most samples.
    """
    if not (run / CONFIG).is_file():
        return "these weights come without their run, so its data are not known"
    try:
        data = Run(run).config().data
        labelled = read_labelled(run, identity, data, DataOptions())
        identity.preprocess(np.asarray(labelled.split.x[:1]), data)  # data that were put in the place of the run's own
    except TatamiError as error:
        return f"the run's data cannot be read: {error}"
    total = len(labelled.split)
    rows = np.linspace(0, total - 1, min(count, total)).round().astype(np.int64)
    part = f"{len(rows):,} of the {total:,}" if len(rows) < total else f"all {total:,}"
    kind = "" if labelled.name == "data" else f"{labelled.name} "
    return OwnData(labelled.split.take(rows), f"{part} {kind}samples of {data}")
