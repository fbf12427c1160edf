"""Where the torch engine computes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

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
            hint = "--device cpu, or fewer ranks" if rank else "--device cpu"
            raise OptionError(f"PyTorch finds {there} here", got=name, hint=hint)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise OptionError("PyTorch finds no Apple GPU here", got=name, hint="--device cpu")
    return device


@contextmanager
def room(device: torch.device, batch: int) -> Iterator[None]:
    """Within the block, memory that does not suffice is the user's to know.

    Raises:
        OptionError: a tensor found no room on the device.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OptionError(
            "the device's memory does not suffice",
            where=str(device),
            got=f"batch {batch}",
            hint="a smaller --batch with --accumulate, --checkpoint, --dtype bf16; tatami plan --gpu says what fits",
        ) from error


def device_name(device: torch.device) -> str:
    """What the maker calls it: ``NVIDIA H100 80GB HBM3``; the type of a device without a name."""
    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else device.type
