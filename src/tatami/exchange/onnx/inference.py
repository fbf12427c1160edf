"""Sizes of values behind operators that tatami has no layer for: as declared, or as ONNX infers them."""

from __future__ import annotations

import onnx
from onnx import ModelProto, TensorProto, helper

from tatami.exchange.onnx.graph import Graph
from tatami.network.layers import Shape

_SMALL = 1000  # bytes of a tensor that may say sizes, and is shown to the inference


def inferred_sizes(graph: Graph, input_shape: Shape, last: bool) -> dict[str, tuple[int, ...]]:
    """Sizes behind the batch of every value for which they are known.

    Args:
        graph: the model.
        input_shape: of one sample, channels last.
        last: whether the model has channels last, too.
    """
    light = _without_weights(graph.model)
    *spatial, channels = input_shape
    for info in light.graph.input:
        if info.name == graph.input:
            sizes = (*spatial, channels) if last else (channels, *spatial)
            info.CopyFrom(helper.make_tensor_value_info(info.name, TensorProto.FLOAT, ("batch", *sizes)))
    try:
        # Without data_prop: it computes constants, and a file of a kilobyte may make those as large as it likes.
        light = onnx.shape_inference.infer_shapes(light)
    except Exception:  # the inference is in C++ and raises what it likes; without it, declared sizes remain
        light = graph.model
    found = {}
    for info in (*light.graph.value_info, *light.graph.output):
        dims = info.type.tensor_type.shape.dim
        sizes = tuple(dim.dim_value for dim in dims)[1:]
        if len(dims) > 1 and all(size > 0 for size in sizes):
            found[info.name] = sizes
    return found


def _without_weights(model: ModelProto) -> ModelProto:
    """The model with large tensors as inputs of their shape, so that no copy of the weights is made."""
    light = ModelProto()
    light.ir_version = model.ir_version
    light.opset_import.extend(model.opset_import)
    light.graph.node.extend(model.graph.node)
    light.graph.input.extend(model.graph.input)
    light.graph.output.extend(model.graph.output)
    light.graph.value_info.extend(model.graph.value_info)
    listed = {info.name for info in model.graph.input}
    for tensor in model.graph.initializer:
        if tensor.ByteSize() <= _SMALL:
            light.graph.initializer.append(tensor)
        elif tensor.name not in listed:
            light.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return light
