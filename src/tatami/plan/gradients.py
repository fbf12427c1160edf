"""Which layers need gradients, and how many products their backward pass takes."""

from __future__ import annotations

from tatami.network import Network


def learning(network: Network) -> set[str]:
    """The nodes whose output needs a gradient: something trainable lies at or before them."""
    found: set[str] = set()
    for node in network:
        if any(name in found for name in node.inputs) or any(
            parameter.trainable for parameter in node.layer.parameters(*network.input_shapes(node)).values()
        ):
            found.add(node.name)
    return found


def backward_products(has_weights: bool, into: bool) -> int:
    """Products of the forward pass's size in a layer's backward pass; grouped and depthwise layers are no exception.

    Args:
        has_weights: the gradient of the weights is one product.
        into: whether the input needs a gradient, which is another; before the first layer that learns it does not.
    """
    return has_weights + into
