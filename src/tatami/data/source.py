"""Where data come from: ``sample:NAME``, a file or a folder. A list of formats is asked in turn who knows it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from tatami.data import cifar, folders, idx_dataset, npz, pictures, table, ucr, wave
from tatami.data.builtin import SAMPLES, load_sample, need_sample
from tatami.data.dataset import Array, Dataset, Kind
from tatami.data.options import DataOptions
from tatami.errors import DataError, OptionError

DATA = (
    f"sample:NAME ({', '.join(SAMPLES)}); a folder or a zip with one folder a class; a .npz, .csv, .parquet, .ts or "
    ".tsv file; MNIST's or CIFAR's files"
)
INPUTS = (
    f"a picture ({', '.join(pictures.SUFFIXES)}), a .wav, .npz, .csv, .parquet, .ts or .tsv file, an IDX images file, "
    f"or sample:NAME ({', '.join(SAMPLES)})"
)

_SAMPLE = "sample:"

Unlabelled = tuple[Array | Sequence[Array], Sequence[str] | None]


@dataclass(frozen=True)
class Format:
    """One kind of source.

    Attributes:
        recognises: whether a path is of this kind.
        options: which of :class:`DataOptions` its reader heeds, ``strict`` aside.
        load: reads a labelled data set; None where there are none.
        inputs: reads unlabelled samples, and their names unless they are called by their rows; None likewise.
    """

    recognises: Callable[[Path], bool]
    options: tuple[str, ...] = ()
    load: Callable[[Path, DataOptions, str], Dataset] | None = None
    inputs: Callable[[Path, Kind | None, DataOptions], Unlabelled] | None = None


# In this order: whatever has its own names is asked before any folder is taken for class folders.
FORMATS = (
    Format(
        npz.recognises, ("length", "task"), npz.load_npz, lambda path, kind, _: (npz.read_npz_samples(path, kind), None)
    ),
    Format(
        idx_dataset.recognises, (), idx_dataset.load_idx_dataset, lambda path, *_: (idx_dataset.read_inputs(path), None)
    ),
    Format(cifar.recognises, (), cifar.load_cifar),
    Format(ucr.recognises, ("length", "task"), ucr.load_ucr, lambda path, *_: ucr.read_ucr_inputs(path)),
    Format(
        table.recognises,
        ("label", "group", "series", "time", "length", "task"),
        table.load_table,
        lambda path, _, options: table.read_table_inputs(path, options),
    ),
    Format(pictures.recognises, (), None, lambda path, *_: (pictures.read_picture(path)[None], [str(path)])),
    Format(wave.recognises, (), None, lambda path, *_: wave.read_sound_inputs(path)),
    Format(folders.recognises, ("size", "colour", "length", "group"), folders.load_folders),
)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Unlabelled samples to predict.

    Attributes:
        x: (N, H, W, C) uint8 or float32, or (N, L, C) float32, or a list of N signals (L, C), as read: not yet resized
            or scaled.
        names: one a row, ``cat.png``, ``signals.npz[3]`` or ``sample:digits[3]`` (rows from 0).
    """

    x: Array | Sequence[Array]
    names: tuple[str, ...]


def load(source: str, options: DataOptions = DataOptions()) -> Dataset:  # noqa: B008
    """Load a labelled data set.

    Args:
        source: ``sample:NAME``, a file or a folder of any of :data:`FORMATS`: see docs/data.md.
        options: how it is to be read, where the source leaves that open.

    Raises:
        DataError: nothing is there, it is of another kind, or it is not fit for training.
    """
    need_source(source)
    if source.startswith(_SAMPLE):
        return load_sample(source.removeprefix(_SAMPLE))
    path = Path(source)
    found = _format(path)
    if found is None or found.load is None:
        raise DataError("this kind of file is not a data set", where=str(path), got=_kind(path), expected=DATA)
    return found.load(path, options, source)


def need_source(source: str) -> None:
    """Refuse a source where nothing is, before any of it is read.

    Raises:
        DataError: there is no such file, folder or sample.
    """
    if source.startswith(_SAMPLE):
        need_sample(source.removeprefix(_SAMPLE))
    # os.path.exists, unlike Path.exists, is False also for names that no system allows.
    elif _format(Path(source)) is None and not os.path.exists(source):
        raise DataError("no such file or folder", where=repr(source), expected=DATA, hint=_sample_hint(source))


def refuse_unused(source: str, options: DataOptions) -> None:
    """Raise :class:`OptionError` for an option that is given and that this kind of source does not heed."""
    found = None if source.startswith(_SAMPLE) else _format(Path(source))
    heeded = () if found is None else found.options
    if found is None and not source.startswith(_SAMPLE):
        return  # nothing is there: loading it says so
    for field in fields(DataOptions):
        value = getattr(options, field.name)
        if value == field.default or field.name in (*heeded, "strict"):
            continue
        if field.name == "task" and value == "classification":
            continue  # what all sources without targets are
        raise OptionError(
            f"--{field.name} has no effect on these data",
            where=source,
            got=value if not isinstance(value, tuple) else "x".join(map(str, value)),
            expected=f"of such options {', '.join(f'--{name}' for name in heeded) or 'none'}",
        )


def read_inputs(
    source: str | os.PathLike[str],
    kind: Kind | None = None,
    options: DataOptions = DataOptions(),  # noqa: B008
) -> Inputs:
    """Read unlabelled samples from one file, or from ``sample:NAME``.

    Of an NPZ file it is the array ``x``, else ``x_test``; of a built-in sample, its test split; of tables and ``.ts``
    files, the series without their labels.

    Args:
        source: a path, or ``sample:NAME``.
        kind: what the samples are meant to be, where an NPZ file leaves it open.
        options: which columns of a table are not values: its ``label``, ``group``, ``series`` and ``time``.

    Raises:
        DataError: the file is missing, damaged, too large or of another kind, or holds NaN or infinity.
    """
    text = os.fspath(source)
    if text.startswith(_SAMPLE):
        sample = load_sample(text.removeprefix(_SAMPLE))
        x = (sample.test or sample.train).x
        return Inputs(x, _row_names(text, len(x)))
    path = Path(text)
    found = _format(path)
    if found is None and not os.path.exists(text):
        raise DataError("no such file", where=text, expected=INPUTS, hint=_sample_hint(text))
    if found is None or found.inputs is None or path.is_dir():
        raise DataError("this kind of file is not an input", where=str(path), got=_kind(path), expected=INPUTS)
    samples, names = found.inputs(path, kind, options)
    return Inputs(samples, tuple(names) if names is not None else _row_names(str(path), len(samples)))


def _format(path: Path) -> Format | None:
    """The first format that knows a path."""
    try:
        return next((known for known in FORMATS if known.recognises(path)), None)
    except (ValueError, OSError):  # a name that no system allows
        return None


def _row_names(source: str, count: int) -> tuple[str, ...]:
    return tuple(f"{source}[{row}]" for row in range(count))


def _sample_hint(source: str) -> str | None:
    return f"for the built-in sample, write {_SAMPLE}{source}" if source in SAMPLES else None


def _kind(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    return f"a {path.suffix} file" if path.suffix else "a file of unknown kind"
