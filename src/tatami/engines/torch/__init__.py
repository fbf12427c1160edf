"""PyTorch as an engine: for GPUs and several machines. Beside it, only ``exchange.torch`` imports torch.

Begin with ``module.py``, which makes an ``nn.Module`` of a network; each family of layers has a file, which adds its
rules to ``rules.lower``. ``model.py`` takes steps of gradient descent.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from tatami.engines.base import DTYPES
from tatami.errors import OptionError

if TYPE_CHECKING:
    from tatami.engines.torch.model import TorchModel

OPTIONS: tuple[str, ...] = (
    "precision",
    "device",
    "sync_bn",
    "capture",
    "ranks",
)  # of compile, beyond what all engines take


def make_model(*args: Any, **options: Any) -> TorchModel:
    """A :class:`tatami.engines.torch.model.TorchModel`.

    Raises:
        OptionError: PyTorch is not installed.
    """
    if importlib.util.find_spec("torch") is None:
        raise OptionError("engine torch needs PyTorch, which is not installed", hint="pip install 'tatami[torch]'")
    from tatami.engines.torch.model import TorchModel

    return TorchModel(*args, **options)


__all__ = ["DTYPES", "OPTIONS", "make_model"]
