"""Where the torch engine computes."""

from __future__ import annotations

import os

import torch

from tatami.errors import OptionError


def find_device(name: str | None) -> torch.device:
    """The device called ``name``; unless given, the first of cuda, mps and cpu that there is.

    Of several ranks on a machine, each takes the card of its own number.

    Raises:
        OptionError: no such device, here or at all.
    """
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    known = ("cuda", "mps", "cpu")
    if device is None or device.type not in known:
        raise OptionError("unknown device", got=name, expected="cuda, cuda:1, mps or cpu") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if device.index is None:
            device = torch.device("cuda", rank)
        if device.index >= count:
            there = f"{count} CUDA {'device' if count == 1 else 'devices'}" if count else "no CUDA device"
            raise OptionError(f"PyTorch finds {there} here", got=str(device), hint="--device cpu, or fewer ranks")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise OptionError("PyTorch finds no Apple GPU here", got=name, hint="--device cpu")
    return device
