"""A tatami Network as an ONNX model for inference, channels first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from layout import channels_first
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from tatami.network import Network, Node
from tatami.network import layers as tl

OPSET = 17


def make_model(network: Network, weights: Mapping[str, np.ndarray], batch: int) -> ModelProto:
    """The model for input ``x`` (batch, C, *spatial), with the output ``y``."""
    nodes: list[NodeProto] = []
    tensors: list[TensorProto] = []
    first, last = network.nodes[0].name, network.nodes[-1].name
    for node in network.nodes[1:]:
        shapes = network.input_shapes(node)
        own = []
        for name in node.layer.parameters(*shapes):
            full = f"{node.name}.{name}"
            array = np.ascontiguousarray(channels_first(node.layer, name, weights[full], shapes[0]))
            tensors.append(numpy_helper.from_array(array, full))
            own.append(full)
        inputs = ["x" if name == first else name for name in node.inputs]
        output = "y" if node.name == last else node.name
        nodes += _operators(node, network, inputs, own, output, tensors)
    *spatial, depth = network.input_shape
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (batch, depth, *spatial))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, (batch, *network.output_shape))
    graph = helper.make_graph(nodes, "network", [x], [y], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def _operators(
    node: Node, network: Network, inputs: list[str], own: list[str], output: str, tensors: list[TensorProto]
) -> list[NodeProto]:
    """The operators of one layer; constants that they need go to ``tensors``."""
    layer, shapes = node.layer, network.input_shapes(node)

    def make(operator: str, sources: list[str], target: str = output, **attributes) -> NodeProto:
        return helper.make_node(operator, sources, [target], **attributes)

    match layer:
        case tl.Conv() | tl.Pool():
            padding = layer.window(*shapes).padding
            pads = [before for before, _ in padding] + [after for _, after in padding]
            sizes = {"kernel_shape": layer.kernel_size, "strides": layer.stride, "pads": pads}
            if isinstance(layer, tl.Conv):
                return [make("Conv", [*inputs, *own], **sizes, dilations=layer.dilation, group=layer.groups)]
            if layer.kind == "max":
                return [make("MaxPool", inputs, **sizes)]
            return [make("AveragePool", inputs, **sizes, count_include_pad=int(layer.count_pad))]
        case tl.BatchNorm():
            return [make("BatchNormalization", [*inputs, *own], epsilon=layer.eps)]
        case tl.ReLU():
            return [make("Relu", inputs)]
        case tl.ReLU6():
            limits = [f"{node.name}.low", f"{node.name}.high"]
            for name, value in zip(limits, (0, 6), strict=True):
                tensors.append(numpy_helper.from_array(np.array(value, np.float32), name))
            return [make("Clip", [*inputs, *limits])]
        case tl.GlobalAveragePool():
            whole = f"{node.name}.map"
            return [make("GlobalAveragePool", inputs, whole), make("Flatten", [whole])]
        case tl.Dense():
            flat = f"{node.name}.flat"
            return [make("Flatten", inputs, flat), make("Gemm", [flat, *own], transB=1)]
        case tl.Add():
            sums = [inputs[0], *(f"{node.name}.{i}" for i in range(len(inputs) - 2)), output]
            return [make("Add", [sums[i], inputs[i + 1]], sums[i + 1]) for i in range(len(inputs) - 1)]
        case tl.Concat():
            return [make("Concat", inputs, axis=1)]
    raise NotImplementedError(f"no translation of {layer.keyword} into ONNX")
