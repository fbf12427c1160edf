"""What estimators are given, in the house's layout: samples, weights.

Letters: n samples, H and W pixels, L time steps, C channels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tatami.data import Kind, Preprocess
from tatami.data.arrays import SQUARE
from tatami.errors import DataError, OptionError

Array = NDArray[Any]

KINDS = ("auto", "image", "signal")
_RANKS = {"image": (3, 4), "signal": (2, 3)}
_LAYOUTS = {"image": "images (n, H, W) or (n, H, W, C)", "signal": "signals (n, L) or (n, L, C)"}


class InputError(DataError, ValueError):
    """Samples, labels or weights that cannot be used: a ``ValueError`` too, as scikit-learn's contract has it."""


def kind_of(x: Array, wanted: str) -> Kind:
    """What the samples are.

    Of rank 2 they are signals, of rank 4 images. Of rank 3 they are grey images when they are uint8, square from
    :data:`~tatami.data.arrays.SQUARE`, or longer in the last axis than in the one before; otherwise signals (n, L, C).

    Args:
        x: the samples.
        wanted: ``image`` or ``signal`` settles it; ``auto`` leaves it to the rule.

    Raises:
        OptionError: another wish.
        InputError: a rank that samples of this kind do not have.
    """
    if wanted not in KINDS:
        raise OptionError("unknown kind", got=repr(wanted)[:60], expected="auto, image or signal")
    if wanted == "auto":
        if x.ndim == 3:
            _, first, second = x.shape
            is_image = x.dtype == np.uint8 or first < second or first == second >= SQUARE
            return "image" if is_image else "signal"
        wanted = {2: "signal", 4: "image"}.get(x.ndim, wanted)
    if wanted == "auto" or x.ndim not in _RANKS[wanted]:
        expected = _LAYOUTS.get(wanted) or " or ".join(reversed(_LAYOUTS.values()))
        raise InputError("samples with a wrong number of dimensions", where="X", got=x.shape, expected=expected)
    return cast(Kind, wanted)


def as_raw(x: Array, kind: Kind) -> Array:
    """Samples of this kind with their channels, (n, H, W, C) or (n, L, C): uint8 images as they are, else float32.

    Raises:
        InputError: a wrong rank, or a value that float32 cannot hold.
    """
    kind_of(x, kind)
    if x.ndim == min(_RANKS[kind]):
        x = x[..., np.newaxis]
    if x.dtype == np.uint8 and kind == "image":
        return x
    with np.errstate(over="ignore"):
        x = x.astype(np.float32, copy=False)
    if not np.isfinite(x).all():
        raise InputError("a value that is infinite in float32", where="X", expected="at most 3.4e38")
    return x


def standardised(x: Array, preprocess: Preprocess) -> NDArray[np.float32]:
    """Raw samples as the network wants them. uint8 and floats of the same values give the same.

    Raises:
        InputError: samples of another shape than those of ``fit``.
    """
    if x.shape[1:] != preprocess.shape:
        raise InputError(
            "samples of another shape", where="X", got=x.shape, expected=f"(n, *{preprocess.shape}), as in fit"
        )
    is_fitted_on_bytes = preprocess.scale != 1
    if is_fitted_on_bytes and x.dtype != np.uint8:
        mean, std = (
            tuple(value / preprocess.scale for value in values) for values in (preprocess.mean, preprocess.std)
        )
        preprocess = replace(preprocess, scale=1.0, mean=mean, std=std)
    elif not is_fitted_on_bytes and x.dtype == np.uint8:
        x = x.astype(np.float32)
    return preprocess(x, "X")


def check_weights(sample_weight: Any, samples: int) -> NDArray[np.float64] | None:
    """Weights as float64 (n,), or None for equal ones.

    Raises:
        InputError: they do not pair up with the samples, one is negative, NaN or infinite, or all are zero.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, np.float64)
    if weights.shape != (samples,):
        raise InputError(
            "the weights do not pair up with the samples",
            where="sample_weight",
            got=weights.shape,
            expected=f"({samples},)",
        )
    usable = np.isfinite(weights) & (weights >= 0)
    if not usable.all():
        row = int(usable.argmin())
        raise InputError(
            "a weight that cannot be used",
            where=f"sample_weight, row {row}",
            got=weights[row],
            expected="finite numbers of at least 0",
        )
    if not weights.any():
        raise InputError("all weights are zero", where="sample_weight", expected="a weight above 0")
    return weights
