"""A model of ONNX as plain data: only what its output is made of, attributes as Python values, weights as arrays."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, ValueInfoProto, helper, numpy_helper

from tatami.engines.base import Array
from tatami.errors import NetworkError
from tatami.exchange.onnx.limits import read_model, shown


@dataclass(frozen=True, eq=False)
class Operation:
    """An operator in its place.

    Attributes:
        name: its own, or that of the value it gives.
        operator: its type, with the domain where that is not ONNX's own.
        inputs, outputs: names of values; "" where one is left out.
        attributes: as Python values; tensors as arrays, texts as str. Graphs within are left out.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Graph:
    """What is read of a model.

    Attributes:
        where: how errors name it.
        opset: the version of its operators.
        input: the name of the value for samples.
        sizes: of one sample as declared, None where any will do; empty where nothing is declared.
        output: the name of the value that comes out.
        left_out: other outputs, which are not read.
        operations: in order, those that the output needs.
        constants: initializers by name; of weights that are declared and not there, arrays of NaN without memory.
        missing: names of such weights.
        metadata: strings by name.
        model: the model itself.
    """

    where: str
    opset: int
    input: str
    sizes: tuple[int | None, ...]
    output: str
    left_out: tuple[str, ...]
    operations: tuple[Operation, ...]
    constants: Mapping[str, Array] = field(repr=False)
    missing: frozenset[str]
    metadata: Mapping[str, str]
    model: ModelProto = field(repr=False)

    @property
    def producer(self) -> str:
        """The program that wrote it."""
        return str(self.model.producer_name)

    def classes(self) -> tuple[str, ...]:
        """Names of the classes, where the file tells them."""
        try:
            found = json.loads(self.metadata.get("classes", "[]"))
        except ValueError:
            return ()
        is_list = isinstance(found, list) and all(isinstance(name, str) and name.isprintable() for name in found)
        return tuple(found) if is_list else ()


def read_graph(source: str | os.PathLike[str] | bytes) -> Graph:
    """The graph of a model, from a file or from its bytes.

    Raises:
        NetworkError: as of :func:`tatami.exchange.onnx.limits.read_model`; or not one input.
    """
    model, where = read_model(source)
    graph = model.graph
    output, *left_out = (info.name for info in graph.output)
    live = _live(graph, output)
    operations = tuple(_operation(node) for node in live)
    used = {name for node in live for name in node.input} | {output}
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.name in used}
    free = {info.name: info for info in graph.input if info.name not in constants and info.name in used}
    data = _data_input(free, operations, where)
    missing = {}
    for name, info in free.items():
        if name != data:
            sizes = _sizes(info)
            if None in sizes:
                raise NetworkError("weights of unknown size", where=where, got=shown(name))
            missing[name] = np.broadcast_to(np.float32("nan"), tuple(size or 0 for size in sizes))
    return Graph(
        where=where,
        opset=next(opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")),
        input=data,
        sizes=_sizes(free[data])[1:],
        output=output,
        left_out=tuple(left_out),
        operations=operations,
        constants={**constants, **missing},
        missing=frozenset(missing),
        metadata={entry.key: entry.value for entry in model.metadata_props},
        model=model,
    )


def _live(graph: GraphProto, output: str) -> list[NodeProto]:
    """The operators that the output needs, in order."""
    needed, found = {output}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            found.append(node)
    return found[::-1]


def _operation(node: NodeProto) -> Operation:
    domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
    attributes = {a.name: _attribute(a) for a in node.attribute if a.type not in _GRAPHS}
    name = node.name or next(filter(None, node.output))
    return Operation(name, domain + node.op_type, tuple(node.input), tuple(node.output), attributes)


_GRAPHS = (AttributeProto.GRAPH, AttributeProto.GRAPHS)


def _attribute(attribute: AttributeProto) -> Any:
    if attribute.type == AttributeProto.TENSOR:
        return numpy_helper.to_array(attribute.t)
    value = helper.get_attribute_value(attribute)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _data_input(free: Mapping[str, ValueInfoProto], operations: tuple[Operation, ...], where: str) -> str:
    """The input for samples: the only one; or the only one that is not read in the place of weights."""
    as_weights = {name for operation in operations for name in operation.inputs[1:]}
    names = list(free) if len(free) == 1 else [name for name in free if name not in as_weights]
    if len(names) != 1:
        got = ", ".join(map(shown, names[:8])) or "none"
        raise NetworkError("a network has one input", where=where, got=got)
    return names[0]


def _sizes(info: ValueInfoProto) -> tuple[int | None, ...]:
    """Sizes as declared, the batch too."""
    tensor = info.type.tensor_type
    return tuple(dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim)
