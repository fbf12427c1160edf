"""From raw samples to what a network sees: one code path for training, validation, evaluation and prediction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from tatami.data.dataset import Array, Kind
from tatami.data.lengths import fit_length
from tatami.data.pictures import fit_picture
from tatami.errors import DataError, RunError

_RANK = {"image": 3, "signal": 2}
_BLOCK = 2**22
_SMALLEST_STD = 1e-30
_FAR = 1.5

Tone = Literal["", "brighter", "darker"]


@dataclass(frozen=True)
class Preprocess:
    """Scale, then standardise each channel: ``(x * scale - mean) / std``.

    Attributes:
        kind: ``image`` or ``signal``.
        shape: of one sample, (H, W, C) or (L, C).
        scale: 1/255 when the raw samples are uint8, 1 when they are floats; it also tells which of them are accepted.
        mean: of each channel over the training samples, after scaling.
        std: likewise; 1 for a channel that is constant.
        pads: whether signals of another length are padded with zeros behind, or cropped at the end, as those of
            training were; images are resized in any case.
    """

    kind: Kind
    shape: tuple[int, ...]
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pads: bool = False

    @classmethod
    def fit(cls, x: Array, kind: Kind, *, pads: bool = False) -> Preprocess:
        """Measure training samples, (N, H, W, C) or (N, L, C), uint8 or float32; in float64, in two passes."""
        scale = 1 / 255 if x.dtype == np.uint8 else 1.0
        mean = _mean(x, np.zeros(x.shape[-1]), 1)
        std = np.sqrt(_mean(x, mean, 2))
        # A channel that varies only by rounding is constant: dividing by its std would blow up noise.
        constant = std <= np.maximum(1e-6 * np.abs(mean), _SMALLEST_STD)
        std = np.where(constant, 1.0, std * scale)
        return cls(
            kind,
            tuple(int(size) for size in x.shape[1:]),
            scale,
            tuple(float(value) for value in mean * scale),
            tuple(float(value) for value in std),
            pads,
        )

    def __call__(self, x: Array, where: str | None = None) -> NDArray[np.float32]:
        """Standardise a batch of raw samples.

        Args:
            x: (N, ...) of ``shape``, uint8 or floats as those that were fitted.
            where: the name of the batch, for errors.

        Returns:
            float32 (N, ...), a new array.

        Raises:
            DataError: samples of another shape or range of values.
        """
        if x.shape[1:] != self.shape:
            raise DataError(
                "samples of another shape", where=where, got=x.shape[1:], expected=f"{self.shape}, as in training"
            )
        self._check_range(x, where)
        out = x.astype(np.float32)
        out *= np.float32(self.scale)
        out -= np.asarray(self.mean, np.float32)
        out /= np.asarray(self.std, np.float32)
        return out

    def adapt(self, sample: Array, where: str | None = None) -> Array:
        """Bring one raw sample to ``shape``.

        uint8 images are turned grey or RGB (ITU-R 601 luma) and resized with antialiasing, without keeping their
        aspect ratio. Signals of another length are padded or cropped where :attr:`pads` says so. All other samples must
        have the shape already.

        Args:
            sample: (H, W, C) or (L, C), as from ``read_inputs``.
            where: the name of the sample, for errors.

        Returns:
            A raw sample of ``shape`` and the dtype that it had; ``sample`` itself if it fits.

        Raises:
            DataError: it cannot be brought to that shape.
        """
        self._check_range(sample, where)
        if sample.shape == self.shape:
            return sample
        if self.pads and sample.shape[1:] == self.shape[1:]:
            return fit_length(sample, self.shape[0])
        if self.kind == "signal":
            raise DataError(
                "a signal of another length or depth",
                where=where,
                got=sample.shape,
                expected=f"{self.shape}, as in training",
            )
        if sample.ndim != 3 or sample.dtype != np.uint8:
            raise DataError(
                "only uint8 images are resized",
                where=where,
                got=f"{sample.dtype} {sample.shape}",
                expected=f"{self.shape}, as in training",
            )
        return fit_picture(sample, self.shape, where)

    def tone(self, sample: Array) -> Tone:
        """Tell whether one raw image may be inverted against those of training: dark on light for light on dark.

        So it may when the mean of each channel lies more than 1.5 std from the training mean, all to one side, and the
        inverted image would lie nearer. std is that of single pixels, not of the means of images: black digits on white
        lie at 2.4, whereas of the built-in digits, white on black, none lies beyond 0.9.

        Args:
            sample: (H, W, C) as from :meth:`adapt`; of signals and float images nothing is told.
        """
        if self.kind != "image" or sample.dtype != np.uint8:
            return ""
        found = sample.reshape(-1, sample.shape[-1]).mean(axis=0) * self.scale
        mean = np.asarray(self.mean)
        far = (found - mean) / np.asarray(self.std)
        if not (np.abs(1 - found - mean) < np.abs(found - mean)).all():
            return ""
        return "brighter" if far.min() > _FAR else "darker" if far.max() < -_FAR else ""

    def to_dict(self) -> dict[str, Any]:
        """The fields as strings, numbers and lists, for JSON and TOML."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str | None = None) -> Preprocess:
        """Read back what :meth:`to_dict` gave.

        Raises:
            RunError: a field is missing, unknown or has a value that makes no sense; ``where`` names the file.
        """
        known = {field.name for field in fields(cls)}
        if set(values) | {"pads"} != known:  # which earlier versions did not write
            raise RunError(
                "preprocessing with other fields",
                where=where,
                got=", ".join(sorted(map(str, values))) or "none",
                expected=", ".join(sorted(known)),
            )
        if values["kind"] not in tuple(_RANK):
            raise _bad("kind", values, "image or signal", where)
        kind = cast(Kind, values["kind"])
        pads = values.get("pads", False)
        if type(pads) is not bool:
            raise _bad("pads", values, "true or false", where)
        rank = _RANK[kind]
        shape = values["shape"]
        if not (_is_list(shape, rank) and all(type(size) is int and size > 0 for size in shape)):
            raise _bad("shape", values, f"{rank} whole numbers from 1", where)
        if not _is_finite(values["scale"]) or values["scale"] <= 0:
            raise _bad("scale", values, "a number above 0", where)
        for key in ("mean", "std"):
            if not (_is_list(values[key], shape[-1]) and all(map(_is_finite, values[key]))):
                raise _bad(key, values, f"{shape[-1]} numbers, one a channel", where)
        if min(values["std"]) < _SMALLEST_STD:
            raise _bad("std", values, "numbers above 0", where)
        mean, std = (tuple(map(float, values[key])) for key in ("mean", "std"))
        return cls(kind, tuple(shape), float(values["scale"]), mean, std, pads)

    def _check_range(self, x: Array, where: str | None) -> None:
        """The values of uint8 and of float samples do not mean the same."""
        wants_bytes = self.scale != 1.0
        if wants_bytes != (x.dtype == np.uint8):
            raise DataError(
                "samples of another range of values",
                where=where,
                got=x.dtype,
                expected="uint8, 0 to 255, as in training" if wants_bytes else "floats on the scale of training",
            )


