"""The methods that tell which part of a sample a score depends on: their names, what they show, who published them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Method:
    """What is said of a method.

    Attributes:
        title: its name.
        about: what its values are.
        source: the paper.
        channels: how the values of the channels become one: the largest magnitude, or the sum.
        over: whether it is drawn over the sample rather than beside it: what it marks are regions, not single values.
    """

    title: str
    about: str
    source: str
    channels: Literal["largest", "sum"] = "sum"
    over: bool = False

    def flat(self, values: NDArray[np.floating[Any]], axes: int) -> NDArray[np.float64]:
        """One value a position, from values with or without channels.

        Args:
            values: (H, W[, C]) or (L[, C]).
            axes: how many spatial axes the sample has.
        """
        finite = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
        if finite.ndim > axes:
            finite = np.abs(finite).max(axis=-1) if self.channels == "largest" else finite.sum(axis=-1)
        return np.abs(finite) if self.channels == "largest" else finite


METHODS = {
    "saliency": Method(
        "Saliency",
        "how much the score changes with each value: the magnitude of its gradient",
        "Simonyan, Vedaldi and Zisserman 2014",
        "largest",
    ),
    "smooth_grad": Method(
        "SmoothGrad",
        "saliency with less noise: of the mean gradient over noisy copies",
        "Smilkov, Thorat, Kim, Viégas and Wattenberg 2017",
        "largest",
    ),
    "integrated_gradients": Method(
        "Integrated gradients",
        "each value's share in what the score has above that of the mean sample; below 0 where it speaks against it",
        "Sundararajan, Taly and Yan 2017",
    ),
    "grad_cam": Method("Grad-CAM", "where the maps of a layer speak for it", "Selvaraju et al. 2017", over=True),
    "occlusion": Method(
        "Occlusion", "how far the score falls when a window there is covered", "Zeiler and Fergus 2014", over=True
    ),
}
"""By key, in the order in which they are shown."""
