"""Augmentation: training samples changed at random in ways that keep their label. One transform, or family, a file."""

from tatami.data.augment.affine import Affine
from tatami.data.augment.augment import Augment
from tatami.data.augment.colour import Colour
from tatami.data.augment.crop import Crop
from tatami.data.augment.cutout import Cutout
from tatami.data.augment.flip import Flip
from tatami.data.augment.jitter import Jitter
from tatami.data.augment.mixup import Mix
from tatami.data.augment.presets import PRESETS, make_augment
from tatami.data.augment.resized_crop import ResizedCrop
from tatami.data.augment.scaling import MagnitudeWarp, Scaling
from tatami.data.augment.shift import Shift
from tatami.data.augment.timing import TimeShift, TimeWarp, WindowSlice
from tatami.data.augment.transform import Transform

__all__ = [
    "PRESETS",
    "Affine",
    "Augment",
    "Colour",
    "Crop",
    "Cutout",
    "Flip",
    "Jitter",
    "MagnitudeWarp",
    "Mix",
    "ResizedCrop",
    "Scaling",
    "Shift",
    "TimeShift",
    "TimeWarp",
    "Transform",
    "WindowSlice",
    "make_augment",
]
