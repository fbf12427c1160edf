"""The CPU engine as the gradient check wants it: any output gradient, and the gradient for the samples too."""

import numpy as np

from tatami.engines.cpu.clock import Clock
from tatami.engines.cpu.memory import Tensors, aligned_array
from tatami.network import Network
from tatami.plan.methods import Methods
from tatami.plan.ops import LossStep
from tatami.plan.program import Settings, make_program
from tatami.recipe import SGD, MeanSquaredError

from .cases import Case
from .gradient_check import Pass
from .textbook_pass import textbook_pass


def cpu_pass(
    network: Network,
    batch: int,
    dtype: str = "float64",
    threads: int = 2,
    methods: Methods | None = None,
    plain: bool = False,
) -> Pass:
    """Seed 3, step 1, as :func:`textbook_pass` has it; compiled, or in ``plain`` NumPy."""
    kind = np.dtype(dtype)
    settings = Settings(
        batch,
        itemsize=kind.itemsize,
        threads=threads,
        loss=MeanSquaredError(),
        methods=methods or Methods(),
        wants_input=True,
        plain=plain,
    )
    program = make_program(network, settings)
    arena = aligned_array(program.arena.size, np.dtype(np.uint8))
    tensors, clock = Tensors(network, kind), Clock(3)
    gradients = aligned_array(tensors.trainable, kind)
    training = _training_type(plain)(program, arena, tensors, gradients, {}, SGD(), clock)
    (loss,) = (op for op in program.ops if isinstance(op, LossStep))
    # Everything starts as garbage: no kernel may count on zeros.
    arena.view(np.uint8)[:] = 255

    def run(weights, x):
        for name, value in weights.items():
            tensors.view(name)[...] = value
        clock.set(1, 0.0)
        training.give(x, np.zeros((len(x), *network.output_shape)))
        training.forward.run(len(x), threads)
        Y = training.room.array(program.places[network.nodes[-1].name], len(x)).copy()

        def backward(dY):
            gradients[...] = np.nan
            training.room.array(loss.gradient, len(x))[...] = dY
            training.backward.run(len(x), threads)
            found = {name: tensors.view(name, gradients).copy() for name in tensors.trained()}
            return training.room.array(program.input_gradient, len(x)).copy(), found

        return Y, backward

    return run


def _training_type(plain: bool) -> type:
    """Compiled kernels are imported where they are wanted, for that takes Numba."""
    if plain:
        from tatami.engines.cpu.plain.training import PlainTraining

        return PlainTraining
    from tatami.engines.cpu.training import Training

    return Training


def textbook_truth(case: Case) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """What the textbook engine makes of ``case``: the output, and the gradients of the samples and of each weight."""
    Y, backward = textbook_pass(case.network(), case.training)(case.weights(), case.inputs())
    return Y, *backward(case.output_gradient())


def largest_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Relative to the largest value."""
    return float(np.abs(found - truth).max() / max(np.abs(truth).max(), 1e-3)) if truth.size else 0.0
