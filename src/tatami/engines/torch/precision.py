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
    """Within the block, the float32 products of NVIDIA's cards may be rounded to TF32, or may not; then as before."""
    switches = [
        _switch(torch.backends.cuda.matmul, torch.backends.cuda.matmul),
        _switch(torch.backends.cudnn, getattr(torch.backends.cudnn, "conv", None)),
    ]
    before = [getattr(owner, name) for owner, name, _ in switches]
    for owner, name, values in switches:
        setattr(owner, name, values[allowed])
    try:
        yield
    finally:
        for (owner, name, _), value in zip(switches, before, strict=True):
            setattr(owner, name, value)


def _switch(older: Any, newer: Any) -> tuple[Any, str, tuple[Any, Any]]:
    """Who has a switch, its name, and its values for off and on.

    There are two in new versions of PyTorch, and it refuses the older to those who have used the newer.
    """
    try:
        older.allow_tf32  # noqa: B018  # it raises where it may not be asked
    except RuntimeError:
        return newer, "fp32_precision", ("ieee", "tf32")
    return older, "allow_tf32", (False, True)


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse what the device does not have.

    Raises:
        OptionError: float64 on an Apple GPU, or a precision of GPUs elsewhere.
    """
    if precision == "float64" and device.type == "mps":
        raise OptionError("an Apple GPU has no float64", got=precision, expected="float32 or bf16")
    if precision == "tf32" and device.type != "cuda":
        raise OptionError("tf32 is a precision of NVIDIA's GPUs", got=f"device {device}", expected="float32 or bf16")
