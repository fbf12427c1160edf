"""A network as the operators that PyTorch's autograd knows: which tensors each makes, keeps, and passes on.

:mod:`tatami.plan.lowering` makes them. Most layers are one operator. Some are several: an uneven padding or a cast to
16 bits comes before, a sum of three is two sums, and LRN is composed of simpler ones. What is said here of an operator
holds for its forward and its backward pass; in which order they run, and how long a tensor lives, is the business of
:mod:`tatami.plan.schedule`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from tatami.network.layers import product

FLOAT_BITS = 32
LABEL_BITS = 64
LOSS = "loss"
Passes: TypeAlias = Literal["new", "whole", "part"]


@dataclass(frozen=True)
class Size:
    """``bits`` a sample and ``fixed`` bytes a batch; ``width`` bits a value."""

    bits: int = 0
    fixed: int = 0
    width: int = FLOAT_BITS


@dataclass(frozen=True)
class Operator:
    """One operator.

    Attributes:
        node: the layer that it is part of.
        kind: the layer's keyword.
        output: the tensor that it makes, by name; the last operator of a layer makes the one of the layer's name.
        inputs: what it reads.
        size: of the output.
        shares: the output lies in the memory of the first input.
        dense: False for an output that is a part of a larger tensor.
        learns: autograd records it.
        saves: which of inputs and output its backward pass reads.
        holds: tensors that the layer's code has names for until this operator, its last one, has run.
        own: tensors that it makes besides the output, by name: kept for the backward pass, where there is one.
        parameters: those that it takes, with the bytes of their gradients.
        copies: narrow copies that it makes of them first.
        passes: what goes back to an input: a new gradient, the one that came, or a part of it.
        needs_dense: its kernels copy inputs and gradients that are not dense.
        multiplies: the gradient of a smaller factor, or of weights, is summed over a product as large as the output.
        steps_back: tensors as large as the output that its backward pass makes and drops.
        workspace: bytes that its kernels take within themselves, in either pass.
    """

    node: str
    kind: str
    output: str
    inputs: tuple[str, ...]
    size: Size
    shares: bool = False
    dense: bool = True
    learns: bool = False
    saves: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    own: tuple[tuple[str, Size], ...] = ()
    parameters: tuple[tuple[str, int], ...] = ()
    copies: tuple[tuple[str, int], ...] = ()
    passes: Passes = "new"
    needs_dense: bool = False
    multiplies: bool = False
    steps_back: int = 0
    workspace: int = 0


def loss_operators(scores: str, size: Size, shape: tuple[int, ...], learns: bool) -> tuple[Operator, ...]:
    """Cross-entropy on float32 scores, as PyTorch composes it.

    Args:
        scores: the tensor's name.
        size: its own.
        shape: that of one sample, channels last; each position has a label.
        learns: whether autograd records it.
    """
    wide = Size(size.bits // size.width * FLOAT_BITS)
    found = []
    if size.width != FLOAT_BITS:
        found.append(Operator(LOSS, LOSS, "scores", (scores,), wide, learns=learns))
        scores = "scores"
    log = "log-probabilities"
    found.append(Operator(LOSS, LOSS, log, (scores,), wide, learns=learns, saves=(log,)))
    labels = Size(LABEL_BITS * product(shape[:-1]))
    own = (("labels", labels), ("sum of weights", Size(0, FLOAT_BITS // 8)))
    mean = Size(0, FLOAT_BITS // 8)
    found.append(Operator(LOSS, LOSS, LOSS, (log,), mean, learns=learns, saves=(log,), own=own))
    return tuple(found)
