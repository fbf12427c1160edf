"""Arrays on their way between this process's memory and the device's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from tatami.engines.base import Array


class Transfer:
    """Copies to and from one device; on a GPU they go on while the program does."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._waits = device.type == "cuda"

    def send(self, array: Array) -> torch.Tensor:
        """The array as a tensor on the device; on a CPU it may be the same memory, which is not written to."""
        if not array.flags.writeable:
            array = array.copy()  # PyTorch has no tensors that may not be written
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if self._waits:
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def fetch(self, value: torch.Tensor) -> Callable[[], float]:
        """Begin to fetch a single value; what is returned waits for it, but for nothing that is queued behind it."""
        if not self._waits:
            return lambda: float(value)
        target = torch.empty_like(value, device="cpu", pin_memory=True)
        target.copy_(value, non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record(torch.cuda.current_stream(self.device))

        def wait() -> float:
            arrived.synchronize()
            return float(target)

        return wait
