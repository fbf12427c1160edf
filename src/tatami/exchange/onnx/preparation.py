"""What is done to raw samples, as operators: resize, scale, standardise; and the outputs of a regression, in its units.

Pictures come as uint8 of any size. Resize, with antialiasing, has the filter that Pillow's BILINEAR has, on the bytes.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from tatami.data import Preprocess
from tatami.exchange.onnx.sheet import Sheet
from tatami.exchange.parcel import Targets

# Sizes of an input behind the batch, channels first: a number, or a name where any will do.
Sizes: TypeAlias = tuple[int | str, ...]


def raw_sizes(preprocess: Preprocess, resizes: bool) -> Sizes:
    """Sizes of one raw sample, channels first."""
    *spatial, channels = preprocess.shape
    if resizes:
        return (channels, "height", "width")
    return (channels, "length") if preprocess.pads else (channels, *spatial)


def prepare(sheet: Sheet, value: str, preprocess: Preprocess, resizes: bool) -> str:
    """From raw samples, channels first, to those that the network sees.

    Args:
        sheet: on which it is written.
        value: the samples, uint8 or float32 as those of training.
        preprocess: the steps.
        resizes: whether pictures may have any size.
    """
    *spatial, channels = preprocess.shape
    broad = (channels, *(1,) * len(spatial))

    def factor(name: str, numbers: tuple[float, ...] | float) -> str:
        array = np.asarray(numbers, np.float32)
        return sheet.constant(f"prepare.{name}", array.reshape(broad) if array.ndim else array)

    def whole(name: str, *numbers: int) -> str:
        return sheet.constant(f"prepare.{name}", np.asarray(numbers, np.int64))

    if resizes:
        batch = sheet.node("Shape", "prepare/batch", (value,), start=0, end=1)
        sizes = sheet.node("Concat", "prepare/sizes", (batch, whole("size", channels, *spatial)), axis=0)
        value = sheet.node(
            "Resize", "prepare/resize", (value, "", "", sizes), mode="linear", antialias=1, exclude_outside=1
        )
    elif preprocess.pads:
        # As many zeros behind as the network is long, then no more than it is long.
        padding = whole("padding", 0, 0, 0, 0, 0, spatial[0])
        value = sheet.node("Pad", "prepare/pad", (value, padding))
        bounds = (whole("start", 0), whole("stop", spatial[0]), whole("axis", 2))
        value = sheet.node("Slice", "prepare/crop", (value, *bounds))
    if preprocess.scale != 1.0:
        value = sheet.node("Cast", "prepare/float", (value,), to=1)  # TensorProto.FLOAT
        value = sheet.node("Mul", "prepare/scale", (value, factor("scale", preprocess.scale)))
    value = sheet.node("Sub", "prepare/centre", (value, factor("mean", preprocess.mean)))
    return sheet.node("Div", "prepare/standardise", (value, factor("std", preprocess.std)))


def in_units(sheet: Sheet, value: str, targets: Targets) -> str:
    """From standardised outputs (N, T) to the units of the targets."""
    std, mean = (np.asarray(numbers, np.float32) for numbers in (targets.std, targets.mean))
    value = sheet.node("Mul", "targets/scale", (value, sheet.constant("targets.std", std)))
    return sheet.node("Add", "targets/shift", (value, sheet.constant("targets.mean", mean)))
