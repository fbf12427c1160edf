"""torchvision's models, where they can be imported."""

from contextlib import suppress
from types import ModuleType

import pytest


def torchvision_models() -> ModuleType:
    """The module; the test is skipped where it is not there."""
    torch = pytest.importorskip("torch", reason="needs tatami[torch]")
    # Beside a PyTorch without CUDA, its wheels lack the operators of their compiled part, and complain of it.
    for name in ("nms", "qnms"):
        with suppress(RuntimeError):
            torch.library.define(f"torchvision::{name}", "(Tensor x) -> Tensor")
    return pytest.importorskip("torchvision", reason="needs torchvision", exc_type=ImportError).models
