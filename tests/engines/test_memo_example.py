"""The memo's ConvNet on 1-D data, once from scratch and once through tatami, has the same losses."""

import importlib.util
from pathlib import Path

import numpy as np

from tatami.engines import compile
from tatami.network import find_network
from tatami.recipe import SGD

PATH = Path(__file__).parents[2] / "examples" / "gradient_descent_1d.py"


def test_tatami_goes_down_the_same_hill():
    spec = importlib.util.spec_from_file_location(PATH.stem, PATH)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    parameters, (x, y) = example.init(seed=1), example.make_waves(300, seed=2)
    network = find_network("INPUT(64x1) -> [CONV(8, 5) -> RELU -> POOL]*2 -> FC(16) -> RELU -> FC(3)").build()
    model = compile(network, batch=300, optimizer=SGD(lr=0.03), dtype="float64")
    layers = {"conv1": "1", "conv2": "2", "fc1": "3", "fc2": "4"}
    model.load_state_dict(
        {f"{name}.{kind}": parameters[letter + i] for name, i in layers.items() for kind, letter in KINDS.items()}
    )

    expected = example.train(parameters, x, y, steps=300, lr=0.03)
    losses = [model.step(x, y) for _ in range(300)]

    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-10)
    assert losses[-1] < 0.2 * losses[0]


KINDS = {"weight": "W", "bias": "b"}
