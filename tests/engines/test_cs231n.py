"""The expected outputs that CS231n's assignment 2 publishes, in every engine.

Source: the notebooks ConvolutionalNetworks.ipynb and BatchNormalization.ipynb of the assignment.
"""

import numpy as np
import pytest

from tatami.engines import compile
from tatami.network import find_network


@pytest.fixture(params=["textbook", "cpu", "torch"])
def engine(request):
    if request.param == "torch":
        pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")
    return request.param


def spread(low, high, *shape):
    return np.linspace(low, high, num=np.prod(shape)).reshape(shape)


def test_convolution(engine):
    x, w, b = spread(-0.1, 0.5, 2, 3, 4, 4), spread(-0.2, 0.3, 3, 3, 4, 4), np.linspace(-0.1, 0.2, num=3)
    published = [
        [
            [[-0.08759809, -0.10987781], [-0.18387192, -0.2109216]],
            [[0.21027089, 0.21661097], [0.22847626, 0.23004637]],
            [[0.50813986, 0.54309974], [0.64082444, 0.67101435]],
        ],
        [
            [[-0.98053589, -1.03143541], [-1.19128892, -1.24695841]],
            [[0.69108355, 0.66880383], [0.59480972, 0.56776003]],
            [[2.36270298, 2.36904306], [2.38090835, 2.38247847]],
        ],
    ]
    model = compile(find_network("INPUT(4x4x3) -> CONV(3, 4, S=2, P=1)").build(), engine, batch=2, dtype="float64")
    model.load_state_dict({"conv1.weight": w.transpose(2, 3, 1, 0), "conv1.bias": b})
    found = model.forward(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    assert found == pytest.approx(np.array(published), abs=1e-8)


def test_max_pooling(engine):
    published = [
        [
            [[-0.26315789, -0.24842105], [-0.20421053, -0.18947368]],
            [[-0.14526316, -0.13052632], [-0.08631579, -0.07157895]],
            [[-0.02736842, -0.01263158], [0.03157895, 0.04631579]],
        ],
        [
            [[0.09052632, 0.10526316], [0.14947368, 0.16421053]],
            [[0.20842105, 0.22315789], [0.26736842, 0.28210526]],
            [[0.32631579, 0.34105263], [0.38526316, 0.4]],
        ],
    ]
    model = compile(find_network("INPUT(4x4x3) -> POOL").build(), engine, batch=2, dtype="float64")
    found = model.forward(spread(-0.3, 0.4, 2, 3, 4, 4).transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    assert found == pytest.approx(np.array(published), abs=1e-8)


@pytest.mark.parametrize(("gamma", "beta"), [((1, 1, 1), (0, 0, 0)), ((1, 2, 3), (11, 12, 13))])
def test_batch_norm(engine, gamma, beta):
    rng = np.random.RandomState(231)
    X, W1, W2 = rng.randn(200, 50), rng.randn(50, 60), rng.randn(60, 3)
    a = np.maximum(0, X @ W1) @ W2
    assert a.mean(axis=0) == pytest.approx([-2.3814598, -13.18038246, 1.91780462], abs=1e-7)
    assert a.std(axis=0) == pytest.approx([27.18502186, 34.21455511, 37.68611762], abs=1e-7)

    # A momentum of 1 makes the batch's statistics those of inference; the variance is then that of a sample, N - 1.
    model = compile(find_network("INPUT(3) -> BN(momentum=1)").build(), engine, batch=200, dtype="float64")
    state = model.state_dict()
    model.load_state_dict({**state, "bn1.weight": np.array(gamma, float), "bn1.bias": np.array(beta, float)})
    model.step(a, np.zeros(200, np.int64), lr=0.0)
    found = model.forward(a)
    assert found.mean(axis=0) == pytest.approx(np.array(beta, float), abs=1e-6)
    assert found.std(axis=0) == pytest.approx(np.array(gamma) * np.sqrt(199 / 200), rel=1e-6)
