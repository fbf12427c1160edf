"""What every engine offers: :class:`Model`, and :func:`compile` to make one. The engines never import one another."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from tatami.errors import NetworkError, OptionError, nearest
from tatami.network import Network
from tatami.network.layers import Foreign, size_text
from tatami.recipe import SGD, CrossEntropy, Loss, Optimizer

Array: TypeAlias = NDArray[Any]

EVERYWHERE = ("float32", "float64")  # what every engine computes in
DTYPES = (*EVERYWHERE, "tf32", "bf16")
CAPTURES = ("none", "compile", "graphs")
INITS = ("he", "xavier")
MAX_SEED = 2**63 - 1


class Model(Protocol):
    """A network with weights, ready to train and to predict.

    Samples x are (n, *network.input_shape), channels last. Labels y are whole numbers (n,). A loss that takes targets,
    as the mean squared error and ``CrossEntropy(targets=True)`` do, may have them in place of labels: of the shape of
    the scores. A network that ends in maps takes one label a position: all but the last axis of the scores.

    All take any number of samples n >= 1. More than ``batch`` go through in parts of at most ``batch``. The gradients
    of a step are then the sum of the parts', each multiplied by its share of the samples, and the weights move once
    (gradient accumulation). Without BN, which sees a part at a time and moves its running statistics with each, and
    without DROPOUT, which draws anew for each, that equals one pass of all samples. In the CPU engine the sum takes a
    buffer of the size of the parameters, from the first such step on; :meth:`memory` counts it among the gradients.

    Attributes:
        network: what it computes.
        batch: most samples in one pass.
    """

    network: Network
    batch: int

    def prepare(self) -> None:
        """Make everything ready to train and to predict, such as compiled code; the first step does it otherwise."""
        ...

    def step(self, x: Array, y: Array, lr: float | None = None) -> float:
        """One step of gradient descent on any number of samples; returns the mean loss before it.

        Args:
            x: samples.
            y: labels or targets.
            lr: learning rate of this step; the optimizer's unless given.

        Raises:
            DataError: x or y does not fit the network.
            NumericError: the loss, or the length of a gradient that is to be clipped, is no finite number; nothing was
                changed.
        """
        ...

    def forward(self, x: Array) -> Array:
        """The output for samples x, in inference mode: (n, *network.output_shape).

        Raises:
            DataError: x does not fit the network.
        """
        ...

    def score(self, x: Array, y: Array) -> tuple[float, Array]:
        """The mean loss and the output, in inference mode.

        Raises:
            DataError: x or y does not fit the network.
        """
        ...

    def gradients(self, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
        """The mean loss and its gradient for every trainable parameter (``conv1.weight``), in training mode.

        Changes nothing. They are not clipped.

        Raises:
            DataError: x or y does not fit the network.
            NumericError: the loss is no finite number.
        """
        ...

    def state_dict(self) -> dict[str, Array]:
        """Copies of all weights and running statistics, by the names of ``network.parameters()``."""
        ...

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take over what :meth:`state_dict` gave.

        Raises:
            RunError: a tensor is missing, unknown or of another shape; nothing was changed.
        """
        ...

    def training_state(self) -> dict[str, Array]:
        """Copies of the optimizer's state, ``optimizer.<parameter>.<slot>``, and the number of ``steps`` done."""
        ...

    def load_training_state(self, state: Mapping[str, Array]) -> None:
        """Take over what :meth:`training_state` gave.

        Raises:
            RunError: a tensor is missing, unknown or of another shape; nothing was changed.
        """
        ...

    def memory(self) -> dict[str, int]:
        """Measured bytes of a training step of passes of ``batch`` samples, under the plan's keys.

        They are weights, gradients, optimizer, activations (kept for the backward pass), workspace, peak_bytes. An
        engine leaves out what it does not have.
        """
        ...


