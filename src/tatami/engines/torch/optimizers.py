"""Optimizers: PyTorch's own, whose rules are tatami's, with their state by tatami's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from tatami.recipe import SGD, Adam, AdamW, Optimizer, RMSProp

# What PyTorch calls the tensors that tatami's optimizers keep.
SLOTS = {"velocity": "momentum_buffer", "mean_square": "square_avg", "mean": "exp_avg", "variance": "exp_avg_sq"}


def make_optimizer(recipe: Optimizer, parameters: Sequence[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """PyTorch's optimizer for these settings: as one kernel over all parameters where it has that.

    Args:
        recipe: the settings; clipping is not part of it.
        parameters: at least one, all on one device.
    """
    common: dict[str, Any] = {"lr": recipe.lr, "weight_decay": recipe.weight_decay}
    match recipe:
        case AdamW():
            made = torch.optim.AdamW(parameters, betas=recipe.betas, eps=recipe.eps, fused=True, **common)
        case Adam():
            made = torch.optim.Adam(parameters, betas=recipe.betas, eps=recipe.eps, fused=True, **common)
        case RMSProp():
            made = torch.optim.RMSprop(parameters, alpha=recipe.alpha, eps=recipe.eps, **common)
        case SGD():
            made = torch.optim.SGD(parameters, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True, **common)
        case _:
            raise NotImplementedError(f"the torch engine has no rule for the optimizer {recipe.name}")
    begin(made, recipe, 0)
    return made


def begin(optimizer: torch.optim.Optimizer, recipe: Optimizer, steps: int) -> None:
    """Have every parameter's state there, zero where it is new, after ``steps`` steps."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state[parameter]
            if not isinstance(recipe, SGD):  # SGD counts no steps
                device = parameter.device if group.get("fused") else torch.device("cpu")
                state["step"] = torch.tensor(float(steps), device=device)
            for slot in recipe.slots:
                state.setdefault(SLOTS[slot], torch.zeros_like(parameter, memory_format=torch.preserve_format))


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """The learning rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = lr
