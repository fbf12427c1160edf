"""What a training step really takes, in bytes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Follows the memory of every tensor that an operator makes, from its birth to its end.

    Attributes:
        live: bytes of those alive.
        peak: the most that was alive after any operator.
    """

    def __init__(self, known: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._seen: dict[int, Any] = {}
        for tensor in known:
            self._follow(tensor, 0)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._follow(tensor, tensor.untyped_storage().nbytes())
        self.peak = max(self.peak, self.live)
        return result

    def _follow(self, tensor: torch.Tensor, size: int) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._seen:
            return
        self.live += size
        self._seen[key] = weakref.finalize(storage, self._end, key, size)

    def _end(self, key: int, size: int) -> None:
        self._seen.pop(key, None)
        self.live -= size


class Saved:
    """What autograd saves: the memory of each tensor once, without that of ``own`` ones.

    Attributes:
        own: whose memory does not count, by storage.
        sizes: bytes by storage.
    """

    def __init__(self, own: Iterable[torch.Tensor]) -> None:
        self.own = {tensor.untyped_storage()._cdata for tensor in own}
        self.sizes: dict[int, int] = {}

    def hooks(self) -> Any:
        """A context: within it, what is saved is taken note of."""
        return torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor)

    def _pack(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self.own:
            self.sizes[storage._cdata] = storage.nbytes()
        return tensor


def measure(
    module: nn.Module, passes: Callable[[], object], state: Iterable[torch.Tensor], device: torch.device
) -> dict[str, int]:
    """Rehearse the passes of a training step.

    Args:
        module: the network.
        passes: both passes of a step, whose gradients stay with the parameters.
        state: the optimizer's.
        device: where; on a GPU its allocator is asked for the peak, elsewhere the tensors are followed.

    Returns:
        Bytes: ``weights`` and running statistics, ``gradients``, ``optimizer`` state, ``activations`` that autograd
        saves, and ``peak_bytes``, the most that was alive at one time. What operators take within themselves is seen on
        a GPU only.
    """
    tensors = [*module.parameters(), *module.buffers()]
    weights, optimizer = _bytes(tensors), _bytes(state)
    saved = Saved(tensors)
    if device.type == "cuda":
        with saved.hooks():
            passes()
        for parameter in module.parameters():
            parameter.grad = None
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        passes()
        peak = torch.cuda.max_memory_allocated(device)
    else:
        with saved.hooks(), LiveBytes(tensors) as live:
            passes()
        peak = weights + optimizer + live.peak
    gradients = _bytes(parameter.grad for parameter in module.parameters() if parameter.grad is not None)
    return {
        "weights": weights,
        "gradients": gradients,
        "optimizer": optimizer,
        "activations": sum(saved.sizes.values()),
        "peak_bytes": peak,
    }


def _bytes(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
