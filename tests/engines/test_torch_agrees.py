"""Engines train alike: the same losses and weights over 20 steps, from the same seed, on networks of every kind.

In float64, with dropout and batch norm as they are; what differs is the order of sums alone.
"""

import numpy as np
import pytest

from tatami.engines import compile
from tatami.network import find_network
from tatami.recipe import SGD, AdamW, RMSProp

pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")

STEPS, BATCH = 20, 4
MOMENTUM = SGD(lr=1e-3, momentum=0.9)
SLOW = SGD(lr=1e-4, momentum=0.9, nesterov=True)

# Maps stay at least 2x2: batch norm over 4 values would make chaos of the last bit.
NETWORKS = [
    ("memo", (16, 16, 1), AdamW(lr=1e-3)),
    ("lenet5", (32, 32, 1), MOMENTUM),
    ("alexnet2012", (67, 67, 3), SGD(lr=1e-3)),
    ("vgg11", (32, 32, 3), SGD(lr=1e-4, weight_decay=1e-2)),
    ("resnet20", (16, 16, 3), MOMENTUM),
    ("googlenet", (32, 32, 3), MOMENTUM),
    ("squeezenet1_1", (32, 32, 3), RMSProp(lr=1e-5)),
    ("densenet121", (64, 64, 3), SLOW),
    ("mobilenet_v2", (64, 64, 3), SLOW),
    ("shufflenet_v2", (64, 64, 3), SLOW),
    ("efficientnet_b0", (64, 64, 3), SLOW),
    ("inceptiontime", (40, 2), SGD(lr=1e-3, momentum=0.9, clip_norm=1.0)),
    ("fcn", (40, 1), MOMENTUM),
]


def trained(engine: str, name: str, shape, optimizer):
    network = find_network(name).build(shape, 5)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, *shape))
    y = rng.integers(network.output_shape[-1], size=BATCH)
    model = compile(network, engine, batch=BATCH, dtype="float64", optimizer=optimizer, seed=1)
    return [model.step(x, y) for _ in range(STEPS)], model


@pytest.mark.parametrize(("name", "shape", "optimizer"), NETWORKS, ids=lambda value: str(value)[:20])
def test_torch_and_cpu(name, shape, optimizer):
    losses, model = trained("torch", name, shape, optimizer)
    expected, other = trained("cpu", name, shape, optimizer)

    np.testing.assert_allclose(losses, expected, rtol=1e-7)
    assert losses[-1] != pytest.approx(losses[0], rel=1e-3)  # it did train
    _assert_close(model.state_dict(), other.state_dict())
    _assert_close(model.training_state(), other.training_state())


@pytest.mark.parametrize(
    ("name", "shape", "optimizer"), [NETWORKS[0], NETWORKS[1], NETWORKS[-1]], ids=lambda value: str(value)[:20]
)
def test_torch_and_the_textbook(name, shape, optimizer):
    losses, model = trained("torch", name, shape, optimizer)
    expected, other = trained("textbook", name, shape, optimizer)

    np.testing.assert_allclose(losses, expected, rtol=1e-9)
    _assert_close(model.state_dict(), other.state_dict())


@pytest.mark.parametrize("engines", [("cpu", "torch"), ("torch", "cpu"), ("torch", "textbook")], ids="-".join)
def test_a_training_begun_on_one_goes_on_on_another(engines):
    """Weights and optimizer state move without loss, the steps that follow are those of one engine alone."""
    name, shape, optimizer = NETWORKS[0]
    network = find_network(name).build(shape, 5)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((BATCH, *shape)), rng.integers(5, size=BATCH)
    first, second, alone = (
        compile(network, engine, batch=BATCH, dtype="float64", optimizer=optimizer, seed=1)
        for engine in (*engines, "cpu")
    )
    for _ in range(5):
        first.step(x, y)
    second.load_state_dict(first.state_dict())
    second.load_training_state(first.training_state())
    for name, value in first.state_dict().items():
        assert np.array_equal(second.state_dict()[name], value), name
    for name, value in first.training_state().items():
        assert np.array_equal(second.training_state()[name], value), name

    losses = [second.step(x, y) for _ in range(5)]

    np.testing.assert_allclose(losses, [alone.step(x, y) for _ in range(10)][5:], rtol=1e-9)
    _assert_close(second.state_dict(), alone.state_dict())


def _assert_close(found, expected) -> None:
    assert set(found) == set(expected)
    largest = max(np.abs(value).max() for value in expected.values())
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, atol=1e-9 * max(largest, 1), err_msg=name)
