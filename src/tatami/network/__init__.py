"""The model of a network, without arrays: layers with pure rules, and the graph that they form."""

from tatami.network.as_json import network_from_json, network_json
from tatami.network.as_text import network_program
from tatami.network.build import Fit, build
from tatami.network.family import bind_names, count_names, free_names
from tatami.network.graph import Network, Node
from tatami.network.netfile import print_netfile
from tatami.network.source import Source, find_network, source_of_text

__all__ = [
    "Fit",
    "Network",
    "Node",
    "Source",
    "bind_names",
    "build",
    "count_names",
    "find_network",
    "free_names",
    "network_from_json",
    "network_json",
    "network_program",
    "print_netfile",
    "source_of_text",
]
