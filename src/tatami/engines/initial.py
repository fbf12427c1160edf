"""The first weights. Every engine starts from these, so that engines can be compared step by step."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tatami.engines.base import Array
from tatami.network import Network
from tatami.network.layers import Parameter


def initial_weights(network: Network, seed: int, dtype: np.dtype, init: str = "he") -> dict[str, Array]:
    """A first value for every tensor of ``network``, by its full name.

    Weights are random, scales at their start, running variances 1, all others 0. Each weight has a generator of its
    own, from ``seed`` and its place in the network; so the first layers start the same whatever follows them.

    Args:
        network: any network.
        seed: of all the generators.
        dtype: of the result; the numbers are drawn in float64, so they are the same for each dtype, up to rounding.
        init: ``he`` or ``xavier``.
    """
    weights = {}
    for index, (name, parameter) in enumerate(network.parameters().items()):
        if parameter.role == "weight":
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
            draw = _he if init == "he" else _xavier
            weights[name] = draw(parameter, rng).astype(dtype)
        else:
            starts = {"scale": parameter.start, "running_var": 1.0}
            weights[name] = np.full(parameter.shape, starts.get(parameter.role, 0.0), dtype)
    return weights


def _he(parameter: Parameter, rng: np.random.Generator) -> NDArray[np.float64]:
    """Normal with deviation sqrt(2 / fan_in), which keeps the variance through ReLUs (He et al. 2015, equation 10)."""
    return rng.standard_normal(parameter.shape) * math.sqrt(2 / parameter.fan_in)


def _xavier(parameter: Parameter, rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniform within +-sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, equation 16)."""
    bound = math.sqrt(6 / (parameter.fan_in + parameter.fan_out))
    return rng.uniform(-bound, bound, parameter.shape)
