"""What torchvision calls the layers with weights of the zoo's networks, in tatami's order of layers.

Source: the modules of torchvision.models, whose names are those in the files of its weights. Of a layer that has no
module of its own, as ConvNeXt's scale, it is the tensor's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

Names: TypeAlias = Iterator[str]


def published_names(network: str) -> tuple[str, ...] | None:
    """The layers' names for a network of the zoo; None where torchvision does not have it."""
    family = FAMILIES.get(network)
    return None if family is None else tuple(family())


def _unit(stem: str) -> Names:
    """A convolution and its norm in a Sequential."""
    yield from (f"{stem}.0", f"{stem}.1")


def _pair(stem: str) -> Names:
    """A convolution and its norm in a module of their own."""
    yield from (f"{stem}.conv", f"{stem}.bn")


def _alexnet() -> Names:
    yield from (f"features.{i}" for i in (0, 3, 6, 8, 10))
    yield from (f"classifier.{i}" for i in (1, 4, 6))


def _vgg(*stages: int, norm: bool = False) -> Names:
    place = 0
    for convolutions in stages:
        for _ in range(convolutions):
            yield f"features.{place}"
            if norm:
                yield f"features.{place + 1}"
            place += 2 + norm
        place += 1  # the pooling
    yield from (f"classifier.{i}" for i in (0, 3, 6))


def _resnet(*stages: int, convolutions: int = 3) -> Names:
    yield from ("conv1", "bn1")
    for stage, blocks in enumerate(stages, 1):
        for block in range(blocks):
            stem = f"layer{stage}.{block}"
            for i in range(1, convolutions + 1):
                yield from (f"{stem}.conv{i}", f"{stem}.bn{i}")
            if block == 0 and (stage > 1 or convolutions == 3):
                yield from _unit(f"{stem}.downsample")
    yield "fc"


def _densenet(*stages: int) -> Names:
    yield from ("features.conv0", "features.norm0")
    for stage, layers in enumerate(stages, 1):
        for layer in range(1, layers + 1):
            stem = f"features.denseblock{stage}.denselayer{layer}"
            yield from (f"{stem}.{name}" for name in ("norm1", "conv1", "norm2", "conv2"))
        if stage < len(stages):
            yield from (f"features.transition{stage}.norm", f"features.transition{stage}.conv")
    yield from ("features.norm5", "classifier")


def _squeezenet(*fires: int) -> Names:
    yield "features.0"
    for fire in fires:
        yield from (f"features.{fire}.{name}" for name in ("squeeze", "expand1x1", "expand3x3"))
    yield "classifier.1"


def _googlenet() -> Names:
    for name in ("conv1", "conv2", "conv3"):
        yield from _pair(name)
    for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        for branch in ("branch1", "branch2.0", "branch2.1", "branch3.0", "branch3.1", "branch4.1"):
            yield from _pair(f"inception{block}.{branch}")
    yield "fc"


def _inception() -> Names:
    def block(name: str, *branches: str) -> Names:
        for branch in branches:
            yield from _pair(f"Mixed_{name}.branch{branch}")

    for name in ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3"):
        yield from _pair(f"Conv2d_{name}")
    for name in ("5b", "5c", "5d"):
        yield from block(name, "1x1", "5x5_1", "5x5_2", "3x3dbl_1", "3x3dbl_2", "3x3dbl_3", "_pool")
    yield from block("6a", "3x3", "3x3dbl_1", "3x3dbl_2", "3x3dbl_3")
    for name in ("6b", "6c", "6d", "6e"):
        sevens = (*(f"7x7_{i}" for i in (1, 2, 3)), *(f"7x7dbl_{i}" for i in (1, 2, 3, 4, 5)))
        yield from block(name, "1x1", *sevens, "_pool")
    yield from block("7a", "3x3_1", "3x3_2", *(f"7x7x3_{i}" for i in (1, 2, 3, 4)))
    for name in ("7b", "7c"):
        threes = ("3x3_1", "3x3_2a", "3x3_2b", "3x3dbl_1", "3x3dbl_2", "3x3dbl_3a", "3x3dbl_3b")
        yield from block(name, "1x1", *threes, "_pool")
    yield "fc"


def _mobilenet_v2() -> Names:
    yield from _unit("features.0")
    yield from (*_unit("features.1.conv.0"), "features.1.conv.1", "features.1.conv.2")
    for block in range(2, 18):
        stem = f"features.{block}.conv"
        yield from (*_unit(f"{stem}.0"), *_unit(f"{stem}.1"), f"{stem}.2", f"{stem}.3")
    yield from (*_unit("features.18"), "classifier.1")


