"""The model of a network, without arrays: layers with pure rules, and the graph that they form."""

from tatami.network.build import Fit, build
from tatami.network.family import bind_names, free_names
from tatami.network.graph import Network, Node

__all__ = ["Fit", "Network", "Node", "bind_names", "build", "free_names"]
