"""Each optimizer against its recurrence, spelled out from PyTorch's documentation for one weight and several steps."""

import math

import numpy as np
import pytest

from tatami.engines.textbook.optimizers import update
from tatami.recipe import SGD, Adam, AdamW, Optimizer, RMSProp

GRADIENTS = [0.5, -1.25, 2.0, 0.125, -0.75]
START = 0.8


def moved(optimizer, lr=None):
    """Where the textbook engine takes one weight."""
    w = np.array([START])
    state = {slot: np.zeros(1) for slot in optimizer.slots}
    path = []
    for t, g in enumerate(GRADIENTS, start=1):
        g = np.array([g])
        update(optimizer, w, g, state, lr or optimizer.lr, t)
        assert g.item() == GRADIENTS[t - 1]
        path.append(w.item())
    return path


def sgd(lr, weight_decay):
    w, path = START, []
    for g in GRADIENTS:
        w = w - lr * (g + weight_decay * w)
        path.append(w)
    return path


def sgd_momentum(lr, mu, weight_decay, nesterov):
    """torch.optim.SGD: b_t = mu b_(t-1) + g_t, with b_1 = g_1; Nesterov: g_t <- g_t + mu b_t; else g_t <- b_t."""
    w, b, path = START, None, []
    for g in GRADIENTS:
        g = g + weight_decay * w
        b = g if b is None else mu * b + g
        g = g + mu * b if nesterov else b
        w = w - lr * g
        path.append(w)
    return path


def rmsprop(lr, alpha, eps, weight_decay):
    """torch.optim.RMSprop: v_t = alpha v_(t-1) + (1 - alpha) g_t^2; w_t = w_(t-1) - lr g_t / (sqrt(v_t) + eps)."""
    w, v, path = START, 0.0, []
    for g in GRADIENTS:
        g = g + weight_decay * w
        v = alpha * v + (1 - alpha) * g * g
        w = w - lr * g / (math.sqrt(v) + eps)
        path.append(w)
    return path


def adam(lr, b1, b2, eps, weight_decay, decoupled):
    """torch.optim.Adam and AdamW: m and v corrected by 1 - beta^t; AdamW first w <- w - lr lambda w."""
    w, m, v, path = START, 0.0, 0.0, []
    for t, g in enumerate(GRADIENTS, start=1):
        if decoupled:
            w = w - lr * weight_decay * w
        else:
            g = g + weight_decay * w
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        w = w - lr * (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + eps)
        path.append(w)
    return path


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (SGD(0.1), sgd(0.1, 0)),
        (SGD(0.1, weight_decay=0.2), sgd(0.1, 0.2)),
        (SGD(0.1, 0.9), sgd_momentum(0.1, 0.9, 0, False)),
        (SGD(0.1, 0.8, weight_decay=0.1), sgd_momentum(0.1, 0.8, 0.1, False)),
        (SGD(0.1, 0.8, True, weight_decay=0.1), sgd_momentum(0.1, 0.8, 0.1, True)),
        (RMSProp(0.1, 0.7, 0.01), rmsprop(0.1, 0.7, 0.01, 0)),
        (RMSProp(0.1, weight_decay=0.3), rmsprop(0.1, 0.99, 1e-8, 0.3)),
        (Adam(0.1), adam(0.1, 0.9, 0.999, 1e-8, 0, False)),
        (Adam(0.1, (0.5, 0.7), 0.01, weight_decay=0.3), adam(0.1, 0.5, 0.7, 0.01, 0.3, False)),
        (AdamW(0.1), adam(0.1, 0.9, 0.999, 1e-8, 0.01, True)),
        (AdamW(0.1, (0.5, 0.7), 0.01, weight_decay=0.3), adam(0.1, 0.5, 0.7, 0.01, 0.3, True)),
    ],
    ids=str,
)
def test_update(optimizer, expected):
    assert moved(optimizer) == pytest.approx(expected, rel=1e-13)


def test_the_step_may_have_a_learning_rate_of_its_own():
    assert moved(SGD(0.5), lr=0.1) == pytest.approx(sgd(0.1, 0))
    assert moved(AdamW(0.5), lr=0.1) == pytest.approx(adam(0.1, 0.9, 0.999, 1e-8, 0.01, True))


def test_an_unknown_optimizer_is_named():
    class Strange(Optimizer):
        name = "strange"

    with pytest.raises(NotImplementedError, match="the textbook engine has no rule for the optimizer strange"):
        update(Strange(), np.ones(1), np.ones(1), {}, 0.1, 1)
