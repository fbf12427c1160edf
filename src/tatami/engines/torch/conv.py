"""CONV and DWCONV: weight (K, C/groups, *F), where the other engines have (*F, C/groups, K)."""

from __future__ import annotations

from torch import nn

from tatami.engines.torch.padding import own_padding
from tatami.engines.torch.rules import Place, lower
from tatami.network.layers import Conv


@lower.register
def conv(layer: Conv, place: Place) -> nn.Module:
    """PyTorch's convolution, with as much of the padding as it can do."""
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[place.axes - 1]
    padding, _ = own_padding(layer, place.shapes[0])
    return kind(
        place.shapes[0][-1],
        layer.filters,
        layer.kernel_size,
        layer.stride,
        padding,
        layer.dilation,
        layer.groups,
        layer.bias,
    )
