"""Network with weights -> ONNX.

Inside, maps lie channels first, (N, C, *spatial); at the border they lie so too, or channels last, with a Transpose
that is called ``to_channels_first``. Operators have the names of tatami's layers, ``conv1``, where a layer takes more
than one ``mul1/wide0``; initializers those of its tensors, ``conv1.weight``. The batch is of any size.
"""

from __future__ import annotations

import os

import onnx
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from tatami._version import __version__
from tatami.errors import OptionError
from tatami.exchange.channels_first import channels_first, vectors_channels_first
from tatami.exchange.onnx.layers import Place, write
from tatami.exchange.onnx.layers.norm import channels_first as to_first
from tatami.exchange.onnx.layers.norm import channels_last as to_last
from tatami.exchange.onnx.preparation import Sizes, in_units, prepare, raw_sizes
from tatami.exchange.onnx.sheet import Sheet
from tatami.exchange.parcel import LAYOUTS, Parcel
from tatami.formats import atomic_path
from tatami.network import Network
from tatami.network.layers import Input, size_text

OPSET = 18
"""Written for unless asked otherwise: the first with a Resize that has antialiasing."""

OPSETS = range(OPSET, 23)
MAX_BYTES = 2**31 - 2**20
"""The most bytes of tensors: a file of protobuf ends at 2 GiB."""


def onnx_model(parcel: Parcel, *, layout: str = "nchw", preprocess: bool = False, opset: int = OPSET) -> ModelProto:
    """A network as a model of ONNX, checked by ``onnx.checker``.

    Args:
        parcel: the network, its weights, and what is known of it: that goes into ``metadata_props``, under the keys
            ``tatami`` (the version), ``network``, ``classes``, ``preprocess`` and ``targets``, in JSON where it is not
            text.
        layout: of maps that go in and come out: ``nchw``, channels first, or ``nhwc``, channels last; of signals and
            volumes likewise.
        preprocess: whether raw samples go in, pictures of any size as uint8, and outputs of a regression come out in
            the units of its targets.
        opset: one of :data:`OPSETS`.

    Returns:
        A model with the input ``input`` and the output ``output``.

    Raises:
        OptionError: a layout or an opset that there is not, preprocessing that is not known, or a network too large for
            one file.
    """
    _check(parcel, layout, preprocess, opset)
    network, sheet = parcel.network, Sheet(opset)
    taken = {node.name for node in network.nodes[1:]}
    source, sink = _free("input", taken), _free("output", taken)
    preparation = parcel.preprocess if preprocess else None
    *spatial, channels = network.input_shape
    sizes: Sizes = (channels, *spatial) if preparation is None else raw_sizes(preparation, parcel.resizes)
    is_raw = preparation is not None and preparation.scale != 1.0
    input_info = _info(source, TensorProto.UINT8 if is_raw else TensorProto.FLOAT, sizes, layout)

    value = source
    if layout == "nhwc" and len(sizes) > 1:
        value = sheet.node("Transpose", "to_channels_first", (value,), perm=to_first(len(sizes) - 1))
    if preparation is not None:
        value = prepare(sheet, value, preparation, parcel.resizes)
    value = _layers(network, parcel, sheet, value)
    if preparation is not None and parcel.targets is not None:
        value = in_units(sheet, value, parcel.targets)
    *spatial, channels = network.output_shape
    if layout == "nhwc" and spatial:
        value = sheet.node("Transpose", "to_channels_last", (value,), perm=to_last(len(spatial)))
    if sheet.nodes:
        sheet.nodes[-1].output[0] = sink
    else:
        sheet.node("Identity", sink, (value,))

    output_info = _info(sink, TensorProto.FLOAT, (channels, *spatial), layout)
    graph = helper.make_graph(sheet.nodes, "network", [input_info], [output_info], sheet.initializers)
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(
        graph,
        producer_name="tatami",
        producer_version=__version__,
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
    )
    helper.set_model_props(model, parcel.metadata())
    onnx.checker.check_model(model, full_check=True)
    return model


def save_onnx(
    parcel: Parcel,
    path: str | os.PathLike[str],
    *,
    layout: str = "nchw",
    preprocess: bool = False,
    opset: int = OPSET,
) -> None:
    """Write :func:`onnx_model` to a file, whole or not at all; equal arguments make equal bytes."""
    model = onnx_model(parcel, layout=layout, preprocess=preprocess, opset=opset)
    with atomic_path(path) as beside:
        beside.write_bytes(model.SerializeToString(deterministic=True))


def _layers(network: Network, parcel: Parcel, sheet: Sheet, value: str) -> str:
    """Write every layer; returns the last one's value."""
    free = vectors_channels_first(network)
    values: dict[str, str] = {}
    for node in network:
        if isinstance(node.layer, Input):
            values[node.name] = value
            continue
        shapes = network.input_shapes(node)
        seen = free.get(node.inputs[0], shapes[0])
        tensors = {
            name: channels_first(node.layer, name, parcel.state[f"{node.name}.{name}"], seen)
            for name in node.layer.parameters(*shapes)
        }
        inputs = tuple(values[name] for name in node.inputs)
        write(node.layer, Place(sheet, node.name, inputs, shapes, tensors, node.name in free))
        values[node.name] = node.name
    return values[network.nodes[-1].name]


def _info(name: str, kind: int, sizes: Sizes, layout: str) -> ValueInfoProto:
    channels, *spatial = sizes
    ordered = (*spatial, channels) if layout == "nhwc" else sizes
    return helper.make_tensor_value_info(name, kind, ("batch", *ordered))


def _free(name: str, taken: set[str]) -> str:
    """A name that no layer has."""
    while name in taken:
        name += "_"
    return name


def _check(parcel: Parcel, layout: str, preprocess: bool, opset: int) -> None:
    if layout not in LAYOUTS:
        raise OptionError("unknown layout", got=layout, expected=" or ".join(LAYOUTS))
    if opset not in OPSETS:
        expected = f"{OPSETS[0]} to {OPSETS[-1]}"
        raise OptionError("ONNX is not written in this opset", got=opset, expected=expected)
    if preprocess and parcel.preprocess is None:
        raise OptionError("no preprocessing is known for this network", hint="leave it out, or export a run")
    size = 4 * sum(parameter.size for parameter in parcel.network.parameters().values())
    if size > MAX_BYTES:
        raise OptionError(
            "too many weights for one ONNX file",
            where=size_text(parcel.network.input_shape),
            got=f"{size:,} bytes",
            expected=f"at most {MAX_BYTES:,}",
            hint="--format torch has no such limit",
        )
