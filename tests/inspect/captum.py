"""Captum's network of one convolution, BasicModel_ConvNet_One_Conv, with the image that its tests use."""

import numpy as np

TEXT = "INPUT(4x4x1) -> CONV(2, 3, P=valid) -> RELU -> FC(4) -> RELU"

# FC weighs the first five values by 1, the last three by -1, when they are read map by map: (C, H, W).
_BY_MAP = np.array([1, 1, 1, 1, 1, -1, -1, -1]).reshape(2, 2, 2)

TENSORS = {
    "conv1_weight": np.ones((3, 3, 1, 2)),
    "conv1_bias": [-50, -75],
    "fc1_weight": np.repeat(np.moveaxis(_BY_MAP, 0, -1).reshape(8, 1), 4, axis=1),
    "fc1_bias": np.zeros(4),
}

IMAGE = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
