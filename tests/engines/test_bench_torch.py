"""The benchmark's PyTorch networks are tatami's: same outputs, same losses while training, in float64."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from tatami.engines import compile
from tatami.network import find_network
from tatami.network.layers import Dropout, Softmax
from tatami.recipe import SGD

from .cases import CASES, Case

torch = pytest.importorskip("torch")
FOLDER = Path(__file__).parents[2] / "benchmarks" / "engines"

NETWORKS = [
    Case("INPUT(8x8x3) -> CONV(4) -> BN -> RELU -> POOL -> CONV(6, 2) -> RELU6 -> FC(5) -> RELU -> DROPOUT -> FC(3)"),
    Case("INPUT(9x2) -> CONV(4, 8) -> BN -> RELU -> RES[CONV(4, 5) -> BN -> RELU -> CONV(4) -> BN] -> GAP -> FC(3)"),
    Case("INPUT(8x8x2) -> CONV(4) -> BN -> RES[DWCONV(3) -> BN -> RELU6 -> CONV(4, 1) -> BN] -> RELU -> POOL -> FC(3)"),
    Case("INPUT(8x8x2) -> [RES[CONV(4, 3, S=2, P=1) -> BN -> RELU -> CONV(4) -> BN] -> RELU]*2 -> FLATTEN -> FC(3)"),
]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    """Import a module of the benchmarks by its name."""
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent == FOLDER:
            del sys.modules[name]


def to_torch(x: np.ndarray):
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


@pytest.mark.parametrize("case", [*CASES, *NETWORKS], ids=str)
def test_outputs_and_losses_are_the_textbooks(bench, case: Case) -> None:
    make_module = bench("translation").make_module
    network = bench("layout").without_dropout(case.network())
    model = compile(network, "textbook", batch=case.batch, optimizer=SGD(lr=0.01, momentum=0.9), dtype="float64")
    weights = {name: value for name, value in case.weights().items() if name in model.state_dict()}
    model.load_state_dict(weights)
    module = make_module(network, weights, torch.float64)
    x = case.inputs()

    module.eval()
    with torch.no_grad():
        output = module(to_torch(x))
    output = output.movedim(1, -1).numpy()
    np.testing.assert_allclose(output, model.forward(x), rtol=1e-9, atol=1e-9)

    classes = network.output_shape[-1]
    if classes == 1 or isinstance(network.nodes[-1].layer, Softmax):  # whose loss leaves the softmax out
        return
    y = case.rng().integers(0, classes, (case.batch, *network.output_shape[:-1]))
    module.train()
    parameters = list(module.parameters())
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9) if parameters else None
    for _ in range(3):
        module.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(to_torch(x)), torch.from_numpy(y))
        if optimizer is not None:
            loss.backward()
            optimizer.step()
        assert loss.item() == pytest.approx(model.step(x, y), rel=1e-9)
    if not case.training:
        return
    module.eval()
    with torch.no_grad():
        output = module(to_torch(x)).movedim(1, -1).numpy()
    np.testing.assert_allclose(output, model.forward(x), rtol=1e-8, atol=1e-8)  # running statistics too


def test_signals_as_images(bench) -> None:
    layout, make_module = bench("layout"), bench("translation").make_module
    network = find_network("resnet1d").build((16, 1), 3)
    model = compile(network, "textbook", batch=2, dtype="float64")
    x = np.random.default_rng(0).standard_normal((2, 16, 1))
    module = make_module(layout.signals_as_images(network), model.state_dict(), torch.float64).eval()
    with torch.no_grad():
        output = module(to_torch(x[:, :, None])).numpy()
    np.testing.assert_allclose(output, model.forward(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["vgg16", "mobilenet_v2"])
def test_dropout_is_left_out(bench, name: str) -> None:
    network = find_network(name).build()
    without = bench("layout").without_dropout(network)
    assert not any(isinstance(node.layer, Dropout) for node in without)
    assert without.parameters() == network.parameters()
    assert without.output_shape == network.output_shape
