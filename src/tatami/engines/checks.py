"""What every engine checks before it computes: samples, labels, and tensors that come from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from tatami.engines.base import Array
from tatami.errors import DataError, NumericError, RunError
from tatami.network import Network
from tatami.network.layers import Shape, size_text
from tatami.recipe import CrossEntropy, Loss


def check_samples(x: ArrayLike, shape: Shape, dtype: np.dtype) -> Array:
    """Samples as an array of ``dtype``, (n, *shape), n at least 1.

    Raises:
        DataError: they are not; the hint says what would make them so.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        raise DataError("samples are numbers", where="x", got=f"dtype {x.dtype}", expected="float or integer")
    if x.shape[1:] != shape:
        raise DataError(
            "the samples do not have the shape of INPUT",
            where="x",
            got=_shape_text(x.shape),
            expected=f"(n, {', '.join(map(str, shape))}), the batch first",
            hint=_shape_hint(x.shape, shape),
        )
    if len(x) == 0:
        raise DataError("no samples", where="x", got=_shape_text(x.shape), expected="at least 1")
    return x.astype(dtype, copy=False)


def _shape_text(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _shape_hint(found: Shape, shape: Shape) -> str | None:
    if found == shape:
        return "one sample is a batch of 1: x[None]"
    if (*found[1:], 1) == shape:
        return "x[..., None] adds the depth"
    if len(found) == len(shape) + 1 > 2 and (*found[2:], found[1]) == shape:
        return "tatami keeps channels last: np.moveaxis(x, 1, -1)"
    return f"the network begins with INPUT({size_text(shape)})"


def check_targets(y: ArrayLike, scores: Shape, loss: Loss, dtype: np.dtype) -> Array:
    """Labels as integers (n,); for a loss that takes targets also those, of the shape of the ``scores`` (n, ..., K).

    Targets come back as ``dtype``.

    Raises:
        DataError: they do not fit, a label is not one of the K classes, or a target is NaN, infinite, or, for
            cross-entropy, negative.
    """
    y = np.asarray(y)
    if loss.takes_targets and y.shape == scores and y.dtype.kind in "fiub":
        return _finite_targets(y, loss, dtype)
    *places, classes = scores
    targets = f", or targets {_shape_text(scores)}" if loss.takes_targets else ""
    if y.shape != tuple(places):
        raise DataError(
            "the labels do not fit the samples",
            where="y",
            got=_shape_text(y.shape),
            expected=f"labels {_shape_text(tuple(places))}{targets}",
            hint=_rows_hint(loss) if y.shape == scores else None,
        )
    if y.dtype.kind not in "iu":
        raise DataError(
            "labels are whole numbers",
            where="y",
            got=f"dtype {y.dtype}",
            expected=f"integers{targets}",
            hint="y[..., None] makes them targets" if targets and classes == 1 else "y.astype(int)",
        )
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= classes:
        raise DataError(
            "a label is not among the classes",
            where="y",
            got=low if low < 0 else high,
            expected=f"0 to {classes - 1}, as the network has {classes} outputs",
        )
    return y


def _finite_targets(y: Array, loss: Loss, dtype: np.dtype) -> Array:
    with np.errstate(over="ignore"):  # it shows as infinity
        y = y.astype(dtype, copy=False)
    are_weights = isinstance(loss, CrossEntropy)
    low, high = y.min(), y.max()  # NaN, where one value is
    if not (np.isfinite(low) and np.isfinite(high) and (low >= 0 or not are_weights)):
        usable = np.isfinite(y) & (y >= 0) if are_weights else np.isfinite(y)
        place = np.unravel_index(np.argmin(usable), y.shape)
        raise DataError(
            "a target cannot be used",
            where=f"y, row {place[0]}",
            got=y[place],
            expected="finite numbers" + " of at least 0" * are_weights,
        )
    return y


def _rows_hint(loss: Loss) -> str:
    hint = "labels are class numbers: y.argmax(axis=-1) turns one-hot rows into them"
    return f"{hint}; CrossEntropy(targets=True) takes the rows" if isinstance(loss, CrossEntropy) else hint


def gradients_not_finite(gradients: Iterable[tuple[str, Array]], norm: float, step: int) -> NumericError:
    """The error of a step whose gradient has a length of no finite number; names the first parameter that has it."""
    first = next((name for name, gradient in gradients if not np.isfinite(gradient).all()), "the norm")
    return NumericError(
        "the norm of the gradient is no number any more",
        where=f"step {step}",
        got=f"{norm}; NaN or infinity first in {first}",
        hint="a smaller learning rate, or BN after each CONV",
    )


def loss_not_finite(loss: float, first: str | None, step: int) -> NumericError:
    """The error of a step whose loss is no finite number; ``first`` is the layer where that began, if any."""
    return NumericError(
        "the loss is no number any more",
        where=f"step {step}",
        got=f"{loss}; NaN or infinity first in {first or 'the loss'}",
        hint="a smaller learning rate, or BN after each CONV",
    )


def samples_not_finite() -> DataError:
    """The error of a step on samples that are no finite numbers themselves."""
    return DataError("the samples hold NaN or infinity", where="x", hint="mend or leave out such samples")


def check_weights(state: Mapping[str, Array], network: Network) -> None:
    """Hold weights from outside against the parameters of a network.

    Raises:
        RunError: as of :func:`check_tensors`.
    """
    check_tensors(state, {name: parameter.shape for name, parameter in network.parameters().items()}, "weights")


def check_tensors(found: Mapping[str, Array], expected: Mapping[str, Shape], what: str) -> None:
    """Hold tensors from outside against the ``expected`` names and shapes.

    Raises:
        RunError: names the first that is missing, of another shape, or unknown.
    """
    for name, shape in expected.items():
        if name not in found:
            raise RunError(f"a tensor is missing from the {what}", where=name, expected=f"shape {_shape_text(shape)}")
        if np.shape(found[name]) != shape:
            raise RunError(
                f"a tensor of the {what} has another shape",
                where=name,
                got=_shape_text(np.shape(found[name])),
                expected=_shape_text(shape),
                hint="it comes from another network",
            )
    for name in found:
        if name not in expected:
            raise RunError(f"the {what} hold an unknown tensor", where=name, hint="it comes from another network")