def compile(
    network: Network,
    engine: str = "cpu",
    *,
    batch: int = 64,
    optimizer: Optimizer | None = None,
    loss: Loss | None = None,
    seed: int = 0,
    dtype: str = "float32",
    init: str = "he",
    checkpoint: bool = False,
    device: str | None = None,
    sync_bn: bool = False,
    capture: str = "none",
    ranks: int = 1,
) -> Model:
    """Give ``network`` weights and make it ready to train.

    Args:
        network: any network.
        engine: who computes: ``cpu``, fast; ``textbook``, the definitions in plain NumPy; or ``torch``, for GPUs and
            several machines, which needs PyTorch.
        batch: most samples in one pass.
        optimizer: ``SGD()`` unless given.
        loss: ``CrossEntropy()`` unless given.
        seed: of the first weights and of dropout.
        dtype: ``float32`` or ``float64``; of the torch engine also ``tf32``, float32 whose products a GPU may round to
            10 bits of mantissa, and ``bf16``, mixed precision: float32 weights, activations of CONV and FC of 16 bits.
        init: how the first weights are drawn, ``he`` or ``xavier``: see :func:`tatami.engines.initial.initial_weights`.
        checkpoint: train with activation checkpointing: segments of layers run forward again in the backward pass
            rather than keep their activations. The same results, bit for bit, in less memory and more time.
        device: where the torch engine computes: ``cuda``, ``cuda:1``, ``mps`` or ``cpu``; unless given, the first of
            these that there is.
        sync_bn: whether BN takes its statistics over the samples of all ranks. The torch engine's.
        capture: how the torch engine runs the layers: ``none``, one after the other; ``compile``, through
            ``torch.compile``; ``graphs``, the same as CUDA graphs, where launching kernels takes longer than they do.
        ranks: how many processes take each step together, by ``step_share``, within a process group of
            ``torch.distributed`` that is there. The torch engine's.

    Raises:
        OptionError: a value that makes no sense, or that this engine does not have.
        NetworkError: a layer FOREIGN.
    """
    for what, given, kind, example in (
        ("network", network, Network, "tatami.Network('INPUT(8x8x1) -> FC(2)')"),
        ("optimizer", optimizer or SGD(), Optimizer, "tatami.SGD(lr=0.01)"),
        ("loss", loss or CrossEntropy(), Loss, "tatami.CrossEntropy()"),
    ):
        if not isinstance(given, kind):
            raise OptionError(f"this is no {what}", got=repr(given)[:60], expected=example)
    for node in network:
        if isinstance(node.layer, Foreign):
            problem = "no engine computes an operator from elsewhere"
            raise NetworkError(problem, where=node.name, got=node.layer.operator)
    known = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.ispkg]
    choices = (
        *(("engine", engine, known), ("dtype", dtype, DTYPES)),
        *(("init", init, INITS), ("capture", capture, CAPTURES)),
    )
    for what, value, values in choices:
        if value not in values:
            close = nearest(str(value), values)
            hint = f"did you mean {close}?" if close else None
            raise OptionError(f"unknown {what}", got=value, expected=", ".join(values), hint=hint)
    for what, number, low, high in (
        ("batch", batch, 1, MAX_SEED),
        ("seed", seed, 0, MAX_SEED),
        ("ranks", ranks, 1, MAX_SEED),
    ):
        if not _is_whole(number) or not low <= number <= high:
            raise OptionError(f"impossible {what}", got=number, expected=f"a whole number of at least {low}")
    for what, flag in (("checkpoint", checkpoint), ("sync_bn", sync_bn)):
        if not isinstance(flag, bool):
            raise OptionError(f"impossible {what}", got=repr(flag)[:60], expected="True or False")
    if checkpoint and capture != "none":
        raise OptionError("checkpoint and capture do not go together", got=f"capture {capture}", expected="one of them")
    package = importlib.import_module(f"tatami.engines.{engine}")
    if dtype not in package.DTYPES:
        raise OptionError(
            f"the {engine} engine does not compute in {dtype}",
            expected=", ".join(package.DTYPES),
            hint="engine torch does",
        )
    special = {"precision": dtype, "device": device, "sync_bn": sync_bn, "capture": capture, "ranks": ranks}
    for name, usual in (("device", None), ("sync_bn", False), ("capture", "none"), ("ranks", 1)):
        if name not in package.OPTIONS and special[name] not in (usual, engine):
            raise OptionError(f"the {engine} engine has no {name}", got=special[name], hint="engine torch has")
    model = package.make_model(
        network,
        batch=int(batch),
        optimizer=optimizer or SGD(),
        loss=loss or CrossEntropy(),
        seed=int(seed),
        dtype=np.dtype("float64" if dtype == "float64" else "float32"),
        init=init,
        checkpoint=checkpoint,
        **{name: special[name] for name in package.OPTIONS},
    )
    return cast(Model, model)


def _is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def model_text(engine: str, network: Network, batch: int) -> str:
    """A model in one line: ``<cpu model: 28x28x1 -> 10, 9 layers, 421,642 parameters, batch 64>``."""
    sizes = f"{size_text(network.input_shape)} -> {size_text(network.output_shape)}"
    parameters = sum(parameter.size for parameter in network.parameters().values() if parameter.trainable)
    return f"<{engine} model: {sizes}, {len(network) - 1} layers, {parameters:,} parameters, batch {batch}>"
