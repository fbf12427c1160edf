"""Convolution: one CONV or POOL layer opened up, its window over what really comes in, forward and backward."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from starlette.routing import Route

from tatami.data.health_samples import picture_address
from tatami.engines.base import Array
from tatami.engines.initial import initial_weights
from tatami.errors import OptionError
from tatami.network.layers import Conv, Shape, size_text
from tatami.train.worst import curves_of
from tatami.web.arrays import packed
from tatami.web.convolution_ground import Ground, Question, open_ground
from tatami.web.convolution_incoming import Incoming, incoming, score_gradient
from tatami.web.convolution_part import Part, Range, compute, ranges
from tatami.web.convolution_settings import Windowed, alone, changed, fields_of, line_of, sizes_told
from tatami.web.opened_run import listed
from tatami.web.routes import post
from tatami.web.session import Session

GRADIENTS = ("score", "ones", "cell")


@dataclass(frozen=True)
class Asked(Question):
    """What is to be opened, and how much of it shown.

    Attributes:
        layer: its name; empty for the network's first CONV or POOL.
        sample: number of the sample.
        settings: fields of the layer with other values than the network's, as the notation writes them.
        filter: whose output is shown.
        channel: whose input is shown.
        first: the first output position that is shown, one for each axis; () for the middle.
        gradient: what comes back from behind the layer: ``score``, the gradient of the sample's score; ``ones``, 1
            everywhere; or ``cell``, 1 at one position of one filter.
        cell: that position.
    """

    layer: str = ""
    sample: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    filter: int = 0
    channel: int = 0
    first: tuple[int, ...] = ()
    gradient: str = "score"
    cell: tuple[int, ...] = ()


def routes(session: Session) -> list[Route]:
    """The paths of this view."""
    return [
        post("/api/convolution/network", Question, lambda asked: network_answer(session, asked)),
        post("/api/convolution/layer", Asked, lambda asked: layer_answer(session, asked)),
    ]


def network_answer(session: Session, asked: Question) -> dict[str, Any]:
    """What can be opened: runs, data, and the layers of the network that is asked for.

    Raises:
        TatamiError: see :func:`tatami.web.convolution_ground.open_ground`.
    """
    ground = open_ground(session, asked)
    network = ground.network
    return {
        "text": asked.text,
        "data": ground.data,
        "datas": session.data_ids(),
        "runs": [run["id"] for run in listed(session)],
        "samples": len(ground.split),
        "note": ground.note,
        "layers": [
            {
                "name": node.name,
                "type": node.layer.keyword,
                "input": size_text(network[node.inputs[0]].shape),
                "output": size_text(node.shape),
            }
            for node in ground.layers()
        ],
    }


def layer_answer(session: Session, asked: Asked) -> dict[str, Any]:
    """One layer over one sample: its sizes, the part that is shown, and both passes over it.

    Raises:
        TatamiError: nothing that can be opened, or a size that does not fit: the message has the rule's numbers.
    """
    ground = open_ground(session, asked)
    names = [node.name for node in ground.layers()]
    found = incoming(ground, asked.layer or (names[0] if names else ground.network.nodes[0].name), asked.sample)
    own = found.node.layer
    assert isinstance(own, Windowed)
    layer, shape = changed(own, found.x.shape, asked.settings)
    weights, origin = _weights(ground, found, layer, shape, session.seed)
    # A greater depth repeats the channels that there are.
    x = found.x if shape == found.x.shape else found.x[..., np.arange(shape[-1]) % found.x.shape[-1]]
    window = layer.window(shape)
    shown = ranges(window, shape[-1], asked.first)
    filter, channel = _chosen(layer, shape, asked)
    is_own = layer == own and shape == found.x.shape
    dy, told = _gradient(ground, found, is_own, shown, asked, filter, layer.output_shape(shape)[-1])
    part = compute(layer, weights, x, dy, shown, filter, channel)
    return {
        "layer": found.node.name,
        "type": layer.keyword,
        "line": line_of(layer, shape),
        "fields": [vars(each) for each in fields_of(layer, shape)],
        "own": {each.name: each.text for each in fields_of(own, found.x.shape)},
        "input": list(shape),
        "output": list(layer.output_shape(shape)),
        "rule": sizes_told(window.axes),
        "axes": [_axis(each) for each in shown],
        "filter": filter,
        "channel": channel,
        "filters": layer.output_shape(shape)[-1],
        "groups": layer.groups if isinstance(layer, Conv) else shape[-1],
        "bias": isinstance(layer, Conv) and layer.bias,
        "kind": "conv" if isinstance(layer, Conv) else layer.kind,
        "gradient": told,
        "notes": [note for note in (ground.note, origin, _cropped(shown)) if note],
        "sample": _sample(found),
        "part": _part(part),
    }


def _weights(ground: Ground, found: Incoming, layer: Windowed, shape: Shape, seed: int) -> tuple[dict[str, Array], str]:
    """The layer's weights, or others where they no longer have its shape; and what to say of them."""
    needed = layer.parameters(shape)
    if not needed:
        return {}, ""
    if {name: each.shape for name, each in needed.items()} == {name: w.shape for name, w in found.weights.items()}:
        return found.weights, "" if ground.is_trained else f"weights: the first ones, seed {seed}, not trained"
    name = found.node.name
    drawn = initial_weights(alone(layer, shape, name), seed, np.dtype(np.float32))
    return {each: drawn[f"{name}.{each}"] for each in needed}, f"weights: drawn anew for the new shape, seed {seed}"


