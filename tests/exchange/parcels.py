"""Networks with random weights for the tests of what leaves tatami, and their scores by the textbook engine."""

import zlib

import numpy as np
import pytest

from tatami.engines import compile
from tatami.exchange.parcel import Parcel
from tatami.network import Network, find_network, zoo

TOLERANCE = 1e-5  # of the largest score


def random_state(network: Network) -> dict[str, np.ndarray]:
    """Weights under which rounding does not grow from layer to layer, and running statistics of no special value."""
    rng, state = np.random.default_rng(zlib.crc32(repr(network.nodes[-1]).encode())), {}
    for name, parameter in network.parameters().items():
        value = rng.standard_normal(parameter.shape)
        match parameter.role:
            case "weight":
                value /= np.sqrt(parameter.fan_in)
            case "scale" | "running_var":
                value = 1 + 0.2 * np.abs(value)
            case _:
                value *= 0.1
        state[name] = value.astype(np.float32)
    return state


def parcel_of(text: str, **known) -> Parcel:
    network = find_network(text).build()
    return Parcel(network, random_state(network), **known)


def samples(network: Network, n: int = 3) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((n, *network.input_shape)).astype(np.float32)


def own_scores(parcel: Parcel, x: np.ndarray, engine: str = "textbook") -> np.ndarray:
    model = compile(parcel.network, engine, batch=len(x))
    model.load_state_dict(parcel.state)
    return model.forward(x)


def to_first(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -1, 1)


def to_last(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, 1, -1)


def error(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, over the largest value."""
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


# Smaller inputs where the notation allows: the layers are the same.
SMALL = {"unet_encoder": (188, 188, 1), "m5": (2000, 1), "alexnet2012": (99, 99, 3), "inception_v3": (107, 107, 3)}
QUICK = {
    *{"memo", "lenet5", "lenet5_1998", "fcn", "inceptiontime", "resnet1d", "m5", "resnet20", "all_cnn"},
    *{"shufflenet_v2", "mobilenet_v3_small", "squeezenet1_1"},
}
of_the_zoo = pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in zoo.names()]
)


def small_parcel(name: str) -> Parcel:
    """A network of the zoo on a small input."""
    network = find_network(name).build()
    shape = SMALL.get(name) or ((64, 64, 3) if network.input_shape == (224, 224, 3) else None)
    network = find_network(name).build(input_shape=shape)
    return Parcel(network, random_state(network))
