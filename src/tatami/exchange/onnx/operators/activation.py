"""Softmax. What takes each value alone needs no rule here: it is recognised by what it computes (``values.py``)."""

from __future__ import annotations

from tatami.exchange.onnx.operators.site import Site, reads
from tatami.exchange.onnx.values import UnreadableError
from tatami.exchange.onnx.views import View
from tatami.network.layers import Softmax

ALONG_ONE_AXIS = 13
"""The opset since which Softmax takes one axis; before, it takes all behind it too."""


@reads("Softmax")
def softmax(site: Site) -> View:
    """Over the channels."""
    view = site.view()
    is_old = site.reader.graph.opset < ALONG_ONE_AXIS
    axis = int(site.get("axis", 1 if is_old else -1)) % (len(view.dims) + 1) - 1
    if len(view.shape) == 1 or sum(size > 1 for size in view.sizes) <= 1:
        view = site.vector(view)
    behind = view.sizes[axis + 1 :] if is_old else ()
    if axis != view.channel_dim() or any(size > 1 for size in behind):
        raise UnreadableError("over other values than the channels of a position")
    return view.over(site.add(Softmax(), view).node)
