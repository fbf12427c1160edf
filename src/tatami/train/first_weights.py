"""Weights that a training begins with instead of random ones: fine-tuning."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from tatami.engines.base import Array
from tatami.engines.checks import check_tensors
from tatami.errors import RunError
from tatami.exchange.onnx.library import need_onnx
from tatami.exchange.published import from_published, published_names
from tatami.exchange.source import is_model
from tatami.formats import load_weights
from tatami.network import Network
from tatami.network.layers import Dense, size_text


@dataclass(frozen=True)
class FirstWeights:
    """What is known of a network's weights before it is trained.

    Attributes:
        tensors: by name; those that are missing begin at random.
        note: how that went, in words.
    """

    tensors: Mapping[str, Array] = field(repr=False)
    note: str


def read_first_weights(path: str, network: Network, name: str) -> FirstWeights:
    """The weights of a file that fit ``network``: all but those of a last FC of another number of classes.

    Args:
        path: a model of ONNX, weights of tatami's, or published weights with torchvision's names.
        network: to be trained.
        name: how its source is called: published weights go by the names of the zoo.

    Raises:
        RunError: the file cannot be read, or holds the weights of another network; names the first that does not fit.
        NetworkError, OptionError: a model of ONNX that cannot be read.
    """
    found = _read(path, network, name)
    expected = {key: parameter.shape for key, parameter in network.parameters().items()}
    head = {key for key in expected if key.rpartition(".")[0] == _head(network)}
    anew = [key for key in head if key not in found or found[key].shape != expected[key]]
    note = f"first weights from {path}"
    if anew:
        kept = {key: array for key, array in found.items() if key not in head}
        note += f"; {_head(network)} begins anew, for {size_text(network.output_shape)} outputs"
    else:
        kept = dict(found)
    try:
        check_tensors(kept, {key: shape for key, shape in expected.items() if not anew or key not in head}, "weights")
    except RunError as error:
        error.where = f"{path}, {error.where}"
        raise
    return FirstWeights(kept, note)


def _read(path: str, network: Network, name: str) -> Mapping[str, Array]:
    if is_model(path):
        need_onnx()
        from tatami.exchange.onnx.reading import import_onnx

        found = import_onnx(path)
        if not found.state:
            raise RunError("this model holds no weights", where=path)
        return found.state
    if os.path.isdir(path):
        raise RunError("not a file of weights", where=path, hint=f"{os.path.join(path, 'best.safetensors')} of a run")
    tensors, metadata = load_weights(path)
    # Some published names, as ResNet's conv1, are those of other layers here.
    is_ours = "tatami" in metadata or network.parameters().keys() <= tensors.keys()
    if is_ours or published_names(name) is None:
        return tensors
    try:
        return from_published(tensors, name, network, where=path)
    except RunError:  # perhaps for other classes
        return from_published(tensors, name, network, where=path, but_head=True)


def _head(network: Network) -> str:
    """The name of the last FC, or "" where it is not at the end."""
    last = next((node for node in reversed(network.nodes) if node.layer.parameters(*network.input_shapes(node))), None)
    return last.name if last is not None and isinstance(last.layer, Dense) else ""
