"""Convolutions of 1x1: the map itself, a row a pixel, times the weights (C, K).

Where a stride leaves pixels out, those that are seen are gathered first; both are :mod:`tatami.engines.cpu.unfolded`
for windows of one pixel, and this module says when it applies (:mod:`tatami.plan.scratch.pointwise`).
"""

from __future__ import annotations

from tatami.engines.cpu.unfolded import backward_data, backward_weights, forward, pack, pack_backward

__all__ = ["backward_data", "backward_weights", "forward", "pack", "pack_backward"]
