"""One unit of a layer, opened: its map, what it sees, its filter; and what a score depends on.

Letters: H and W positions, F window sizes, C channels, K outputs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.data.dataset import Array
from tatami.errors import DataError, OptionError
from tatami.inspect.checks import need_layer, need_unit
from tatami.inspect.explain import attributions
from tatami.inspect.field import field_of
from tatami.inspect.filters import filters
from tatami.inspect.grad_cam import grad_cam, last_map
from tatami.inspect.passes import output_of, scores
from tatami.inspect.subject import Subject
from tatami.network import Network
from tatami.network.layers import Conv, Dense
from tatami.views.inspect_methods import METHODS
from tatami.web.arrays import packed
from tatami.web.look_input import read_raw


@dataclass(frozen=True)
class Sent:
    """A raw sample in JSON: as :func:`tatami.web.arrays.packed` gives it, and whether it is to be centred."""

    shape: tuple[int, ...]
    dtype: str
    data: str
    centred: bool = False

    def raw(self) -> Array:
        """The sample.

        Raises:
            DataError, OptionError: none of this shape: see :func:`tatami.web.look_input.read_raw`.
        """
        try:
            content = base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise DataError("a sample that is no base64", got=repr(self.data[:40])) from error
        return read_raw(content, "x".join(map(str, self.shape)), self.dtype)


def unit_json(
    subject: Subject, x: NDArray[np.float32], layer: str, unit: int, position: Sequence[int] | None
) -> dict[str, Any]:
    """What there is to see of a unit that answers to a sample.

    Args:
        subject: the network.
        x: the prepared sample, (1, *input).
        layer: its name.
        unit: its number.
        position: in its map; the strongest unless given.

    Raises:
        OptionError: no such layer, unit or position.
    """
    node = need_layer(subject.network, layer)
    need_unit(node, unit)
    answer = output_of(subject, x, layer)[0, ..., unit]  # (H, W), (L,) or ()
    if position is None:
        position = [int(place) for place in np.unravel_index(int(answer.argmax()), answer.shape)]
    field = field_of(subject.network, layer, position)
    return {
        "layer": layer,
        "unit": unit,
        "input": packed(x[0]),
        "map": packed(answer),
        "position": position,
        "value": float(answer[tuple(position)]),
        "field": field,
        "reach": field_of(subject.network, layer, position, clip=False),
        "filter": filter_json(subject, layer, unit),
    }


def filter_json(subject: Subject, layer: str, unit: int) -> dict[str, Any] | None:
    """The filter whose answer a unit is or passes on, (*F, C); None where it is no single one's."""
    owner = filter_owner(subject.network, layer)
    if owner is None:
        return None
    found = filters(subject, owner)
    return {"layer": owner, "first": found.first, "values": packed(found.values[..., unit])}


def filter_owner(network: Network, layer: str) -> str | None:
    """The CONV or FC behind a layer, with nothing between that mixes units or adds any; None where there is none."""
    node = network[layer]
    while not isinstance(node.layer, (Conv, Dense)):
        if len(node.inputs) != 1 or network[node.inputs[0]].shape[-1] != node.shape[-1]:
            return None
        node = network[node.inputs[0]]
    return node.name


# --- what a score depends on ---


def explain_json(
    subject: Subject, x: NDArray[np.float32], method: str, target: int | None, layer: str | None
) -> dict[str, Any]:
    """What the score of a class depends on in a sample.

    Args:
        subject: the network.
        x: the prepared sample, (1, *input).
        method: of :data:`tatami.views.inspect_methods.METHODS`.
        target: the output; the highest unless given.
        layer: for Grad-CAM; the last with maps unless given.

    Raises:
        OptionError: no such method, target or layer, or one without positions.
    """
    if method not in METHODS:
        raise OptionError("no such method", got=method[:40], expected=", ".join(METHODS))
    found = scores(subject, x)[0]
    chosen = int(found.argmax()) if target is None else target
    layer = last_map(subject) if layer is None else layer
    if method == "grad_cam":
        values = grad_cam(subject, x, chosen, layer)[0]
    else:
        ((found_by,),) = attributions(subject, x, np.array([chosen]), (method,))
        values = found_by.values
    return {
        "map": packed(METHODS[method].flat(values, x.ndim - 2)),
        "method": method,
        "target": chosen,
        "score": float(found[chosen]),
        "layer": layer if method == "grad_cam" else None,
    }
