"""PyTorch's side, in its ways to run a network: eager, channels last, compiled.

SGD is the fused one, the fastest of its forms. Tensors are in the network's memory format before the clock starts.
Signals are 1-D layers, but images of width 1 in channels last, which exists for images alone. ``compile`` starts from
the plain format and chooses its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from cases import Case
from layout import signals_as_images
from torch.nn import functional
from translation import make_module

from tatami.engines.initial import initial_weights
from tatami.network import Network

KINDS = ("eager", "channels-last", "compile")


class TorchSide:
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.last = kind == "channels-last"

    def place(self, x: np.ndarray, y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        if self.last and x.ndim == 3:
            x = x[:, :, None]
        tensor = torch.from_numpy(x).movedim(-1, 1)  # channels last in memory already
        if not self.last:
            tensor = tensor.contiguous()
        return tensor, torch.from_numpy(y)

    def trainer(self, case: Case) -> Callable[[torch.Tensor, torch.Tensor], float]:
        module = self.module(case.network())
        optimizer = torch.optim.SGD(module.parameters(), lr=case.lr, momentum=0.9, fused=True)
        run = torch.compile(module) if self.kind == "compile" else module

        def step(x: torch.Tensor, y: torch.Tensor) -> float:
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(run(x), y)
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    def predictor(self, case: Case) -> Callable[[torch.Tensor], np.ndarray]:
        module = self.module(case.network()).eval()
        if self.kind == "compile":
            from torch._inductor import config

            config.freezing = True  # weights become constants: BN is folded, layouts are prepared
            module = torch.compile(module)

        def forward(x: torch.Tensor) -> np.ndarray:
            with torch.no_grad() if self.kind == "compile" else torch.inference_mode():
                return module(x).numpy()

        return forward

    def module(self, network: Network) -> torch.nn.Module:
        weights = initial_weights(network, 0, np.dtype("float32"))
        module = make_module(signals_as_images(network) if self.last else network, weights)
        return module.to(memory_format=torch.channels_last) if self.last and len(network.input_shape) > 1 else module
