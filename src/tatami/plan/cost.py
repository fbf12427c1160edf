"""What each layer costs: output, parameters, MACs both ways, values, bytes, receptive field."""

from __future__ import annotations

from dataclasses import dataclass

from tatami.network import Network, Node
from tatami.network.layers import Flatten, Input, Shape, product
from tatami.network.layers.windows import describe_unseen
from tatami.plan.gradients import backward_products, learning
from tatami.plan.receptive_field import Field, receptive_fields

FLOAT32 = 4  # bytes


@dataclass(frozen=True)
class LayerCost:
    """One layer's figures, for one sample.

    Attributes:
        name, type: the node's name and its keyword in the notation.
        output: shape of the output, channels last.
        params: trainable parameters. Batch norm's running statistics are ``buffers``.
        macs: multiply-accumulates of the forward pass, those with weights only.
        backward_macs: those of the backward pass: as many for the gradient of the weights, and as many for that of the
            input, unless nothing before the layer learns.
        input_values: values of all inputs.
        activation_values: values of the output that need memory of their own: 0 where the layer works in place.
        field: the receptive field.
        notes: what else should be known, such as pixels that are never seen.
    """

    name: str
    type: str
    output: Shape
    params: int
    buffers: int
    macs: int
    backward_macs: int
    input_values: int
    activation_values: int
    field: Field
    notes: tuple[str, ...] = ()

    @property
    def flops(self) -> int:
        """Floating-point operations of the forward pass: 2 a MAC."""
        return 2 * self.macs

    @property
    def weight_bytes(self) -> int:
        """Parameters and running statistics in float32."""
        return FLOAT32 * (self.params + self.buffers)

    @property
    def activation_bytes(self) -> int:
        """The output of one sample in float32; 0 where the layer works in place."""
        return FLOAT32 * self.activation_values

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: FLOPs of the forward pass of one sample for each byte of weights, input and output.

        Source: Williams, Waterman & Patterson 2009, Roofline, section 3.
        """
        moved = self.weight_bytes + FLOAT32 * (self.input_values + product(self.output))
        return self.flops / moved


def layer_costs(network: Network) -> tuple[LayerCost, ...]:
    """The costs of every layer, INPUT first."""
    fields = receptive_fields(network)
    uses = network.consumers()
    learns = learning(network)
    costs = []
    gated = False
    for node in network:
        shapes = network.input_shapes(node)
        parameters = node.layer.parameters(*shapes).values()
        params = sum(p.size for p in parameters if p.trainable)
        macs = node.layer.macs(*shapes)
        into = any(name in learns for name in node.inputs)
        window = node.layer.window(*shapes)
        axes = dict.fromkeys(window.axes) if window else ()  # axes that are alike share a note
        cropped = [axis for axis in axes if axis.left_over and axis.unseen()]
        field = fields[node.name]
        notes = [f"{axis.formula()} is rounded down: {describe_unseen(axis)}" for axis in cropped]
        if field.why == "misaligned" and all(fields[name].why != "misaligned" for name in node.inputs):
            notes.append("branches of different jump or centre meet: no single receptive field from here on")
        gates = [name for name in node.inputs if fields[name].why == "whole"]
        if field.axes is not None and gates and not gated:
            notes.append("a gate that sees the whole image: from here on the field is that of the map alone")
            gated = True
        costs.append(
            LayerCost(
                name=node.name,
                type=node.layer.keyword,
                output=node.shape,
                params=params,
                buffers=sum(p.size for p in parameters if not p.trainable),
                macs=macs,
                backward_macs=backward_products(params > 0, into) * macs,
                input_values=sum(map(product, shapes)),
                activation_values=0 if _works_in_place(node, network, uses) else product(node.shape),
                field=field,
                notes=tuple(notes),
            )
        )
    return tuple(costs)


def _works_in_place(node: Node, network: Network, uses: dict[str, list[str]]) -> bool:
    """Whether the output takes no memory of its own.

    It is the input seen another way, or lies over an input that nobody else reads and that is not the user's data.
    """
    if isinstance(node.layer, Flatten):
        return True
    source = network[node.inputs[0]] if node.inputs else node
    return node.layer.in_place and len(uses[source.name]) == 1 and not isinstance(source.layer, Input)