def _chosen(layer: Windowed, shape: Shape, asked: Asked) -> tuple[int, int]:
    """The filter and the channel that are asked for, brought to what there is, the channel to one the filter sees."""
    if not isinstance(layer, Conv):
        channel = min(max(asked.channel, 0), shape[-1] - 1)
        return channel, channel
    filter = min(max(asked.filter, 0), layer.filters - 1)
    depth = shape[-1] // layer.groups
    first = filter // (layer.filters // layer.groups) * depth
    return filter, min(max(asked.channel, first), first + depth - 1)


def _gradient(
    ground: Ground, found: Incoming, is_own: bool, shown: tuple[Range, ...], asked: Asked, filter: int, units: int
) -> tuple[Array, dict[str, str]]:
    """What comes back from behind the layer to what is shown of its ``units`` maps, (*out, units), and what it is."""
    if asked.gradient not in GRADIENTS:
        raise OptionError("no such gradient", got=asked.gradient[:40], expected=", ".join(GRADIENTS))
    output, why = (*(each.stop - each.first for each in shown), units), ""
    if asked.gradient == "score":
        if is_own:
            dy, why = score_gradient(ground, found.node.name, asked.sample)
            if dy is not None:
                return dy[tuple(slice(each.first, each.stop) for each in shown)], {
                    "kind": "score",
                    "text": f"dY is the gradient of {why}",
                }
        else:
            why = "a changed layer has no layers behind it"
    if asked.gradient == "cell":
        at = [min(max(i, each.first), each.stop - 1) for i, each in zip(asked.cell, shown, strict=False)]
        at += [each.first for each in shown[len(at) :]]
        dy = np.zeros(output, np.float32)
        dy[(*(i - each.first for i, each in zip(at, shown, strict=True)), filter)] = 1
        return dy, {"kind": "cell", "text": f"dY is 1 at Y[{', '.join(map(str, (*at, filter)))}] alone"}
    text = "dY is 1 everywhere: the gradient of the sum of all outputs"
    return np.ones(output, np.float32), {"kind": "ones", "text": f"{text} ({why})" if why else text}


def _axis(shown: Range) -> dict[str, Any]:
    axis = shown.axis
    return {
        "length": axis.length,
        "size": axis.size,
        "stride": axis.stride,
        "dilation": axis.dilation,
        "before": axis.before,
        "after": axis.after,
        "output": axis.output,
        "first": shown.first,
        "stop": shown.stop,
        "start": shown.start,
        "end": shown.end,
    }


def _cropped(shown: tuple[Range, ...]) -> str:
    if all(each.is_whole for each in shown):
        return ""
    which = " and ".join(
        f"{name} {each.first} to {each.stop - 1} of {each.axis.output}"
        for name, each in zip(("rows", "columns") if len(shown) == 2 else ("positions",), shown, strict=True)
    )
    return f"shown in part: {which} of the output, and what they see; dX, dW and db count these alone"


def _sample(found: Incoming) -> dict[str, Any]:
    is_image = found.raw.ndim == 3
    return {
        "label": found.label,
        "picture": picture_address(found.raw) if is_image else "",
        "curves": () if is_image else curves_of(found.raw),
    }


def _part(part: Part) -> dict[str, Any]:
    arrays = ("x", "y", "dy", "dx", "weight", "reach", "d_weight", "winner", "count")
    found = {name: getattr(part, name) for name in arrays}
    return {
        **{name: None if array is None else packed(array) for name, array in found.items()},
        "bias": part.bias,
        "d_bias": part.d_bias,
        "channels": part.channels,
        "filters": part.filters,
    }
