"""ATen's operators as layers: one file a family. Importing this package enters all of them in ``RULES``."""

from tatami.exchange.torch.operators import activation, conv, dense, merge, moved, norm, pool
from tatami.exchange.torch.operators.norm import WITHIN, is_within_whole
from tatami.exchange.torch.operators.rules import RULES, Call

__all__ = [
    "RULES",
    "WITHIN",
    "Call",
    "activation",
    "conv",
    "dense",
    "is_within_whole",
    "merge",
    "moved",
    "norm",
    "pool",
]