def _mobilenet_v3(blocks: int, *, plain: tuple[int, ...], excited: tuple[int, ...]) -> Names:
    """Blocks from 1; ``plain`` are those without expansion, ``excited`` those with squeeze-and-excitation."""
    yield from _unit("features.0")
    for block in range(1, blocks + 1):
        stem, place = f"features.{block}.block", 0
        for part in ("expand", "depthwise", "excite", "project"):
            if (part == "expand" and block in plain) or (part == "excite" and block not in excited):
                continue
            if part == "excite":
                yield from (f"{stem}.{place}.fc1", f"{stem}.{place}.fc2")
            else:
                yield from _unit(f"{stem}.{place}")
            place += 1
    yield from (*_unit(f"features.{blocks + 1}"), "classifier.0", "classifier.3")


def _shufflenet_v2(*stages: int) -> Names:
    yield from _unit("conv1")
    for stage, units in enumerate(stages, 2):
        for unit in range(units):
            stem = f"stage{stage}.{unit}"
            if unit == 0:
                yield from (f"{stem}.branch1.{i}" for i in (0, 1, 2, 3))
            yield from (f"{stem}.branch2.{i}" for i in (0, 1, 3, 4, 5, 6))
    yield from (*_unit("conv5"), "fc")


def _efficientnet(*stages: int) -> Names:
    yield from _unit("features.0")
    for stage, blocks in enumerate(stages, 1):
        for block in range(blocks):
            stem, place = f"features.{stage}.{block}.block", 0
            if stage > 1:  # the first stage does not expand
                yield from _unit(f"{stem}.0")
                place = 1
            yield from _unit(f"{stem}.{place}")
            yield from (f"{stem}.{place + 1}.fc1", f"{stem}.{place + 1}.fc2")
            yield from _unit(f"{stem}.{place + 2}")
    yield from (*_unit(f"features.{len(stages) + 1}"), "classifier.1")


def _convnext(*stages: int) -> Names:
    yield from _unit("features.0")
    for stage, blocks in enumerate(stages):
        if stage:
            yield from _unit(f"features.{2 * stage}")
        for block in range(blocks):
            stem = f"features.{2 * stage + 1}.{block}"
            yield from (f"{stem}.block.{i}" for i in (0, 2, 3, 5))
            yield f"{stem}.layer_scale"
    yield from ("classifier.0", "classifier.2")


FAMILIES: dict[str, Callable[[], Names]] = {
    "alexnet": _alexnet,
    "vgg11": partial(_vgg, 1, 1, 2, 2, 2),
    "vgg13": partial(_vgg, 2, 2, 2, 2, 2),
    "vgg16": partial(_vgg, 2, 2, 3, 3, 3),
    "vgg19": partial(_vgg, 2, 2, 4, 4, 4),
    "vgg11_bn": partial(_vgg, 1, 1, 2, 2, 2, norm=True),
    "vgg13_bn": partial(_vgg, 2, 2, 2, 2, 2, norm=True),
    "vgg16_bn": partial(_vgg, 2, 2, 3, 3, 3, norm=True),
    "vgg19_bn": partial(_vgg, 2, 2, 4, 4, 4, norm=True),
    "resnet18": partial(_resnet, 2, 2, 2, 2, convolutions=2),
    "resnet34": partial(_resnet, 3, 4, 6, 3, convolutions=2),
    "resnet50": partial(_resnet, 3, 4, 6, 3),
    "resnet101": partial(_resnet, 3, 4, 23, 3),
    "resnet152": partial(_resnet, 3, 8, 36, 3),
    "resnext50": partial(_resnet, 3, 4, 6, 3),
    "wide_resnet50": partial(_resnet, 3, 4, 6, 3),
    "densenet121": partial(_densenet, 6, 12, 24, 16),
    "densenet169": partial(_densenet, 6, 12, 32, 32),
    "densenet201": partial(_densenet, 6, 12, 48, 32),
    "squeezenet1_0": partial(_squeezenet, 3, 4, 5, 7, 8, 9, 10, 12),
    "squeezenet1_1": partial(_squeezenet, 3, 4, 6, 7, 9, 10, 11, 12),
    "googlenet_bn": _googlenet,
    "inception_v3": _inception,
    "mobilenet_v2": _mobilenet_v2,
    "mobilenet_v3_small": partial(_mobilenet_v3, 11, plain=(1,), excited=(1, 4, 5, 6, 7, 8, 9, 10, 11)),
    "mobilenet_v3_large": partial(_mobilenet_v3, 15, plain=(1,), excited=(4, 5, 6, 11, 12, 13, 14, 15)),
    "shufflenet_v2": partial(_shufflenet_v2, 4, 8, 4),
    "efficientnet_b0": partial(_efficientnet, 1, 2, 2, 3, 3, 4, 1),
    "convnext_t": partial(_convnext, 3, 3, 9, 3),
}
"""The networks of the zoo that torchvision has, each with the names of its layers."""
