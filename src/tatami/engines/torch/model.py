"""The torch model: a module, PyTorch's optimizer, and steps that any number of ranks take together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import distributed, nn

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
from tatami.engines.parts import parts_of, parts_of_share, random_step
from tatami.engines.ranks import Share
from tatami.engines.torch.batch_norm_sync import synchronised
from tatami.engines.torch.device import find_device, room
from tatami.engines.torch.losses import loss_of
from tatami.engines.torch.measure import measure
from tatami.engines.torch.module import NetworkModule
from tatami.engines.torch.optimizers import SLOTS, begin, make_optimizer, set_lr
from tatami.engines.torch.precision import check_precision, computing
from tatami.engines.torch.rules import channels_first, channels_last
from tatami.engines.torch.tensors import Tensors
from tatami.engines.torch.transfer import Transfer
from tatami.errors import OptionError
from tatami.network import Network
from tatami.network.layers import Dropout
from tatami.plan.checkpoint import even_cuts
from tatami.plan.program import scored_network
from tatami.recipe import Loss, Optimizer


class TorchModel:
    """A :class:`tatami.engines.base.Model` on a device of PyTorch.

    One of several ``ranks`` takes its steps together with the others, by :meth:`step_share`: all hold the same weights.

    Attributes:
        module: the network up to the scores that the loss takes.
        device: where it computes.
        precision: float32, float64, tf32 or bf16: see :func:`tatami.engines.torch.precision.computing`.
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
        precision: str = "float32",
        device: str | None = None,
        sync_bn: bool = False,
        capture: str = "none",
        ranks: int = 1,
    ) -> None:
        self.network, self.batch = network, batch
        self.optimizer, self.loss, self.seed, self.dtype = optimizer, loss, seed, dtype
        self.precision, self.device = precision, find_device(device)
        check_precision(precision, self.device)
        self.steps = 0
        self._made_by = {"seed": seed, "init": init, "checkpoint": checkpoint, "precision": precision}
        self._made_by |= {"device": device, "sync_bn": sync_bn, "capture": capture, "ranks": ranks}
        scored = scored_network(network, loss)
        self._ends_in_softmax = len(scored) < len(network)
        self._ranks, self._capture = ranks, capture
        module: nn.Module = NetworkModule(scored, even_cuts(scored) if checkpoint else ())
        self.module = on_device(module, self.device, dtype, len(network.input_shape) - 1)
        self.module.draws.seed = seed
        self.module.draws.native = self.device.type != "cpu" or capture != "none"
        self._drops = any(isinstance(node.layer, Dropout) for node in scored)
        self._tensors = Tensors(network, self.module, dtype)
        self._tensors.load(initial_weights(network, seed, dtype, init))
        self._parameters, self._running = self._tensors.parameters, self._tensors.running
        self._before = [tensor.clone() for tensor in self._running]
        reached = _reached(scored)
        for name, parameter in self._parameters.items():
            if name.rpartition(".")[0] not in reached:  # a layer that leads nowhere has no influence on the loss
                parameter.requires_grad_(False)
        self._optimizer = make_optimizer(optimizer, list(self._parameters.values())) if self._parameters else None
        if capture != "none":
            self.module.compile(mode={"compile": "default", "graphs": "reduce-overhead"}[capture])
        self._whole: nn.Module = self.module
        if self._ranks > 1:
            if sync_bn:
                self.module = synchronised(self.module, self.device)
            if any(parameter.requires_grad for parameter in self.module.parameters()):
                self._whole = nn.parallel.DistributedDataParallel(
                    self.module,
                    device_ids=[self.device] if self.device.type == "cuda" else None,
                    gradient_as_bucket_view=True,
                )
        self._wide_dtype = torch.float64 if dtype == np.float64 else torch.float32
        self._transfer = Transfer(self.device)

    def __repr__(self) -> str:
        return model_text("torch", self.network, self.batch)

    # --- training ---

    def prepare(self) -> None:
        """There is nothing to make ready: PyTorch loads its kernels when they are first called."""

    def step(self, x: Array, y: Array, lr: float | None = None) -> float:
        """One step of gradient descent; returns the mean loss before it."""
        if self._ranks > 1:
            raise OptionError("this model takes steps together with others", expected="step_share, on all ranks")
        return self.step_share(x, y, Share(0, len(x)), lr)

    def step_share(self, x: Array, y: Array, share: Share, lr: float | None = None) -> float:
        """One step that all ranks take together; returns the mean loss of all their samples before it.

        Args:
            x: this rank's samples, at least one.
            y: their labels or targets.
            share: which of the step's samples these are.
            lr: learning rate of this step; the optimizer's unless given.

        Raises:
            NumericError, DataError: on all ranks the same, and nothing was changed on any.
            OptionError: the device's memory does not suffice.
        """
        x, y = self._checked(x, y)
        self._remember()
        try:
            with room(self.device, self.batch):
                loss = self._passes(x, y, share, self._ranks)
                self._clip()
        except BaseException:
            self._forget(restore=True)
            raise
        with room(self.device, self.batch):
            if self._optimizer is not None:
                set_lr(self._optimizer, self.optimizer.lr if lr is None else lr)
                self._optimizer.step()
        self._forget(restore=False)
        self.steps += 1
        return loss

    def gradients(self, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
        """The mean loss and its gradients, in training mode; changes nothing. Of several ranks, each has its own."""
        x, y = self._checked(x, y)
        self._remember()
        try:
            with room(self.device, self.batch):
                loss = self._passes(x, y, Share(0, len(x)), 1)
            found = {name: self._tensors.array(name, _gradient(tensor)) for name, tensor in self._parameters.items()}
        finally:
            self._forget(restore=True)
        return loss, found

    def _checked(self, x: Array, y: Array) -> tuple[Array, Array]:
        x = check_samples(x, self.network.input_shape, self.dtype)
        return x, check_targets(y, (len(x), *self.network.output_shape), self.loss, self.dtype)

    def _turn_to(self, *, training: bool) -> None:
        """Training or inference; it goes through all modules, so only where it changes."""
        if self.module.training != training:
            self.module.train(training)

    def _remember(self) -> None:
        """Keep the running statistics for a step that comes to nothing."""
        if self._running:
            torch._foreach_copy_(self._before, self._running)

    def _passes(self, x: Array, y: Array, share: Share, ranks: int) -> float:
        """The mean loss of the samples of ``ranks``; its gradients are left with the parameters."""
        self._turn_to(training=True)
        whole = self._whole if ranks > 1 else self.module
        parts = parts_of_share(len(x), share.total, ranks, self.batch)
        if len(parts) > 1 and self._capture == "graphs":
            raise OptionError("graphs take a step in one pass", got=f"{len(parts)} parts", expected="a larger batch")
        total = torch.zeros((), dtype=self._wide_dtype, device=self.device)
        found: Callable[[], float] = lambda: 0.0  # noqa: E731
        for i, part in enumerate(parts):
            is_last = i == len(parts) - 1
            alone = whole is not self.module and not is_last
            # Ranks sum their gradients with the last part.
            with self._drawing(i, share.start), whole.no_sync() if alone else nullcontext():
                with computing(self.precision, self.device):
                    scores = whole(self._samples(x[part]))
                loss = loss_of(self.loss, self._wide(scores), self._labels(y[part]))
                loss = loss * ((part.stop - part.start) / share.total)
                total += loss.detach()
                if is_last:
                    if ranks > 1:
                        distributed.all_reduce(total)
                    found = self._transfer.fetch(total)  # on its way while the backward pass is being queued
                if loss.requires_grad:
                    with computing(self.precision, self.device, backward=True):
                        (loss * ranks).backward()  # they take the mean of their gradients
        value = found()
        if not math.isfinite(value):
            raise self._not_finite(x, value, ranks)
        for parameter in self._parameters.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return value

    @contextmanager
    def _drawing(self, part: int, start: int) -> Iterator[None]:
        """Within the block, what is random in a pass follows from the step alone; the user's generators stay."""
        draws = self.module.draws
        draws.step, draws.start = random_step(self.steps, part), start
        if not (draws.native and self._drops):
            yield
            return
        seed = np.random.SeedSequence([self.seed, draws.step, start]).generate_state(1, np.uint64)[0]
        kinds = {} if self.device.type == "cpu" else {"device_type": self.device.type}
        devices = [self.device.index or 0] if kinds else []
        with torch.random.fork_rng(devices, **kinds):
            torch.manual_seed(int(seed >> 1))
            yield

    def _clip(self) -> None:
        """Where the gradient is too long, shorten it (Pascanu et al. 2013, algorithm 1)."""
        longest = self.optimizer.clip_norm
        if longest is None or not self._parameters:
            return
        gradients = [_gradient(parameter) for parameter in self._parameters.values()]
        # In float64, as the squares of a finite gradient may overflow; an Apple GPU has none.
        wide = torch.float32 if self.device.type == "mps" else torch.float64
        length = float(torch.stack(torch._foreach_norm(gradients, 2, wide)).norm())
        if not math.isfinite(length):
            named = ((name, self._tensors.array(name, _gradient(tensor))) for name, tensor in self._parameters.items())
            raise gradients_not_finite(named, length, self.steps + 1)
        if length > longest:
            torch._foreach_mul_(gradients, longest / length)

    def _forget(self, *, restore: bool) -> None:
        """Drop the gradients, and where the step came to nothing, the running statistics that it moved."""
        for parameter in self._parameters.values():
            parameter.grad = None
        if restore and self._running:
            torch._foreach_copy_(self._running, self._before)

    def _not_finite(self, x: Array, loss: float, ranks: int) -> Exception:
        """Who began it: the pass is made again, up to the first layer with NaN or infinity in its output."""
        damaged = torch.tensor(float(not np.isfinite(x).all()), device=self.device)
        if ranks > 1:
            distributed.all_reduce(damaged)
            self.module.eval()  # each rank by itself: batch norm then asks no other
        if damaged:
            return samples_not_finite()
        with computing(self.precision, self.device):
            first = self.module.first_not_finite(self._samples(x[part]) for part in parts_of(len(x), self.batch))
        return loss_not_finite(loss, first, self.steps + 1)

    # --- inference ---

    def forward(self, x: Array) -> Array:
        """The output for samples x, in inference mode."""
        x = check_samples(x, self.network.input_shape, self.dtype)
        return np.concatenate([self._finish(self._scores(x[part])) for part in parts_of(len(x), self.batch)])

    def score(self, x: Array, y: Array) -> tuple[float, Array]:
        """The mean loss and the output, in inference mode."""
        x, y = self._checked(x, y)
        total, outputs = 0.0, []
        for part in parts_of(len(x), self.batch):
            scores = self._scores(x[part])
            with torch.inference_mode():
                total += (part.stop - part.start) * float(loss_of(self.loss, scores, self._labels(y[part])))
            outputs.append(self._finish(scores))
        return total / len(x), np.concatenate(outputs)

    def _scores(self, x: Array) -> torch.Tensor:
        self._turn_to(training=False)
        with room(self.device, self.batch), torch.inference_mode(), computing(self.precision, self.device):
            scores = self.module(self._samples(x))
        return self._wide(scores)

    def _finish(self, scores: torch.Tensor) -> Array:
        """The output from the scores: their softmax, where the network ends in one that the loss contains."""
        output = scores.softmax(1) if self._ends_in_softmax else scores
        return np.ascontiguousarray(channels_last(output).to("cpu").numpy())

    def _samples(self, x: Array) -> torch.Tensor:
        """(n, *spatial, C) in this process's memory as (n, C, *spatial) in the device's, in the same order."""
        return channels_first(self._transfer.send(x))

    def _labels(self, y: Array) -> torch.Tensor:
        return self._transfer.send(y if y.dtype.kind == "f" else y.astype(np.int64, copy=False))

    def _wide(self, scores: torch.Tensor) -> torch.Tensor:
        return scores.to(self._wide_dtype)

    # --- state ---

    def state_dict(self) -> dict[str, Array]:
        """Copies of all weights and running statistics, by full name."""
        return self._tensors.arrays()

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take over what :meth:`state_dict` gave."""
        check_weights(state, self.network)
        self._tensors.load(state)

    def training_state(self) -> dict[str, Array]:
        """Copies of the optimizer's state, and the number of steps done."""
        state = {f"optimizer.{name}.{slot}": self._tensors.array(name, tensor) for name, slot, tensor in self._slots()}
        return state | {"steps": np.array(self.steps, np.int64)}

    def load_training_state(self, state: Mapping[str, Array]) -> None:
        """Take over what :meth:`training_state` gave."""
        parameters = self.network.parameters()
        shapes = {f"optimizer.{name}.{slot}": parameters[name].shape for name, slot, _ in self._slots()}
        check_tensors(state, shapes | {"steps": ()}, "optimizer's state")
        for name, slot, tensor in self._slots():
            self._tensors.fill(name, tensor, state[f"optimizer.{name}.{slot}"])
        self.steps = int(state["steps"])
        if self._optimizer is not None:
            begin(self._optimizer, self.optimizer, self.steps)

    def memory(self) -> dict[str, int]:
        """Measured bytes of a training step: see :func:`tatami.engines.torch.measure.measure`."""
        x = np.zeros((self.batch, *self.network.input_shape), self.dtype)
        y = np.zeros((self.batch, *self.network.output_shape[:-1]), np.int64)
        state = [tensor for _, _, tensor in self._slots()]
        self._remember()
        try:
            return measure(self.module, lambda: self._passes(x, y, Share(0, len(x)), 1), state, self.device)
        finally:
            self._forget(restore=True)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is made of settings and state."""
        options = {"batch": self.batch, "optimizer": self.optimizer, "loss": self.loss, "dtype": self.dtype}
        return _remade, (self.network, {**options, **self._made_by}, self.state_dict(), self.training_state())

    def _slots(self) -> Iterator[tuple[str, str, torch.Tensor]]:
        """Each parameter's name, slot and the tensor in it."""
        if self._optimizer is None:
            return
        for name, parameter in self._parameters.items():
            for slot in self.optimizer.slots:
                yield name, slot, self._optimizer.state[parameter][SLOTS[slot]]


def _remade(
    network: Network, options: dict[str, Any], state: Mapping[str, Array], training: Mapping[str, Array]
) -> TorchModel:
    model = TorchModel(network, **options)
    model.load_state_dict(state)
    model.load_training_state(training)
    return model


def _gradient(parameter: torch.Tensor) -> torch.Tensor:
    assert parameter.grad is not None
    return parameter.grad


def on_device(module: nn.Module, device: torch.device, dtype: np.dtype, axes: int) -> Any:
    """The module on a device, its weights channels last as its maps are."""
    kind = torch.float64 if dtype == np.float64 else torch.float32
    return module.to(device, kind, memory_format=torch.channels_last_3d if axes == 3 else torch.channels_last)


def _reached(network: Network) -> set[str]:
    """The nodes from which a way leads to the output."""
    found = {network.nodes[-1].name}
    for node in reversed(network.nodes):
        if node.name in found:
            found.update(node.inputs)
    return found
