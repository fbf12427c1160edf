"""How to train, as plain data: optimizers, losses and learning-rate schedules, without an array."""

from tatami.recipe.losses import CrossEntropy, Hinge, Loss, MeanSquaredError, make_loss
from tatami.recipe.optimizers import SGD, Adam, AdamW, Optimizer, RMSProp, make_optimizer
from tatami.recipe.schedules import Constant, Cosine, OneCycle, Schedule, StepDecay, make_schedule

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "CrossEntropy",
    "Hinge",
    "Loss",
    "MeanSquaredError",
    "OneCycle",
    "Optimizer",
    "RMSProp",
    "Schedule",
    "StepDecay",
    "make_loss",
    "make_optimizer",
    "make_schedule",
]
