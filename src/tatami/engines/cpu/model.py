"""The CPU model: weights in one buffer, one arena, and programs of compiled calls."""

from __future__ import annotations

import math
import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.special import softmax

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
from tatami.engines.cpu.clock import Clock
from tatami.engines.cpu.gradient_sum import GradientSum
from tatami.engines.cpu.memory import Tensors, aligned_array
from tatami.engines.initial import initial_weights
from tatami.engines.parts import parts_of
from tatami.network import Network
from tatami.plan.checkpoint import with_cuts
from tatami.plan.machine import thread_count
from tatami.plan.measured import measured_methods
from tatami.plan.methods import Methods
from tatami.plan.program import Settings, make_program, scored_network
from tatami.plan.tiny import is_tiny
from tatami.recipe import Loss, Optimizer

if TYPE_CHECKING:
    from tatami.engines.cpu.inference import Inference
    from tatami.engines.cpu.plain.inference import PlainInference
    from tatami.engines.cpu.plain.training import PlainTraining
    from tatami.engines.cpu.training import Training

    AnyTraining: TypeAlias = Training | PlainTraining
    AnyInference: TypeAlias = Inference | PlainInference


_MODELS: weakref.WeakSet[CpuModel] = weakref.WeakSet()


def _after_fork() -> None:
    """In a forked child nobody holds a model any more: the thread that did is not there."""
    for model in _MODELS:
        model._turn = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class CpuModel:
    """A :class:`tatami.engines.base.Model` that decides everything before the first batch.

    The program of a training step is made with the first step, that of inference with the first forward pass. Calls
    from several threads take turns.

    Attributes:
        weights, gradients: of all parameters, each in one flat buffer.
        slots: the optimizer's state, a flat buffer for each slot.
        steps: steps of gradient descent done.
        plain: whether it computes in plain NumPy rather than in compiled kernels: for tiny networks, unless given.
        checkpoint: whether segments of layers run again in the backward pass: see :mod:`tatami.plan.checkpoint`.
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
        methods: Methods | None = None,
        plain: bool | None = None,
        checkpoint: bool = False,
    ) -> None:
        self.network, self.batch = network, batch
        self.optimizer, self.loss, self.dtype = optimizer, loss, dtype
        self.threads = thread_count()
        self.methods = methods or Methods(measured_methods())  # as the plan has them
        self.plain = is_tiny(network, batch) if plain is None else plain
        self.checkpoint = checkpoint
        self.steps = 0
        self.weights = Tensors(network, dtype)
        for name, value in initial_weights(network, seed, dtype, init).items():
            self.weights.view(name)[...] = value
        self.slots = {slot: aligned_array(self.weights.trainable, dtype) for slot in optimizer.slots}
        self.gradients_buffer = aligned_array(self.weights.trainable, dtype)
        self._gradient_sum = GradientSum(self.gradients_buffer)
        self._clock = Clock(seed)
        self._made_by = {"seed": seed, "init": init, "methods": self.methods, "plain": self.plain}
        self._made_by["checkpoint"] = checkpoint
        # Cross-entropy contains the softmax: a SOFTMAX at the end makes probabilities that the loss does not see.
        self._scored = scored_network(network, loss)
        self._ends_in_softmax = len(self._scored) < len(network)
        self._arena = np.zeros(0, np.uint8)
        self._training: AnyTraining | None = None
        self._inference: AnyInference | None = None
        self._turn = threading.RLock()
        _MODELS.add(self)

    def __repr__(self) -> str:
        return model_text("cpu", self.network, self.batch)

    # --- training ---

    def prepare(self) -> None:
        """Make the programs of training and inference, and compile their kernels where that was never done."""
        with self._turn:
            self._inferred()
            self._trained()

    def step(self, x: Array, y: Array, lr: float | None = None) -> float:
        """One step of gradient descent; returns the mean loss before it."""
        with self._turn:
            x, y = self._checked(x, y)
            parts = parts_of(len(x), self.batch)
            running = self.weights.flat[self.weights.trainable :]
            before = running.copy() if len(parts) > 1 else None
            try:
                loss = self._passes(x, y, parts, self.optimizer.lr if lr is None else lr, moves=True)
                self._clip()
            except BaseException:
                if before is not None:  # the running statistics have moved with each part
                    running[...] = before
                raise
            if self._inference is not None:
                self._inference.is_prepared = False  # before the weights move, for the user may interrupt in between
            self.steps += 1
            self._trained().update.run(parts[-1].stop - parts[-1].start, self.threads)
            return loss

    def gradients(self, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
        """The mean loss and its gradients, in training mode; changes nothing."""
        with self._turn:
            x, y = self._checked(x, y)
            loss = self._passes(x, y, parts_of(len(x), self.batch), 0.0, moves=False)
            return loss, {name: gradient.copy() for name, gradient in self._gradient_views()}

    def _checked(self, x: Array, y: Array) -> tuple[Array, Array]:
        x = check_samples(x, self.network.input_shape, self.dtype)
        return x, check_targets(y, (len(x), *self.network.output_shape), self.loss, self.dtype)

    def _passes(self, x: Array, y: Array, parts: Sequence[slice], lr: float, *, moves: bool) -> float:
        """The mean loss, and in the buffer its gradients; running statistics move with all parts but the last."""
        training, total = self._trained(), 0.0
        for i, part in enumerate(parts):
            n, is_last = part.stop - part.start, i == len(parts) - 1
            self._clock.set(self.steps, lr, i)
            loss = self._pass(training, x[part], y[part])
            total += n / len(x) * loss
            self._gradient_sum.take(n / len(x), i == 0, is_last)
            if moves and not is_last:
                training.statistics.run(n, self.threads)
        return total

    def _pass(self, training: AnyTraining, x: Array, y: Array) -> float:
        training.give(x, y)
        training.forward.run(len(x), self.threads)
        loss = training.loss()
        if not math.isfinite(loss):
            raise self._not_finite(training, x, loss)
        training.backward.run(len(x), self.threads)
        return loss

    def _clip(self) -> None:
        """Where the gradient is too long, have the update shorten it."""
        limit = self.optimizer.clip_norm
        if limit is None:
            return
        norm = self._trained().gradient_norm(self.threads)
        if not math.isfinite(norm):
            raise gradients_not_finite(self._gradient_views(), norm, self.steps + 1)
        self._clock.set_scale(limit / norm if norm > limit else 1.0)

    def _gradient_views(self) -> Iterator[tuple[str, Array]]:
        """The gradients as they lie in the buffer, in the order of the layers."""
        for name, parameter in self.network.parameters().items():
            if parameter.trainable:
                yield name, self.weights.view(name, self.gradients_buffer)

    def _not_finite(self, training: AnyTraining, x: Array, loss: float) -> Exception:
        """Who began it: the pass is made again, op by op, up to the first output with NaN or infinity."""
        if not np.isfinite(x).all():
            return samples_not_finite()
        return loss_not_finite(loss, training.first_not_finite(x, self.threads), self.steps + 1)

    # --- inference ---

    def forward(self, x: Array) -> Array:
        """The output for samples x, in inference mode."""
        x = check_samples(x, self.network.input_shape, self.dtype)
        return self._finish(self._scores(x))

    def score(self, x: Array, y: Array) -> tuple[float, Array]:
        """The mean loss and the output, in inference mode."""
        x, y = self._checked(x, y)
        total, parts = 0.0, []
        with self._turn:
            for start in range(0, len(x), self.batch):
                labels = y[start : start + self.batch]
                scores = self._scores(x[start : start + self.batch])
                total += len(labels) * self._inferred().loss(labels, self.threads)
                parts.append(self._finish(scores))
        return total / len(x), np.concatenate(parts)

    def _scores(self, x: Array) -> Array:
        with self._turn:
            inference = self._inferred()
            inference.prepare(self.threads)
            scores = np.empty((len(x), *self.network.output_shape), self.dtype)
            for start in range(0, len(x), self.batch):
                part = x[start : start + self.batch]
                scores[start : start + len(part)] = inference.run(part, self.threads)
            return scores

    def _finish(self, scores: Array) -> Array:
        """The output from the scores: their softmax, where the network ends in one that the loss contains."""
        return softmax(scores, axis=-1) if self._ends_in_softmax else scores

    # --- programs ---

    @property
    def training(self) -> Training:
        """The tables of a training step, of a model that is not plain; made when they are first asked for."""
        from tatami.engines.cpu.training import Training

        with self._turn:
            training = self._trained()
            assert isinstance(training, Training)
            return training

    def _settings(self, training: bool) -> Settings:
        return Settings(
            self.batch, training, self.dtype.itemsize, self.threads, self.loss, self.methods, plain=self.plain
        )

    def _trained(self) -> AnyTraining:
        if self._training is None:
            settings = self._settings(training=True)
            if self.checkpoint:
                settings = with_cuts(self._scored, settings)
            program = make_program(self._scored, settings)
            self._grow(program.arena.size)
            self._training = _training_type(self.plain)(
                program, self._arena, self.weights, self.gradients_buffer, self.slots, self.optimizer, self._clock
            )
        return self._training

    def _inferred(self) -> AnyInference:
        if self._inference is None:
            program = make_program(self._scored, self._settings(training=False))
            self._grow(program.arena.size)
            self._inference = _inference_type(self.plain)(program, self._arena, self.weights, self._clock)
        return self._inference

    def _grow(self, size: int) -> None:
        """Make the arena large enough; both programs share it, as they never run at once."""
        if self._arena.nbytes < size:
            self._arena = aligned_array(size, np.dtype(np.uint8))
            self._training = self._inference = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is made of settings and state: programs hold addresses, which mean nothing elsewhere."""
        options = {"batch": self.batch, "optimizer": self.optimizer, "loss": self.loss, "dtype": self.dtype}
        return _remade, (self.network, {**options, **self._made_by}, self.state_dict(), self.training_state())

    # --- state ---

    def state_dict(self) -> dict[str, Array]:
        """Copies of all weights and running statistics, by full name."""
        with self._turn:
            return {name: self.weights.view(name).copy() for name in self.network.parameters()}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take over what :meth:`state_dict` gave."""
        check_weights(state, self.network)
        with self._turn:
            if self._inference is not None:
                self._inference.is_prepared = False
            for name in self.network.parameters():
                self.weights.view(name)[...] = state[name]

    def training_state(self) -> dict[str, Array]:
        """Copies of the optimizer's state, and the number of steps done."""
        with self._turn:
            state = {name: tensor.copy() for name, tensor in self._slot_views()}
            return state | {"steps": np.array(self.steps, np.int64)}

    def load_training_state(self, state: Mapping[str, Array]) -> None:
        """Take over what :meth:`training_state` gave."""
        shapes = {name: tensor.shape for name, tensor in self._slot_views()}
        check_tensors(state, shapes | {"steps": ()}, "optimizer's state")
        with self._turn:
            for name, tensor in self._slot_views():
                tensor[...] = state[name]
            self.steps = int(state["steps"])

    def _slot_views(self) -> Iterator[tuple[str, Array]]:
        for name in self.weights.trained():
            for slot, flat in self.slots.items():
                yield f"optimizer.{name}.{slot}", self.weights.view(name, flat)

    @property
    def arena_bytes(self) -> int:
        """Bytes of the arena in which a training step runs."""
        with self._turn:
            return self._trained().room.memory.nbytes

    def memory(self) -> dict[str, int]:
        """Bytes of a training step: those of the buffers that are there, the arena's split as the plan splits it."""
        with self._turn:
            program = self._trained().program
            taken = {
                "weights": self.weights.flat.nbytes,
                "gradients": self.gradients_buffer.nbytes + self._gradient_sum.nbytes,
                "optimizer": sum(slot.nbytes for slot in self.slots.values()),
            }
            room = self._trained().room.memory.nbytes
            inside = {"input": program.input_bytes, "activations": program.kept()}
            return {
                **taken,
                **inside,
                "workspace": room - sum(inside.values()),
                "peak_bytes": sum(taken.values()) + room,
            }


# Each is imported when it is used: a tiny network does not wait for Numba.


def _training_type(plain: bool) -> type[AnyTraining]:
    if plain:
        from tatami.engines.cpu.plain.training import PlainTraining

        return PlainTraining
    from tatami.engines.cpu.training import Training

    return Training


def _inference_type(plain: bool) -> type[AnyInference]:
    if plain:
        from tatami.engines.cpu.plain.inference import PlainInference

        return PlainInference
    from tatami.engines.cpu.inference import Inference

    return Inference


def _remade(
    network: Network, options: dict[str, Any], state: Mapping[str, Array], training_state: Mapping[str, Array]
) -> CpuModel:
    model = CpuModel(network, **options)
    model.load_state_dict(state)
    model.load_training_state(training_state)
    return model
