"""A graph of ONNX while it is written: operators and initializers in order."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from tatami.engines.base import Array


@dataclass
class Sheet:
    """Operators and initializers so far.

    Attributes:
        opset: the version of ONNX's operators that is written for.
    """

    opset: int
    nodes: list[NodeProto] = field(default_factory=list)
    initializers: list[TensorProto] = field(default_factory=list)

    def node(self, operator: str, name: str, inputs: tuple[str, ...], **attributes: object) -> str:
        """Add an operator; its one value has its name, which is returned."""
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def constant(self, name: str, array: Array) -> str:
        """Add an initializer; returns its name."""
        self.initializers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name
