"""Is there a card, which one is it, and how much of it is taken? And a process of its own for each measurement."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path

from rounds import run_process, say

from tatami.errors import TatamiError
from tatami.plan.card_names import find_device
from tatami.plan.devices import Device

HERE = Path(__file__).parent
MISSING = 2  # exit code where there is no card
DRY = "On the processor: this shows that the script works. Nothing of CUDA was measured."

# The allocator that is foretold is PyTorch's in its default configuration.
SETTINGS = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")


def what_is_missing(device: str) -> str | None:
    """Why nothing can be measured on ``cuda``, or on ``cpu``, here, in a line; None where it can."""
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed; benchmarks/requirements-gpu.txt names what is needed"
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        return "PyTorch finds no CUDA device here; --dry-run walks through it all on the processor"
    return None


def run_here(python: str, script: str, *options: str) -> dict:
    """What ``script`` of this folder found, or its ``error``."""
    environment = {"PYTHONPATH": os.pathsep.join([str(HERE.with_name("engines")), str(HERE)])}
    return run_process([python, str(HERE / script), *options], environment | dict.fromkeys(SETTINGS, ""))


def about_card(python: str) -> dict:
    """``card``, ``total`` bytes, ``uuid``, ``torch``, ``cuda`` and ``cudnn``, found in a process of its own.

    A process that asks has a context on the card, which would be counted with what is measured.
    """
    found = run_here(python, "gpu_card.py")
    if "error" in found:
        raise RuntimeError(found["error"])
    return found


def card_text(card: dict) -> str:
    """A line for a report."""
    libraries = f"PyTorch {card['torch']}, CUDA {card['cuda']}, cuDNN {card['cudnn']}"
    return f"{card['card']}, {card['total'] / 2**20:,.0f} MiB; {libraries}."


def known_card(name: str) -> Device | None:
    """The card in tatami's catalogue; None, and a line that says so, where it is not there."""
    try:
        return find_device(name)
    except TatamiError as error:
        say(f"this card is not in the catalogue: {error}")
        return None


def taken(uuid: str) -> int | None:
    """Bytes of the card that are in use, by all processes; None where ``nvidia-smi`` does not say."""
    command = ["nvidia-smi", f"--id=GPU-{uuid}", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return int(done.stdout.strip()) * 2**20 if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def _about() -> dict:
    import torch

    properties = torch.cuda.get_device_properties(0)
    return {
        "card": properties.name,
        "total": properties.total_memory,
        "uuid": str(properties.uuid),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


if __name__ == "__main__":
    print(json.dumps(_about()))
