"""Augmentation by name, fit to the kind of data."""

from __future__ import annotations

from collections.abc import Callable

from tatami.data.augment.affine import Affine
from tatami.data.augment.augment import Augment
from tatami.data.augment.colour import Colour
from tatami.data.augment.crop import Crop
from tatami.data.augment.cutout import Cutout
from tatami.data.augment.flip import Flip
from tatami.data.augment.jitter import Jitter
from tatami.data.augment.resized_crop import ResizedCrop
from tatami.data.augment.scaling import MagnitudeWarp, Scaling
from tatami.data.augment.shift import Shift
from tatami.data.augment.timing import TimeShift, TimeWarp, WindowSlice
from tatami.data.augment.transform import Transform
from tatami.data.dataset import Kind
from tatami.errors import OptionError, nearest

PRESETS = ("none", "light", "strong", "auto")

# From this size on a photo has detail to spare, and objects come in more sizes.
_LARGE = 64

_Transforms = tuple[Transform, ...]


def make_augment(name: str, kind: Kind, sample_shape: tuple[int, ...], samples: int) -> Augment:
    """The preset called ``name``, letter case aside, for data of this kind.

    Grey images are taken for digits, text or drawings and never flipped; images of more channels are taken for photos.
    Signals are never flipped or reversed.

    Args:
        name: ``none``, ``light``, ``strong``, or ``auto``, which chooses for itself.
        kind: of the samples.
        sample_shape: (H, W, C) or (L, C).
        samples: how many the training split has.

    Raises:
        OptionError: unknown name; suggests the nearest.
    """
    chosen = name.casefold()
    if chosen not in PRESETS:
        close = nearest(name, PRESETS)
        raise OptionError(
            "unknown augmentation",
            got=name,
            expected=", ".join(PRESETS),
            hint=f"did you mean {close}?" if close else None,
        )
    if chosen == "auto":
        chosen = _choose(kind, samples)
    if chosen == "none":
        return Augment(kind)
    family: Callable[[tuple[int, ...], bool], _Transforms]
    family = _signals if kind == "signal" else _grey_images if sample_shape[-1] == 1 else _photos
    strong = chosen == "strong"
    return Augment(kind, family(sample_shape, strong), mixup=0.2 if strong else 0.0)


def _choose(kind: Kind, samples: int) -> str:
    return "light"


def _grey_images(shape: tuple[int, ...], strong: bool) -> _Transforms:
    side = min(shape[:2])
    shift = Shift(max(1, round(side / 14)))
    if not strong:
        return shift, Affine(rotate=10, scale=(0.9, 1.1), shear=5)
    affine = Affine(rotate=15, scale=(0.85, 1.15), shear=10)
    return shift, affine, Colour(brightness=0.1, contrast=0.2), Cutout(max(1, side // 4))


def _photos(shape: tuple[int, ...], strong: bool) -> _Transforms:
    side = min(shape[:2])
    crop = Crop(max(1, round(side / 8)))
    if not strong:
        return crop, Flip()
    cut: Transform = ResizedCrop() if side >= _LARGE else crop
    return cut, Flip(), Colour(0.2, 0.2, 0.2), Cutout(max(1, side // 4))


def _signals(shape: tuple[int, ...], strong: bool) -> _Transforms:
    steps = shape[0]
    if not strong:
        return TimeShift(max(1, round(steps / 50))), TimeWarp(0.1), Scaling(0.05), Jitter(0.02)
    return (
        WindowSlice(0.9),
        TimeShift(max(1, round(steps / 20))),
        TimeWarp(0.3),
        MagnitudeWarp(0.2),
        Scaling(0.1),
        Jitter(0.05),
    )
