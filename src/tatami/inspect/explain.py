"""What a sample's score depends on, by one method after another.

Letters: N samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tatami.inspect.grad_cam import grad_cam, last_map
from tatami.inspect.occlusion import occlusion
from tatami.inspect.saliency import integrated_gradients, saliency, smooth_grad
from tatami.inspect.subject import Subject
from tatami.network.layers import Input
from tatami.views.inspect_methods import METHODS
from tatami.views.inspection import Attribution, Values

PARTS = 7
"""The window of the occlusion is this part of each axis; it moves by half of itself."""


def attributions(
    subject: Subject, x: NDArray[np.float32], targets: NDArray[np.int64], methods: Sequence[str] = tuple(METHODS)
) -> list[tuple[Attribution, ...]]:
    """For each sample what its target's score depends on; without Grad-CAM where no layer has maps.

    Args:
        subject: the network.
        x: prepared samples, (N, *input).
        targets: the output explained, (N,).
        methods: keys of :data:`tatami.views.inspect_methods.METHODS`.
    """
    window = [math.ceil(length / PARTS) for length in x.shape[1:-1]]
    stride = [math.ceil(size / 2) for size in window]
    layer = last_map(subject)
    ways: dict[str, Callable[[], Values]] = {
        "saliency": lambda: saliency(subject, x, targets),
        "smooth_grad": lambda: smooth_grad(subject, x, targets),
        "integrated_gradients": lambda: integrated_gradients(subject, x, targets),
        "grad_cam": lambda: grad_cam(subject, x, targets, layer),
        "occlusion": lambda: occlusion(subject, x, targets, window, stride),
    }
    if isinstance(subject.network[layer].layer, Input):
        del ways["grad_cam"]
    wanted = [method for method in ways if method in methods]
    found = [(method, ways[method](), layer if method == "grad_cam" else "") for method in wanted]
    return [tuple(Attribution(method, values[i], of) for method, values, of in found) for i in range(len(x))]
