"""MaxPool, AveragePool, and the global ones."""

from __future__ import annotations

import math

from tatami.exchange.onnx.operators.conv import joined, padded, pads_of, sizes
from tatami.exchange.onnx.operators.site import Site, reads
from tatami.exchange.onnx.values import UnreadableError
from tatami.exchange.onnx.views import View
from tatami.network.layers import GlobalAveragePool, Pool

_LOWEST = -1e30  # padding below it never wins a maximum


@reads("MaxPool", "AveragePool")
def pool(site: Site) -> View:
    """A POOL. Sizes rounded up are padding behind, which counts for neither a maximum nor a mean."""
    under = padded(site)
    view, is_max = under.view, site.operation.operator == "MaxPool"
    kernel = tuple(int(size) for size in site.get("kernel_shape"))
    stride, dilation = sizes(site, "strides", len(kernel)), sizes(site, "dilations", len(kernel))
    counts = bool(site.get("count_include_pad", 0))
    if len(kernel) != len(view.shape) - 1 or max(dilation) > 1:
        raise UnreadableError("a window with gaps, or of other axes")
    own = pads_of(site, under.lengths, kernel, stride, dilation)
    has_own = any(map(any, own))
    if under.pads:
        if under.value > _LOWEST if is_max else under.value != 0 or (has_own and not counts):
            raise UnreadableError(f"padding by {under.value:g} before a pooling")
        counts = True
    pads = joined(own, under.pads)
    if site.get("ceil_mode", 0):
        lengths = view.shape[:-1]
        longer = tuple(
            (a, b + _missing(length + a + b, size, step, a + length))
            for length, size, step, (a, b) in zip(lengths, kernel, stride, pads, strict=True)
        )
        if longer != pads and counts and not is_max:
            raise UnreadableError("a mean over windows beyond the padding (ceil_mode)")
        pads = longer
    if all(size == 1 for size in (*kernel, *stride)) and not any(map(any, pads)):
        return view
    has_pads = any(map(any, pads))
    return site.add(
        Pool(
            kernel,
            stride,
            pads if has_pads else "valid",
            "max" if is_max else "avg",
            count_pad=counts and has_pads and not is_max,
        ),
        view,
    )


def _missing(length: int, size: int, stride: int, end: int) -> int:
    """Positions behind a padded ``length`` so that a last, cut window fits; none if it began behind ``end``."""
    windows = math.ceil((length - size) / stride) + 1
    if (windows - 1) * stride >= end:
        windows -= 1
    return max((windows - 1) * stride + size - length, 0)


@reads("GlobalAveragePool")
def global_average_pool(site: Site) -> View:
    """GAP; it leaves sizes of 1."""
    return gap(site, site.map(), keep=True)


@reads("GlobalMaxPool")
def global_max_pool(site: Site) -> View:
    """A maximum over a window as large as the map."""
    view = site.map()
    return site.add(Pool(view.shape[:-1], view.shape[:-1], "valid", "max"), view)


def gap(site: Site, view: View, keep: bool) -> View:
    """GAP of a map, wherever its channels lie.

    Args:
        site: where.
        view: the map.
        keep: whether the spatial sizes stay, as 1.
    """
    at = view.channel_dim()
    found = site.add(GlobalAveragePool(), view)
    dims = tuple(found.dims[0] if i == at else () for i in range(len(view.dims)) if keep or i == at)
    return View(found.node, found.shape, found.parts, dims)
