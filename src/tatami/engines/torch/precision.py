"""In how many bits the torch engine computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from tatami.errors import OptionError


@contextmanager
def computing(precision: str, device: torch.device) -> Iterator[None]:
    """Within the block, PyTorch computes in ``precision``: float32, float64, tf32 or bf16.

    In float32 the products of a GPU are exact to float32, too: PyTorch by itself would round those of convolutions.
    bf16 is mixed precision: what loses too much in 16 bits stays in 32 (Micikevicius et al. 2017, section 3).
    """
    with ExitStack() as stack:
        if device.type == "cuda":
            stack.enter_context(_rounding_products(precision in ("tf32", "bf16")))
        if precision == "bf16":
            stack.enter_context(torch.autocast(device.type, torch.bfloat16))
        yield


@contextmanager
def _rounding_products(allowed: bool) -> Iterator[None]:
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse what the device does not have.

    Raises:
        OptionError: float64 on an Apple GPU, or a precision of GPUs elsewhere.
    """
    if precision == "float64" and device.type == "mps":
        raise OptionError("an Apple GPU has no float64", got=precision, expected="float32 or bf16")
    if precision == "tf32" and device.type != "cuda":
        raise OptionError("tf32 is a precision of NVIDIA's GPUs", got=f"device {device}", expected="float32 or bf16")