def invert(x: Array, where: str | None = None) -> Array:
    """Black for white: the negatives of uint8 images.

    Raises:
        DataError: signals or float images, which have no brightest value.
    """
    if x.dtype != np.uint8:
        raise DataError("only uint8 images are inverted", where=where, got=x.dtype, expected="uint8, 0 to 255")
    return 255 - x


def _mean(x: Array, centre: NDArray[np.float64], power: int) -> NDArray[np.float64]:
    """The mean of ``(x - centre)**power`` over all but the last axis, a block of samples at a time."""
    values = math.prod(x.shape[1:])
    rows = max(1, _BLOCK // values)
    flat = (np.asarray(x[start : start + rows]).reshape(-1, x.shape[-1]) for start in range(0, len(x), rows))
    total: NDArray[np.float64] = np.sum([((block - centre) ** power).sum(axis=0) for block in flat], axis=0)
    mean: NDArray[np.float64] = total / (len(x) * values // x.shape[-1])
    return mean


def _is_list(value: object, length: int) -> bool:
    return isinstance(value, list | tuple) and len(value) == length


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _bad(key: str, values: Mapping[str, Any], expected: str, where: str | None) -> RunError:
    return RunError(f"preprocessing with a bad {key}", where=where, got=repr(values[key]), expected=expected)
