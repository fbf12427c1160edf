"""Where the time of a training step goes, and which method of convolution is the faster: measured, op by op."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import cast

import numpy as np

from tatami.engines.cpu.executable import make_table
from tatami.engines.cpu.kernels import Call
from tatami.engines.cpu.model import CpuModel
from tatami.engines.cpu.rules import calls_of, gradients_of_conv
from tatami.network import Network
from tatami.network.layers import Conv
from tatami.plan.methods import METHODS, Methods, methods_for, signature
from tatami.plan.ops import Backward, Forward, Op, Pass
from tatami.recipe import SGD, CrossEntropy

REPEATS = 5


@dataclass(frozen=True)
class OpTime:
    """The time of one op, or of one pass of a convolution.

    Attributes:
        op: which.
        what: forward, backward, backward_weights ...
        method: how a convolution is computed.
        seconds: the shortest of some runs.
    """

    op: Op
    what: str
    method: str
    seconds: float


def profile(model: CpuModel, repeats: int = REPEATS) -> list[OpTime]:
    """The times of all ops of a training step on ``model.batch`` random samples, in their order; the update last."""
    training = model.training
    rng = np.random.default_rng(0)
    x = rng.standard_normal((model.batch, *model.network.input_shape)).astype(model.dtype)
    y = np.zeros((model.batch, *model.network.output_shape[:-1]), np.int64)
    parts = [
        (op, what, method, make_table(calls, model.dtype))
        for op in training.program.ops
        for what, method, calls in _parts(op, model)
        if calls
    ]
    update = (training.program.ops[-1], "update", "", training.update)
    best = [float("inf")] * (len(parts) + 1)
    for _ in range(repeats):
        training.give(x, y)  # each step writes over them
        for i, (_, _, _, table) in enumerate([*parts, update]):
            start = perf_counter()
            table.run(model.batch, model.threads)
            best[i] = min(best[i], perf_counter() - start)
    return [
        OpTime(op, what, method, seconds) for (op, what, method, _), seconds in zip([*parts, update], best, strict=True)
    ]


def _parts(op: Op, model: CpuModel) -> Iterator[tuple[str, str, list[Call]]]:
    site = model.training.site
    if isinstance(op, Backward) and isinstance(op.group.layer, Conv):
        methods: Mapping[str, str] = {str(each): name for each, name in op.methods.items()}
        for what, calls in gradients_of_conv(op, site).items():
            yield what, methods.get(what, ""), calls
    else:
        yield op.phase, op.method if isinstance(op, Forward) else "", calls_of(op, site)


def training_model(network: Network, batch: int, methods: Methods) -> CpuModel:
    """A compiled model of ``network`` that trains in float32 with momentum."""
    return CpuModel(
        network,
        batch=batch,
        optimizer=SGD(momentum=0.9),
        loss=CrossEntropy(),
        seed=0,
        dtype=np.dtype(np.float32),
        init="he",
        methods=methods,
        plain=False,
    )


def measure_methods(
    network: Network, batch: int, say: Callable[[str], None], repeats: int = REPEATS
) -> dict[str, dict[str, float]]:
    """Seconds of every method for every pass of every convolution, by :func:`tatami.plan.methods.signature`.

    Args:
        network: whose convolutions are measured, within whole training steps.
        batch: samples in a step.
        say: is told what is being measured.
        repeats: runs of each, of which the shortest counts.
    """
    convolutions = [(node.layer, network.input_shapes(node)[0]) for node in network if isinstance(node.layer, Conv)]
    wanted = {name for layer, shape in convolutions for name in methods_for(layer, shape)}
    found: dict[str, dict[str, float]] = {}
    for name in METHODS:
        if name not in wanted:
            continue
        say(f"measuring {name} ...")
        model = training_model(network, batch, Methods(forced=(name,)))
        for time in profile(model, repeats):
            if time.method == name and isinstance(time.op, (Forward, Backward)):
                layer = time.op.group.layer
                assert isinstance(layer, Conv)
                shape = network.input_shapes(time.op.group.head)[0]
                each = cast(Pass, time.what)
                by_method = found.setdefault(signature(layer, shape, each, batch), {})
                by_method[name] = min(time.seconds, by_method.get(name, float("inf")))
    return found


def fastest(found: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """The fastest method by signature, where there was a choice."""
    return {key: min(times, key=lambda name: times[name]) for key, times in found.items() if len(times) > 1}
