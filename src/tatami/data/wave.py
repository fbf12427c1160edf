"""Sounds from WAV files: whole numbers of 8 to 64 bits, or floats, as signals between -1 and 1.

Letters: N sounds, L samples in time, C channels.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tatami.data.dataset import Array, Problem
from tatami.data.files import one_line, opened
from tatami.data.options import DataOptions
from tatami.data.tree import MAX_FILE, File, Tree
from tatami.errors import DataError

SUFFIXES = (".wav", ".wave")


@dataclass(frozen=True, eq=False)
class Sound:
    """One sound.

    Attributes:
        x: float32 (L, C), from -1 to 1 where the file holds whole numbers, as they are where it holds floats.
        rate: samples a second.
    """

    x: Array
    rate: int


@dataclass(frozen=True, eq=False)
class Sounds:
    """What was read.

    Attributes:
        x: (L, C) float32 of one C, of the files that could be read, in their order.
        rows: which files these are, ascending.
        problems: one for each other file.
        notes: on channels.
        rate: samples a second, the same in all.
    """

    x: list[Array]
    rows: tuple[int, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    rate: int


def recognises(path: Path) -> bool:
    """Whether a path is a WAV file, by its name."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def read_sound_inputs(path: Path) -> tuple[list[Array], list[str]]:
    """Read one sound to predict: (L, C) float32, and what it is called."""
    with opened(path) as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise DataError("a file too large for a sample", where=str(path), expected=f"at most {MAX_FILE:,} bytes")
    return [decode_sound(content, str(path)).x], [str(path)]


def read_sounds(tree: Tree, files: Sequence[File], options: DataOptions) -> Sounds:
    """Read sounds. Those that cannot be read are left out, and each is a problem.

    Where some are mono and others are not, all become mono: the mean of their channels.

    Args:
        tree: where they lie.
        files: which.
        options: as all readers of files are given them; none matters here.

    Raises:
        DataError: none can be read, or two have different sample rates.
    """
    sounds: list[Sound] = []
    rows: list[int] = []
    problems: list[Problem] = []
    for row, file in enumerate(files):
        try:
            sound = decode_sound(tree.read(file), tree.place(file))
        except DataError as error:
            got = f"; got {error.got}" if error.got is not None else ""
            problems.append(Problem(file.path, f"{error.problem}{got}"))
            continue
        if sounds and sound.rate != sounds[0].rate:
            raise DataError(
                "sounds of different sample rates",
                where=tree.where,
                got=f"{sounds[0].rate:,} Hz in {files[rows[0]].path}, {sound.rate:,} Hz in {file.path}",
                expected="one rate",
                hint="resample them to one",
            )
        sounds.append(sound)
        rows.append(row)
    if not sounds:
        raise DataError(
            "none of the sounds can be read", where=tree.where, got=str(problems[0]) if problems else "no files"
        )
    x, notes = _of_one_depth([sound.x for sound in sounds])
    return Sounds(x, tuple(rows), tuple(problems), notes, sounds[0].rate)


def decode_sound(content: bytes, where: str) -> Sound:
    """Decode the content of a WAV file.

    Args:
        content: all of the file.
        where: the file, for errors.

    Raises:
        DataError: damaged, cut off, of a coding other than PCM and float, without a sample, or with NaN or infinity.
    """
    from scipy.io import wavfile  # slow to import

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", wavfile.WavFileWarning)
        try:
            rate, values = wavfile.read(io.BytesIO(content))
        except Exception as error:  # scipy lets through whatever struct, NumPy and its own variables raise
            raise _damaged(one_line(error), where) from error
    cut = [str(warning.message) for warning in heard if "EOF" in str(warning.message)]
    if cut:
        raise _damaged(" ".join(cut[0].split()), where)
    x = values[:, np.newaxis] if values.ndim == 1 else values
    if not x.size or rate <= 0:
        raise _damaged(f"{len(x)} samples at {rate} Hz", where)
    x = _between_ones(x)
    if not np.isfinite(x).all():
        raise DataError("a sound with NaN or infinity", where=where, expected="finite samples")
    return Sound(x, int(rate))


def _between_ones(values: Array) -> Array:
    """Whole numbers divided by the greatest that their type has room for; unsigned ones, of 8 bits, are 128 at rest."""
    with np.errstate(over="ignore"):
        if values.dtype.kind == "f":
            return values.astype(np.float32)
        centred = values.astype(np.float64) - (128 if values.dtype.kind == "u" else 0)
        return (centred / 2.0 ** (8 * values.dtype.itemsize - 1)).astype(np.float32)


def _of_one_depth(x: list[Array]) -> tuple[list[Array], tuple[str, ...]]:
    depths = [each.shape[1] for each in x]
    if len(set(depths)) == 1:
        return x, ()
    mono = depths.count(1)
    of = f"{mono:,} of {len(x):,} sounds are mono, the others have {min(d for d in depths if d > 1)}"
    most = f" to {max(depths)}" if len(set(depths) - {1}) > 1 else ""
    if not mono:
        of, most = f"sounds of {min(depths)} to {max(depths)}", ""
    return [each.mean(axis=1, keepdims=True) for each in x], (f"{of}{most} channels: all are mixed down to mono",)


def _damaged(got: str, where: str) -> DataError:
    return DataError(
        "not a readable WAV file",
        where=where,
        got=got,
        expected="whole numbers (PCM) or floats",
        hint="it may be truncated or of a compressed coding",
    )
