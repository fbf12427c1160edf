"""What a score depends on, value by value of the input: gradients, alone and averaged.

In the shape comments: N samples, * the shape of the input.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tatami.engines.base import Array
from tatami.engines.checks import check_samples
from tatami.errors import OptionError
from tatami.inspect.checks import need_count, need_targets
from tatami.inspect.passes import BATCH, gradients
from tatami.inspect.subject import Subject

Floats = NDArray[np.float32]


def saliency(subject: Subject, x: ArrayLike, targets: ArrayLike) -> Floats:
    """How strongly the score answers to each value: the magnitude of its gradient, (N, *).

    Source: Simonyan, Vedaldi & Zisserman 2014, Deep Inside Convolutional Networks, section 3; for one map of an image
    they take the largest of the channels, ``saliency(...).max(axis=-1)``.

    Args:
        subject: the network.
        x: prepared samples, (N, *).
        targets: the output whose score is looked at: one for all samples, or one each, (N,).

    Raises:
        DataError: samples of another shape, or none.
        OptionError: a target that the network does not have.
    """
    x, targets = _checked(subject, x, targets)
    parts = (slice(start, start + BATCH) for start in range(0, len(x), BATCH))
    found: Floats = np.concatenate([gradients(subject, x[part], targets[part]).input for part in parts])
    np.abs(found, out=found)
    return found


def smooth_grad(
    subject: Subject, x: ArrayLike, targets: ArrayLike, *, noise: float = 0.15, count: int = 50, seed: int = 0
) -> Floats:
    """The mean gradient over noisy copies of each sample, with its sign, (N, *).

    Source: Smilkov et al. 2017, SmoothGrad, section 2: where the gradient itself fluctuates from pixel to pixel, its
    mean is smooth.

    Args:
        subject: the network.
        x: prepared samples, (N, *).
        targets: as for :func:`saliency`.
        noise: standard deviation of the noise as a share of the sample's largest value less its smallest; they
            recommend 0.1 to 0.2.
        count: copies; beyond 50 they saw little gain.
        seed: of the noise. All samples have the same, to scale, so a sample's result does not depend on the others.

    Raises:
        DataError, OptionError: as for :func:`saliency`; a noise below 0; no copies.
    """
    x, targets = _checked(subject, x, targets)
    need_count("count", count)
    if not (np.isfinite(noise) and noise >= 0):
        raise OptionError("impossible noise", where="noise", got=noise, expected="0 or more, as a share of the range")
    shifts = np.random.default_rng(seed).standard_normal((count, *x.shape[1:]), np.float32)
    return _stacked(
        _mean_gradient(subject, sample + np.float32(noise) * np.ptp(sample) * shifts, target)
        for sample, target in zip(x, targets, strict=True)
    )


def integrated_gradients(
    subject: Subject, x: ArrayLike, targets: ArrayLike, *, baseline: ArrayLike = 0.0, steps: int = 50
) -> Floats:
    """Each value's share in the score's difference from that of a baseline, (N, *).

    It is ``(x - baseline)`` times the mean gradient on the straight line between them. The shares of a sample sum to
    the difference, but for the error of the sum over ``steps`` (completeness, proposition 1).
    Source: Sundararajan, Taly & Yan 2017, Axiomatic Attribution for Deep Networks, equations 1 and 3; the points are
    the middles of the steps rather than their ends, which makes the error smaller.

    Args:
        subject: the network.
        x: prepared samples, (N, *).
        targets: as for :func:`saliency`.
        baseline: prepared, of any shape that fits the samples; 0, the mean of the training samples, unless given.
            A black image is ``subject.prepare(zeros)``.
        steps: points on the line.

    Raises:
        DataError, OptionError: as for :func:`saliency`; a baseline that does not fit; no steps.
    """
    x, targets = _checked(subject, x, targets)
    need_count("steps", steps)
    starts = fitted_baseline(baseline, x)
    shares = ((np.arange(steps, dtype=np.float32) + np.float32(0.5)) / steps).reshape(-1, *[1] * (x.ndim - 1))
    return _stacked(
        (sample - start) * _mean_gradient(subject, start + shares * (sample - start), target)
        for sample, start, target in zip(x, starts, targets, strict=True)
    )


def fitted_baseline(baseline: ArrayLike, x: Floats) -> Floats:
    """``baseline`` as a sample for each of ``x``.

    Raises:
        OptionError: it does not fit, or holds no finite numbers.
    """
    found = np.asarray(baseline)
    try:
        fitted = np.broadcast_to(found.astype(np.float32), x.shape)
    except ValueError as error:
        raise OptionError(
            "the baseline does not fit the samples",
            where="baseline",
            got=f"{found.dtype} {found.shape}",
            expected=f"a number, or an array that fits {x.shape}",
        ) from error
    if not np.isfinite(fitted).all():
        raise OptionError("the baseline holds NaN or infinity", where="baseline", expected="finite numbers")
    return fitted


def _checked(subject: Subject, x: ArrayLike, targets: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    x = check_samples(x, subject.network.input_shape, np.dtype(np.float32))
    return x, need_targets(subject.network, targets, len(x))


def _mean_gradient(subject: Subject, copies: Array, target: int) -> Floats:
    """The mean over many copies of one sample; a batch at a time."""
    total = np.zeros(copies.shape[1:], np.float64)
    for start in range(0, len(copies), BATCH):
        total += gradients(subject, copies[start : start + BATCH], target).input.sum(axis=0, dtype=np.float64)
    mean: Floats = (total / len(copies)).astype(np.float32)
    return mean


def _stacked(samples: Iterable[Array]) -> Floats:
    return np.stack(list(samples)).astype(np.float32, copy=False)
