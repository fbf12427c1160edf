"""A file of ONNX is read with care: whatever it says, it is held against what is there before anything is made of it.

Nothing else is opened than the file itself: tensors that lie in other files are refused.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from tatami.errors import NetworkError

MAX_BYTES = 2**31
"""Of a file: protobuf reads no more."""

MAX_NODES = 20_000
OPSETS = range(6, 28)
"""Versions of ONNX's operators that are read. Before 7, operators broadcast by other rules."""

_NAME_LENGTH, _PATH_LENGTH = 60, 4096  # of a name in an error, and of the file's
# Bytes of a value in raw_data, and the field that holds values otherwise.
_KINDS: dict[int, tuple[int, str]] = {
    TensorProto.FLOAT: (4, "float_data"),
    TensorProto.DOUBLE: (8, "double_data"),
    TensorProto.FLOAT16: (2, "int32_data"),
    TensorProto.BFLOAT16: (2, "int32_data"),
    TensorProto.INT64: (8, "int64_data"),
    TensorProto.INT32: (4, "int32_data"),
    TensorProto.INT16: (2, "int32_data"),
    TensorProto.INT8: (1, "int32_data"),
    TensorProto.UINT8: (1, "int32_data"),
    TensorProto.UINT16: (2, "int32_data"),
    TensorProto.UINT32: (4, "uint64_data"),
    TensorProto.UINT64: (8, "uint64_data"),
    TensorProto.BOOL: (1, "int32_data"),
}


def read_model(source: str | os.PathLike[str] | bytes) -> tuple[ModelProto, str]:
    """The model that ``source`` holds, checked; and how errors name it.

    Args:
        source: the path of a file, or its bytes.

    Raises:
        NetworkError: it cannot be read, is too large or no model, keeps tensors elsewhere, holds less than it declares,
            has an operator before its inputs, two values of one name, a name with control characters, or an opset that
            is not read.
    """
    where, data = _bytes(source)
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise NetworkError(
            "not a model of ONNX", where=where, expected="protobuf that is whole and nested no deeper than 100 levels"
        ) from error
    if not model.ir_version or not model.graph.output:
        raise NetworkError("not a model of ONNX", where=where, expected="a graph with an output")
    _check_opset(model, where)
    _check_names(model.graph, where)
    for tensor in _tensors(model.graph):
        _check_tensor(tensor, where)
    _check_order(model.graph, where)
    return model, where


def shown(name: str, most: int = _NAME_LENGTH) -> str:
    """A name as an error shows it: nothing that a terminal would obey, and not too long."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name[:most])
    return text + "..." * (len(name) > most)


def _bytes(source: str | os.PathLike[str] | bytes) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        return "the model", source
    where = shown(str(source), _PATH_LENGTH)
    try:
        size = Path(source).stat().st_size
        if size <= MAX_BYTES:
            return where, Path(source).read_bytes()
    except OSError as error:
        raise NetworkError("cannot be read", where=where, got=error.strerror) from error
    raise NetworkError("too large for a model of ONNX", where=where, expected=f"at most {MAX_BYTES:,} bytes")


def _check_opset(model: ModelProto, where: str) -> None:
    versions = [opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")]
    if len(versions) != 1 or versions[0] not in OPSETS:
        got = ", ".join(map(str, versions)) or "none"
        expected = f"{OPSETS[0]} to {OPSETS[-1]}"
        raise NetworkError("ONNX is not read in this opset", where=where, got=got, expected=expected)


def _check_names(graph: GraphProto, where: str) -> None:
    if len(graph.node) > MAX_NODES:
        raise NetworkError("too many operators", where=where, got=len(graph.node), expected=f"at most {MAX_NODES:,}")
    seen: set[str] = set()
    for name in _all_names(graph):
        if not name.isprintable():
            raise NetworkError("a name with control characters", where=where, got=shown(name))
    for tensor in graph.initializer:
        if tensor.name in seen:
            raise NetworkError("two tensors have one name", where=where, got=shown(tensor.name))
        seen.add(tensor.name)
    for info in graph.input:
        seen.add(info.name)  # old files list the initializers among the inputs
    for node in graph.node:
        for name in node.output:
            if name and name in seen:
                raise NetworkError("two operators give one value", where=where, got=shown(name))
            seen.add(name)


def _all_names(graph: GraphProto) -> Iterator[str]:
    for tensor in graph.initializer:
        yield tensor.name
    for info in (*graph.input, *graph.output):
        yield info.name
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every tensor, those of operators' attributes and of graphs within them too."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _tensors_of(node)


def _tensors_of(node: NodeProto) -> Iterator[TensorProto]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            yield from _tensors(graph)


def _check_tensor(tensor: TensorProto, where: str) -> None:
    name = shown(tensor.name) or "a constant"
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        place = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        outside = os.path.isabs(place) or ".." in place.replace("\\", "/").split("/")
        raise NetworkError(
            "a tensor lies in another file" + ", outside of the model's folder" * outside,
            where=f"{where}, {name}",
            got=shown(place),
            expected="a model in one file",
            hint=None if outside else "onnx.save(onnx.load(path), other_path) makes one",
        )
    if tensor.data_type not in _KINDS:
        known = tensor.data_type in TensorProto.DataType.values()
        got = TensorProto.DataType.Name(tensor.data_type) if known else tensor.data_type
        raise NetworkError("a tensor of a type that is not read", where=f"{where}, {name}", got=got)
    width, field = _KINDS[tensor.data_type]
    if any(size < 0 for size in tensor.dims):
        raise NetworkError("a tensor with a negative size", where=f"{where}, {name}", got=list(tensor.dims)[:8])
    declared = math.prod(tensor.dims)
    raw = len(tensor.raw_data)
    there = raw // width if raw % width == 0 else -1
    there = there if tensor.HasField("raw_data") else len(getattr(tensor, field))
    if declared != there:
        raise NetworkError(
            "a tensor does not hold what it declares",
            where=f"{where}, {name}",
            got=f"{raw} bytes" if tensor.HasField("raw_data") else f"{there} values",
            expected=f"{declared:,} values of {width} bytes",
        )


def _check_order(graph: GraphProto, where: str) -> None:
    """Refuse an operator that stands before what it reads."""
    made_by = {name: node for node in graph.node for name in node.output}
    known = {"", *(info.name for info in graph.input), *(tensor.name for tensor in graph.initializer)}
    known.update(sparse.values.name for sparse in graph.sparse_initializer)
    for node in graph.node:
        for name in node.input:
            if name in known:
                continue
            place = f"{where}, {shown(node.name) or node.op_type}"
            if name not in made_by:
                raise NetworkError("an operator reads what nothing gives", where=place, got=shown(name))
            problem = (
                "the operators form a cycle" if _reaches(node, name, made_by) else "the operators are not in order"
            )
            raise NetworkError(problem, where=place, got=f"it reads {shown(name)}, which comes later")
        known.update(node.output)
    missing = [info.name for info in graph.output if info.name not in known]
    if missing:
        raise NetworkError("an output that nothing gives", where=where, got=shown(missing[0]))


def _reaches(node: NodeProto, value: str, made_by: dict[str, NodeProto]) -> bool:
    """Whether ``value`` is made of what ``node`` gives."""
    own, todo, seen = set(node.output), [value], {value}
    while todo:
        name = todo.pop()
        if name in own:
            return True
        fresh: Iterable[str] = made_by[name].input if name in made_by else ()
        todo += [name for name in fresh if name not in seen]
        seen.update(fresh)
    return False
