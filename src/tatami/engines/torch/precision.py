"""In how many bits the torch engine computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from tatami.errors import OptionError


@contextmanager
def computing(precision: str, device: torch.device, *, backward: bool = False) -> Iterator[None]:
    """Within the block, PyTorch computes in ``precision``: float32, float64, tf32 or bf16.

    In float32 the products of a GPU are exact to float32, too: PyTorch by itself would round those of convolutions.
    bf16 is mixed precision: what loses too much in 16 bits stays in 32 (Micikevicius et al. 2017, section 3).

    Args:
        precision: as :func:`tatami.engines.compile` takes it.
        device: where.
        backward: in a backward pass, whose operators take the types of the forward pass without being told.
    """
    with ExitStack() as stack:
        if device.type == "cuda":
            stack.enter_context(rounding_products(precision in ("tf32", "bf16")))
        if precision == "bf16" and not backward:
            stack.enter_context(torch.autocast(device.type, torch.bfloat16))
        yield


@contextmanager
def rounding_products(allowed: bool) -> Iterator[None]:
    """Within the block, the float32 products of NVIDIA's cards may be rounded to TF32, or may not; then as before.

    New versions of PyTorch have a switch for each library and operator, and refuse the older, common ones to those who
    have set these apart. Both are set where both may be: what ``torch.compile`` asks for is the older.
    """
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    values: dict[tuple[Any, str], Any] = {}
    if hasattr(cudnn, "conv"):
        newer = (matmul, cudnn.conv, cudnn.rnn)
        values = {(owner, "fp32_precision"): "tf32" if allowed else "ieee" for owner in newer}
    else:
        values = {(owner, "allow_tf32"): allowed for owner in (matmul, cudnn)}
    before = {(owner, name): getattr(owner, name) for owner, name in values}
    common = _common()
    if common is not None:
        torch.set_float32_matmul_precision("high" if allowed else "highest")
    _set(values)
    try:
        yield
    finally:
        if common is not None:
            torch.set_float32_matmul_precision(common)
        _set(before)


def _common() -> str | None:
    """The older, common switch of matrix products; None where it may not be asked."""
    try:
        found: str = torch.get_float32_matmul_precision()
    except RuntimeError:
        return None
    return found


def _set(values: dict[tuple[Any, str], Any]) -> None:
    for (owner, name), value in values.items():
        setattr(owner, name, value)


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse what the device does not have.

    Raises:
        OptionError: float64 on an Apple GPU, or a precision of GPUs elsewhere.
    """
    if precision == "float64" and device.type == "mps":
        raise OptionError("an Apple GPU has no float64", got=precision, expected="float32 or bf16")
    if precision == "tf32" and device.type != "cuda":
        raise OptionError("tf32 is a precision of NVIDIA's GPUs", got=f"device {device}", expected="float32 or bf16")
