"""From what a reader found to a data set: labels, classes or targets, groups and lengths, and the checks of them all.

Letters: N samples, L time steps, C channels, T targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tatami.data.arrays import as_labels
from tatami.data.checks import check
from tatami.data.dataset import SPLITS, Array, Dataset, Kind, Problem, Split
from tatami.data.lengths import equal_lengths
from tatami.data.options import DataOptions
from tatami.data.targets import as_targets, means_targets
from tatami.errors import DataError


@dataclass(frozen=True, eq=False)
class Found:
    """One split as a reader found it.

    Attributes:
        x: images (N, H, W, C) or signals (N, L, C); or a list of N signals (L, C), float32, of any lengths.
        y: labels as they were written, text, whole numbers or floats: (N,), or (N, T) of several targets.
        x_name, y_name: how the source calls them, for errors: ``x_train``, or a file.
        names: what each sample is called; None for its row.
        groups: text or whole numbers (N,): which samples belong together.
    """

    x: Array | Sequence[Array]
    y: Array
    x_name: str
    y_name: str
    names: Sequence[str] | None = None
    groups: Array | None = None


def assemble(
    name: str,
    kind: Kind,
    found: Mapping[str, Found],
    options: DataOptions,
    source: str,
    *,
    classes: Array | None = None,
    targets: Sequence[str] = (),
    problems: Sequence[Problem] = (),
    notes: Sequence[str] = (),
) -> Dataset:
    """Make a data set of what was read, and check it.

    Args:
        name: of the data set.
        kind: what the samples are.
        found: the splits by name, ``train`` and perhaps ``validation`` and ``test``.
        options: whether labels are classes or targets, what becomes of unequal lengths, and whether anything may be
            mended.
        source: what the user wrote, for errors.
        classes: the names of the classes in the order of the labels, where the source has them.
        targets: names of the outputs of a regression, where the source has them.
        problems: what was left out or mended.
        notes: what else is to be said of the reading.

    Raises:
        DataError: labels that are neither classes nor targets, unequal lengths without a word on what to do, a problem
            where ``options.strict`` allows none, or whatever :func:`tatami.data.check` refuses.
    """
    _refuse_problems(problems, options, source)
    order = [split for split in SPLITS if split in found]
    labels = [(found[split].y, f"{source}, {found[split].y_name}") for split in order]
    if classes is not None and options.task == "regression":
        raise DataError(
            "these data have classes, which are no targets of a regression", where=source, got="--task regression"
        )
    is_regression = classes is None and means_targets(labels, options.task)
    if is_regression:
        ys: Sequence[Array] = [as_targets(y, where) for y, where in labels]
        names = tuple(targets) or _target_names(ys[0].shape[1])
        class_names: tuple[str, ...] = ()
    else:
        ys, class_names = as_labels(labels, classes, f"{source}, classes")
        names = ()
    xs, mended = equal_lengths(
        [(found[split].x, f"{source}, {found[split].x_name}") for split in order], options.length
    )
    groups = _numbered([found[split].groups for split in order])
    splits = {
        split: Split(x, y, found[split].names, group) for split, x, y, group in zip(order, xs, ys, groups, strict=True)
    }
    dataset = Dataset(
        name,
        kind,
        splits["train"],
        splits.get("test"),
        class_names,
        source,
        splits.get("validation"),
        names,
        tuple(problems),
        (*notes, *mended),
    )
    words = {split: (found[split].x_name, found[split].y_name) for split in order}
    return check(dataset, source, words)


def _refuse_problems(problems: Sequence[Problem], options: DataOptions, source: str) -> None:
    """Raise :class:`DataError` for the first problem where ``options.strict`` allows none."""
    if problems and options.strict:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise DataError(
            f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in the data, and --strict allows none",
            where=source,
            got=f"{problems[0].where}: {problems[0].problem}{more}",
            hint="tatami data check lists them all",
        )


def _target_names(count: int) -> tuple[str, ...]:
    return ("y",) if count == 1 else tuple(f"y{target}" for target in range(count))


def _numbered(groups: Sequence[Array | None]) -> list[NDArray[np.int64] | None]:
    """Groups as numbers, the same in all splits."""
    known = [group.astype(str) for group in groups if group is not None]
    if not known:
        return [None] * len(groups)
    names = np.unique(np.concatenate(known))
    return [None if group is None else np.searchsorted(names, group.astype(str)) for group in groups]
