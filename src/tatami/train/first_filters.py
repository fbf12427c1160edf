"""The filters of a run that look at the input itself: what a report shows of the weights."""

from __future__ import annotations

from pathlib import Path

from tatami.formats import load_weights
from tatami.network import Network
from tatami.network.layers import Conv
from tatami.views.inspection import FilterBank


def first_filters(weights: Path, network: Network) -> FilterBank | None:
    """The filters of the first CONV that reads the input; None where there is none, or its weights are not there.

    No more than this one tensor is read.

    Args:
        weights: the file.
        network: that it belongs to.

    Raises:
        RunError: the file cannot be read.
    """
    first = network.nodes[0].name
    node = next((node for node in network if isinstance(node.layer, Conv) and node.inputs == (first,)), None)
    if node is None or not weights.is_file():
        return None
    name = f"{node.name}.weight"
    found = load_weights(weights, [name])[0].get(name)
    return None if found is None else FilterBank(node.name, found, first=True)
