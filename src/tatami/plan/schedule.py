"""The order of one step in PyTorch, forward and backward, and how long each tensor lives in it.

The steps of a training: the operators forward, the loss, the operators backward in reverse, the update. A tensor lives
from the step that makes it to the last step that reads it; the bytes alive at a step, over all tensors, are the memory
that it takes. Sizes are kept apart from the batch, so one schedule answers for every batch.

With checkpointing (Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost, section 4) a segment of layers
keeps nothing of its forward pass but what enters and leaves it; the backward pass begins by running it forward again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tatami.network import Network, Node
from tatami.network.layers import Input
from tatami.plan.autograd import Autograd
from tatami.plan.kept import Engine
from tatami.plan.lowering import lower
from tatami.plan.steps import Schedule
from tatami.recipe import Optimizer


def make_schedule(
    network: Network,
    engine: Engine,
    *,
    bits: int = 32,
    training: bool = True,
    segments: Sequence[Sequence[str]] = (),
    accumulate: bool = False,
    optimizer: Optimizer | None = None,
) -> Schedule:
    """The schedule of one training step, or of one inference.

    Args:
        network: any network; for training, up to the scores that the loss takes.
        engine: what its layers keep.
        bits: width of an activation: 32, or 16 in mixed precision.
        training: with loss, backward pass and update.
        segments: for checkpointing, consecutive layers by name, each segment run again in the backward pass.
        accumulate: whether the gradients of several passes are summed, and so live from step to step.
        optimizer: whose update may need memory of its own.
    """
    shared = shared_memory(network, engine, training, {names[-1] for names in segments})
    operators = lower(network, engine, shared, bits=bits, training=training)
    passes = Autograd(network, operators, engine, segments, accumulate)
    passes.forward_pass()
    if training:
        passes.backward_pass()
        passes.update(optimizer)
    return Schedule(tuple(passes.steps), passes.buffers)


def shared_memory(network: Network, engine: Engine, training: bool = True, cuts: Collection[str] = ()) -> set[str]:
    """The nodes whose output lies in their input's memory: views, and layers that write over what nobody else needs.

    Args:
        network: any network.
        engine: what its layers keep.
        training: whether a backward pass follows.
        cuts: nodes whose output checkpointing keeps: nobody writes over it.
    """
    consumers = network.consumers()
    found: set[str] = set()
    for node in network.nodes[1:]:
        if isinstance(node.layer, engine.views):
            found.add(node.name)
        elif isinstance(node.layer, engine.in_place):
            # Whose memory it would write over: the input's, and through views and the like that of what lies before it.
            under = [network[node.inputs[0]]]
            while under[-1].name in found or _may_share(network, engine, under[-1]):
                under.append(network[under[-1].inputs[0]])
            alone = all(len(consumers[other.name]) == 1 for other in under)
            needed = training and any(
                other.name in cuts or isinstance(other.layer, engine.keeps_output) for other in under
            )
            if alone and not needed and not isinstance(under[-1].layer, Input):
                found.add(node.name)
    return found


def _may_share(network: Network, engine: Engine, node: Node) -> bool:
    return bool(node.inputs) and engine.may_share(node.layer, network.input_shapes(node)[0])
