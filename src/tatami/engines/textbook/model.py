"""The textbook model: weights, optimizer state and a step counter; it walks the network as it stands."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tatami.engines.base import Array, model_text
from tatami.engines.checks import (
    check_samples,
    check_targets,
    check_tensors,
    check_weights,
    gradients_not_finite,
    loss_not_finite,
    samples_not_finite,
)
from tatami.engines.initial import initial_weights
from tatami.engines.parts import parts_of, random_step
from tatami.engines.textbook.losses import loss_and_gradient
from tatami.engines.textbook.measure import measure
from tatami.engines.textbook.optimizers import update
from tatami.engines.textbook.rules import Mode, Weights, run
from tatami.engines.textbook.segments import backward_pass, divide, forward_pass
from tatami.engines.textbook.walk import infer, walk
from tatami.engines.threads import one_blas_thread
from tatami.network import Network, Node
from tatami.network.layers import Softmax
from tatami.recipe import CrossEntropy, Loss, Optimizer

# An overflow shows in the loss, which is checked, or in the output: NumPy need not warn of it as well.
_without_warnings = np.errstate(over="ignore", invalid="ignore", divide="ignore")


class TextbookModel:
    """A :class:`tatami.engines.base.Model` that holds nothing but what a reader would expect.

    Attributes:
        weights: for each node, its tensors by name.
        optimizer_state: for each trainable parameter by its full name, the optimizer's tensors by slot.
        steps: steps of gradient descent done.
    """

    def __init__(
        self,
        network: Network,
        *,
        batch: int,
        optimizer: Optimizer,
        loss: Loss,
        seed: int,
        dtype: np.dtype,
        init: str,
        checkpoint: bool = False,
    ) -> None:
        self.network, self.batch = network, batch
        self.optimizer, self.loss, self.seed, self.dtype = optimizer, loss, seed, dtype
        self.steps = 0
        first = initial_weights(network, seed, dtype, init)
        self.weights: dict[str, dict[str, Array]] = {}
        for node in network:
            names = node.layer.parameters(*network.input_shapes(node))
            self.weights[node.name] = {name: first[f"{node.name}.{name}"] for name in names}
        self.optimizer_state = {
            name: {slot: np.zeros(parameter.shape, dtype) for slot in optimizer.slots}
            for name, parameter in network.parameters().items()
            if parameter.trainable
        }
        # Cross-entropy contains the softmax: a SOFTMAX at the end makes probabilities that the loss does not see.
        contained = isinstance(network.nodes[-1].layer, Softmax) and isinstance(loss, CrossEntropy)
        self._scored: Sequence[Node] = network.nodes[:-1] if contained else network.nodes
        self._after: Sequence[Node] = network.nodes[-1:] if contained else ()
        self._segments = divide(self._scored, checkpoint)

    def __repr__(self) -> str:
        return model_text("textbook", self.network, self.batch)

    # --- training ---

    def prepare(self) -> None:
        """There is nothing to make ready."""

    @one_blas_thread
    @_without_warnings
    def step(self, x: Array, y: Array, lr: float | None = None) -> float:
        """One step of gradient descent; returns the mean loss before it."""
        loss, gradients, weights = self._loss_and_gradients(x, y)
        gradients = self._clipped(gradients)
        self.steps += 1
        self.weights = weights
        for name, state in self.optimizer_state.items():
            w = self._tensor(name)
            update(self.optimizer, w, gradients[name], state, self.optimizer.lr if lr is None else lr, self.steps)
        return loss

    @one_blas_thread
    @_without_warnings
    def gradients(self, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
        """The mean loss and its gradients, in training mode; changes nothing."""
        loss, gradients, _ = self._loss_and_gradients(x, y)
        return loss, gradients

    def _loss_and_gradients(self, x: Array, y: Array) -> tuple[float, dict[str, Array], dict[str, dict[str, Array]]]:
        """The mean loss, its gradients, and the weights with the running statistics that follow."""
        x, y = self._checked(x, y)
        weights = {name: dict(tensors) for name, tensors in self.weights.items()}
        loss, gradients = 0.0, {name: np.zeros_like(self._tensor(name)) for name in self.optimizer_state}
        for i, part in enumerate(parts_of(len(x), self.batch)):
            share = (part.stop - part.start) / len(x)
            modes = self._training_modes(i)
            part_loss, found = self._pass(weights, x[part], y[part], modes)
            loss += share * part_loss
            for name, gradient in found.items():  # a layer that leads nowhere has no influence on the loss
                gradients[name] += share * gradient
            for node, mode in zip(self._scored, modes, strict=True):
                weights[node.name].update(mode.statistics)
        return loss, gradients, weights

    def _training_modes(self, part: int) -> list[Mode]:
        step = random_step(self.steps, part)
        return [Mode(training=True, seed=self.seed, step=step, node=i) for i in range(len(self._scored))]

    def _pass(
        self, weights: Mapping[str, Weights], x: Array, y: Array, modes: Sequence[Mode]
    ) -> tuple[float, dict[str, Array]]:
        scores, kept, tape = forward_pass(self._segments, weights, x, modes)
        loss, d_scores = loss_and_gradient(self.loss, scores, y)
        if not math.isfinite(loss):
            raise self._not_finite(x, loss, modes)
        return loss, backward_pass(self._segments, weights, modes, kept, tape, d_scores)

    def _clipped(self, gradients: dict[str, Array]) -> dict[str, Array]:
        """Scaled down to the optimizer's longest, all taken as one vector (Pascanu et al. 2013, algorithm 1)."""
        longest = self.optimizer.clip_norm
        if longest is None:
            return gradients
        norm = math.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in gradients.values()))
        if not math.isfinite(norm):
            raise gradients_not_finite(gradients.items(), norm, self.steps + 1)
        return {name: g * (longest / norm) for name, g in gradients.items()} if norm > longest else gradients

    def _checked(self, x: Array, y: Array) -> tuple[Array, Array]:
        x = check_samples(x, self.network.input_shape, self.dtype)
        return x, check_targets(y, (len(x), *self.network.output_shape), self.loss, self.dtype)

    def _not_finite(self, x: Array, loss: float, modes: Sequence[Mode]) -> Exception:
        """Who began it: the pass is made again, up to the first layer with NaN or infinity in its output."""
        outputs = walk(self._scored, self.weights, x, modes)
        first = next((node.name for node, output, _ in outputs if not np.isfinite(output).all()), None)
        if first == self.network.nodes[0].name:
            return samples_not_finite()
        return loss_not_finite(loss, first, self.steps + 1)

    # --- inference ---

    @one_blas_thread
    @_without_warnings
    def forward(self, x: Array) -> Array:
        """The output for samples x, in inference mode."""
        x = check_samples(x, self.network.input_shape, self.dtype)
        return np.concatenate([self._finish(infer(self._scored, self.weights, part)) for part in self._parts(x)])

    @one_blas_thread
    @_without_warnings
    def score(self, x: Array, y: Array) -> tuple[float, Array]:
        """The mean loss and the output, in inference mode."""
        x, y = self._checked(x, y)
        total, outputs = 0.0, []
        for part, labels in zip(self._parts(x), self._parts(y), strict=True):
            scores = infer(self._scored, self.weights, part)
            total += len(part) * loss_and_gradient(self.loss, scores, labels)[0]
            outputs.append(self._finish(scores))
        return total / len(x), np.concatenate(outputs)

    def _parts(self, x: Array) -> Iterator[Array]:
        return (x[start : start + self.batch] for start in range(0, len(x), self.batch))

    def _finish(self, scores: Array) -> Array:
        """The output from the scores: their softmax, where the network ends in one that the loss contains."""
        for node in self._after:
            scores, _ = run(node.layer, {}, Mode(), scores)
        return scores

    # --- state ---

    def state_dict(self) -> dict[str, Array]:
        """Copies of all weights and running statistics, by full name."""
        return {name: self._tensor(name).copy() for name in self.network.parameters()}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take over what :meth:`state_dict` gave."""
        check_weights(state, self.network)
        for name in self.network.parameters():
            self._tensor(name)[...] = state[name]

    def training_state(self) -> dict[str, Array]:
        """Copies of the optimizer's state, and the number of steps done."""
        state = {name: tensor.copy() for name, tensor in self._slots()}
        return state | {"steps": np.array(self.steps, np.int64)}

    def load_training_state(self, state: Mapping[str, Array]) -> None:
        """Take over what :meth:`training_state` gave."""
        shapes = {name: tensor.shape for name, tensor in self._slots()}
        check_tensors(state, shapes | {"steps": ()}, "optimizer's state")
        for name, tensor in self._slots():
            tensor[...] = state[name]
        self.steps = int(state["steps"])

    @one_blas_thread
    @_without_warnings
    def memory(self) -> dict[str, int]:
        """Measured bytes of a training step: see :func:`tatami.engines.textbook.measure.measure`."""
        x = np.zeros((self.batch, *self.network.input_shape), self.dtype)
        return measure(self._segments, self.weights, (tensor for _, tensor in self._slots()), x, self.loss)

    def _tensor(self, name: str) -> Array:
        node, parameter = name.rsplit(".", 1)
        return self.weights[node][parameter]

    def _slots(self) -> Iterator[tuple[str, Array]]:
        for name, state in self.optimizer_state.items():
            for slot, tensor in state.items():
                yield f"optimizer.{name}.{slot}", tensor
