"""Samples as points in a plane: those that look alike to the last hidden layer lie near one another.

In the shape comments: N samples, D features.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tatami.engines.checks import check_samples
from tatami.errors import DataError, OptionError, nearest
from tatami.inspect.passes import in_batches, output_of, scored_layers
from tatami.inspect.subject import Subject
from tatami.network import Node
from tatami.network.layers import Conv, Dense

Method: TypeAlias = Literal["pca", "tsne"]
Floats: TypeAlias = NDArray[np.float32]

_COMPONENTS = 30
_PERPLEXITY = 30.0


def embedding(subject: Subject, x: ArrayLike, method: Method = "pca") -> Floats:
    """The penultimate layer's answers to the samples, brought down to two numbers each, (N, 2).

    The same samples always give the same points.

    - ``pca``: the two directions of the largest variance (Pearson 1901), by scikit-learn; distances between far points
      mean something.
    - ``tsne``: t-SNE (van der Maaten & Hinton 2008), by scikit-learn, from the 30 first principal components, as
      they do in section 4.2; neighbours mean something, distances between groups do not.

    Args:
        subject: the network.
        x: prepared samples, (N, *input).
        method: ``pca`` or ``tsne``.

    Raises:
        OptionError: an unknown method.
        DataError: samples of another shape, too few (2 for PCA, 4 for t-SNE), or with answers that are not finite.
    """
    if method not in get_args(Method):
        known = ", ".join(get_args(Method))
        close = nearest(str(method), get_args(Method))
        hint = f"did you mean {close}?" if close else None
        raise OptionError("unknown method", where="method", got=method, expected=known, hint=hint)
    found = features(subject, x)
    fewest = {"pca": 2, "tsne": 4}[method]
    if len(found) < fewest:
        raise DataError("too few samples to embed", where="x", got=len(found), expected=f"at least {fewest}")
    if not np.isfinite(found).all():
        raise DataError(
            "an answer is no finite number", where=_read_last(subject), hint="the samples or the weights hold NaN"
        )
    # One thread, so that sums are always taken in one order.
    with threadpool_limits(1):
        return _components(found, 2) if method == "pca" else _neighbours(found)


def features(subject: Subject, x: ArrayLike) -> Floats:
    """What the last FC reads, flattened, (N, D): the network's description of a sample, of which it makes scores.

    Where the last layer with filters is a CONV, as in fully convolutional networks, it is the mean over the positions
    of what that reads; where no layer has filters, it is the scores.

    Raises:
        DataError: samples of another shape, or none.
    """
    x = check_samples(x, subject.network.input_shape, np.dtype(np.float32))
    layer, last = _read_last(subject), _last_with_filters(subject)
    answers = np.concatenate([output_of(subject, batch, layer) for batch in in_batches(x)])
    if last is not None and isinstance(last.layer, Conv):
        answers = answers.mean(axis=tuple(range(1, answers.ndim - 1)))
    return answers.reshape(len(answers), -1).astype(np.float32, copy=False)


def _last_with_filters(subject: Subject) -> Node | None:
    return next((node for node in reversed(subject.network.nodes) if isinstance(node.layer, (Conv, Dense))), None)


def _read_last(subject: Subject) -> str:
    """The layer that the last one with filters reads, or that with the scores."""
    last = _last_with_filters(subject)
    return scored_layers(subject)[-1].name if last is None else last.inputs[0]


def _components(found: Floats, count: int) -> Floats:
    """The first principal components, (N, count); zeros beyond those that there are."""
    from sklearn.decomposition import PCA  # slow to import

    points = np.zeros((len(found), count), np.float32)
    kept = min(count, *found.shape)
    with np.errstate(invalid="ignore", divide="ignore"):  # shares of the variance, where there is none
        points[:, :kept] = PCA(kept, random_state=0).fit_transform(found)
    return points


def _neighbours(found: Floats) -> Floats:
    from sklearn.manifold import TSNE  # slow to import

    start = _components(found, _COMPONENTS)
    spread = start[:, 0].std()
    if spread <= 1e-6 * np.abs(found).max():
        return start[:, :2]  # all samples are alike, up to rounding
    perplexity = min(_PERPLEXITY, (len(found) - 1) / 3)
    first = start[:, :2] / spread * np.float32(1e-4)  # small, as its section 3.4 has it
    points: Floats = TSNE(perplexity=perplexity, init=first, random_state=0).fit_transform(start)
    return points
