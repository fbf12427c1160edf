"""Network <-> JSON: nodes with their type, attributes and inputs. Shapes follow from them and are not kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from tatami.errors import NetworkError, nearest
from tatami.network.graph import Network, Node, need_inputs
from tatami.network.layers import LAYERS, Layer
from tatami.network.layers.arguments import REFUSED

SCHEMA = "tatami.network/1"


def network_json(network: Network) -> dict[str, Any]:
    """Plain JSON types."""
    return {
        "schema": SCHEMA,
        "nodes": [
            {
                "name": node.name,
                "type": node.layer.keyword,
                "attributes": {f.name: _plain(getattr(node.layer, f.name)) for f in fields(node.layer)},
                "inputs": list(node.inputs),
            }
            for node in network
        ],
    }


def network_from_json(value: Mapping[str, Any]) -> Network:
    """The network; ``network_from_json(network_json(n)) == n``.

    Raises:
        NetworkError: another schema, unknown types or attributes, values that make no sense, or no graph.
    """
    content: Any = value
    content = content if isinstance(content, Mapping) else {"schema": type(content).__name__}
    if content.get("schema") != SCHEMA or not isinstance(content.get("nodes"), list):
        problem = "not a network in JSON"
        raise NetworkError(problem, got=content.get("schema"), expected=f"schema {SCHEMA} with a list of nodes")
    nodes: dict[str, Node] = {}
    for i, entry in enumerate(value["nodes"]):
        where = f"nodes[{i}]"
        if not isinstance(entry, Mapping) or not {"name", "type", "inputs"} <= set(entry):
            raise NetworkError("an incomplete node", where=where, expected="name, type, attributes, inputs")
        attributes, inputs = entry.get("attributes", {}), entry["inputs"]
        if not isinstance(attributes, Mapping):
            raise NetworkError("unreadable attributes", where=where, got=attributes, expected="an object")
        if not isinstance(inputs, list) or not all(isinstance(name, str) for name in inputs):
            raise NetworkError("unreadable inputs", where=where, got=inputs, expected="a list of names")
        with _naming(where):
            layer = _layer(str(entry["type"]), attributes, where)
        missing = [name for name in inputs if name not in nodes]
        if missing:
            raise NetworkError("a layer's input does not come before it", where=where, got=missing[0])
        inputs = tuple(inputs)
        need_inputs(layer, inputs, where)
        with _naming(where):
            shape = layer.output_shape(*(nodes[name].shape for name in inputs))
        nodes[str(entry["name"])] = Node(str(entry["name"]), layer, inputs, shape)
    if len(nodes) != len(value["nodes"]):
        raise NetworkError("two layers have one name")
    return Network(tuple(nodes.values()))


@contextmanager
def _naming(where: str) -> Iterator[None]:
    """Give an error of a layer's own rules its place among the nodes."""
    try:
        yield
    except NetworkError as error:
        error.where = where
        raise


def _layer(keyword: str, attributes: Mapping[str, Any], where: str) -> Layer:
    cls = LAYERS.get(keyword)
    if cls is None:
        close = nearest(keyword, LAYERS)
        raise NetworkError(f"unknown layer {keyword}", where=where, hint=f"did you mean {close}?" if close else None)
    given: dict[str, Any] = {}
    for name, value in attributes.items():
        if name not in cls.kinds:
            raise NetworkError(f"{keyword} has no attribute {name}", where=where, expected=", ".join(cls.kinds))
        read = cls.kinds[name].read(_from_plain(value))
        if read is REFUSED:
            raise NetworkError(f"{name} cannot be this", where=where, got=value, expected=cls.kinds[name].expected)
        given[name] = read
    try:
        return cls(**given)
    except TypeError as error:
        expected = ", ".join(f.name for f in fields(cls))
        raise NetworkError(f"{keyword} lacks attributes", where=where, got=sorted(given), expected=expected) from error


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _from_plain(value: Any) -> Any:
    """Lists become tuples."""
    return tuple(map(_from_plain, value)) if isinstance(value, list) else value
