"""Optimizers, as settings. The rules are PyTorch's to the letter; an engine turns them into arithmetic.

In the formulas: w a parameter, g its gradient, t the number of the step from 1.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from tatami.errors import OptionError
from tatami.recipe.checks import find, need_at_least_zero, need_options, need_positive, need_share


@dataclass(frozen=True)
class Optimizer:
    """Base of the optimizers.

    Attributes:
        lr: learning rate.
        weight_decay: L2 penalty, added to the gradient as weight_decay * w (AdamW: taken off the weights themselves).
            It falls on every trainable parameter.
        clip_norm: longest that the gradient may be, all parameters taken as one vector; a longer one g is scaled to it,
            g * clip_norm / length, before all else. None leaves it as it is. Source: Pascanu et al. 2013, On the
            difficulty of training recurrent neural networks, algorithm 1.

    Raises:
        OptionError: a value that makes no sense.
    """

    name: ClassVar[str]

    lr: float = 1e-3
    _: KW_ONLY
    weight_decay: float = 0.0
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        need_positive(self.name, "lr", self.lr)
        need_at_least_zero(self.name, "weight_decay", self.weight_decay)
        if self.clip_norm is not None:
            need_positive(self.name, "clip_norm", self.clip_norm)

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the state tensors kept for each parameter, all of its shape, all zero at first."""
        return ()


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent, with momentum if given: velocity v <- momentum * v + g; w <- w - lr * v.

    With ``nesterov``, w <- w - lr * (g + momentum * v), v being the new one. Source: Sutskever et al. 2013, section 2,
    in PyTorch's form, where the learning rate is not part of the velocity.
    """

    name: ClassVar[str] = "sgd"

    lr: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        need_share(self.name, "momentum", self.momentum)
        if self.nesterov not in (True, False):
            raise OptionError("impossible nesterov", where=self.name, got=repr(self.nesterov), expected="True or False")
        if self.nesterov and not self.momentum:
            raise OptionError("nesterov needs momentum", where=self.name, got="momentum 0", expected="such as 0.9")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """s <- alpha * s + (1 - alpha) * g^2; w <- w - lr * g / (sqrt(s) + eps).

    Source: Tieleman & Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning.
    """

    name: ClassVar[str] = "rmsprop"

    lr: float = 1e-3
    alpha: float = 0.99
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        need_share(self.name, "alpha", self.alpha)
        need_positive(self.name, "eps", self.eps)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("mean_square",)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Gradient descent by the running mean and variance of the gradient.

    m <- b1 * m + (1 - b1) * g; v <- b2 * v + (1 - b2) * g^2; w <- w - lr * m' / (sqrt(v') + eps), where
    m' = m / (1 - b1^t) and v' = v / (1 - b2^t). Source: Kingma & Ba 2014, algorithm 1. ``betas`` is (b1, b2).
    """

    name: ClassVar[str] = "adam"

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.betas) != 2:
            raise OptionError("impossible betas", where=self.name, got=self.betas, expected="two, such as (0.9, 0.999)")
        for beta in self.betas:
            need_share(self.name, "beta", beta)
        need_positive(self.name, "eps", self.eps)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("mean", "variance")


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam after w <- w - lr * weight_decay * w: the decay does not pass through the running means.

    Source: Loshchilov & Hutter 2017, Decoupled Weight Decay Regularization, algorithm 2.
    """

    name: ClassVar[str] = "adamw"

    _: KW_ONLY
    weight_decay: float = 0.01


_OPTIMIZERS: dict[str, tuple[type[Optimizer], dict[str, object]]] = {
    "sgd": (SGD, {}),
    "momentum": (SGD, {"momentum": 0.9}),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (RMSProp, {}),
    "adam": (Adam, {}),
    "adamw": (AdamW, {}),
}
OPTIMIZERS = tuple(_OPTIMIZERS)
"""The names that :func:`make_optimizer` knows."""


def make_optimizer(name: str, lr: float | None = None, **options: object) -> Optimizer:
    """The optimizer called ``name``: sgd, momentum, nesterov, rmsprop, adam or adamw.

    Args:
        name: letter case aside; ``momentum`` and ``nesterov`` are SGD with a momentum of 0.9.
        lr: learning rate; the optimizer's default unless given.
        options: its other settings, such as ``weight_decay``.

    Raises:
        OptionError: unknown name or option, or a value that makes no sense.
    """
    recipe, preset = find("optimizer", name, _OPTIMIZERS)
    need_options(name, recipe, options)
    values = preset | options | ({} if lr is None else {"lr": lr})
    return recipe(**values)  # type: ignore[arg-type]  # the checks of the dataclass are those of the values
