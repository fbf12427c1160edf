"""A file of published weights -> a network's weights: names by the table, axes turned, all shapes compared."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from tatami.data import Preprocess
from tatami.engines.base import Array
from tatami.errors import OptionError, RunError, nearest
from tatami.exchange.channels_first import channels_last
from tatami.exchange.published.names import FAMILIES, published_names
from tatami.formats import load_weights
from tatami.network import Network, Node
from tatami.network.layers import Scale, size_text

_SHOWN = 6
# What files hold besides: a counter of PyTorch's norms, and classifiers that serve training alone.
_NOT_OURS = re.compile(r"(.*\.num_batches_tracked|aux1\..*|aux2\..*|AuxLogits\..*)")
# Names of DenseNet's first published files: a module of today has no dot within its name.
_DOTTED = re.compile(r"(\.denselayer\d+\.(?:norm|conv))\.(\d\.)")


def read_published(
    path: str | os.PathLike[str], name: str, network: Network, *, but_head: bool = False
) -> dict[str, Array]:
    """The weights of a network of the zoo from a file in safetensors with torchvision's names.

    Args:
        path: the file.
        name: of the network in the zoo.
        network: built from it; of another number of classes with ``but_head``.
        but_head: whether the last layer's tensors are left out of what is returned.

    Returns:
        Tensors by the names of ``network.parameters()``, in tatami's order of axes, float32.

    Raises:
        OptionError: torchvision does not have this network.
        RunError: the file cannot be read, or its names or shapes are not those of the network: all are told.
    """
    _names_of(name)  # before a large file is read
    tensors, _ = load_weights(path)
    return from_published(tensors, name, network, where=str(path), but_head=but_head)


def from_published(
    tensors: Mapping[str, NDArray[Any]], name: str, network: Network, *, where: str, but_head: bool = False
) -> dict[str, Array]:
    """As :func:`read_published`, from tensors by name."""
    names = _names_of(name)
    given = {_DOTTED.sub(r"\1\2", key): tensor for key, tensor in tensors.items() if not _NOT_OURS.fullmatch(key)}
    nodes = [node for node in network if node.layer.parameters(*network.input_shapes(node))]
    if len(nodes) != len(names):
        raise OptionError(
            "this is another network than the one of the zoo",
            got=f"{len(nodes)} layers with weights",
            expected=f"the {len(names)} of {name}",
        )
    found: dict[str, Array] = {}
    missing: list[str] = []
    unlike: list[str] = []
    for node, stem in zip(nodes, names, strict=True):
        if but_head and node is nodes[-1]:
            for part in node.layer.parameters(*network.input_shapes(node)):
                given.pop(_called(node, stem, part), None)
            continue
        shapes = network.input_shapes(node)
        for part, parameter in node.layer.parameters(*shapes).items():
            theirs = _called(node, stem, part)
            if theirs not in given:
                missing.append(theirs)
                continue
            tensor = given.pop(theirs)
            try:
                array = channels_last(node.layer, part, tensor, shapes[0])
            except ValueError:
                array = tensor
            if array.shape != parameter.shape:
                ours = f"{node.name}.{part} {size_text(parameter.shape)}"
                unlike.append(f"{theirs} {size_text(tensor.shape)} is not {ours}")
            found[f"{node.name}.{part}"] = array
    _need_all(missing, unlike, sorted(given), name, where)
    return found


def _names_of(name: str) -> tuple[str, ...]:
    names = published_names(name)
    if names is None:
        close = nearest(name, FAMILIES)
        raise OptionError(
            "no published weights are known for this network",
            got=name,
            expected="one of " + ", ".join(FAMILIES),
            hint=f"did you mean {close}?" if close else None,
        )
    return names


def _called(node: Node, stem: str, part: str) -> str:
    """A tensor's published name."""
    return stem if isinstance(node.layer, Scale) else f"{stem}.{part}"


def _need_all(missing: list[str], unlike: list[str], unknown: list[str], name: str, where: str) -> None:
    """Tell all that does not fit in one error."""
    told = [
        f"{label} {_listed(items)}"
        for label, items in (("missing:", missing), ("unknown:", unknown), ("of another shape:", unlike))
        if items
    ]
    if told:
        raise RunError(
            f"not the weights of {name}",
            where=where,
            got="; ".join(told),
            expected="torchvision's names and shapes",
        )


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


def published_preprocess(name: str, network: Network) -> Preprocess:
    """What torchvision does to pictures: ImageNet's mean and standard deviation.

    GoogLeNet and Inception v3 are of before: their weights are for values from -1 to 1.
    """
    is_old = name in ("googlenet_bn", "inception_v3")
    mean, std = ((0.5, 0.5, 0.5),) * 2 if is_old else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return Preprocess("image", network.input_shape, 1 / 255, mean, std)
