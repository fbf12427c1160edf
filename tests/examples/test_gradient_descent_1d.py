import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "examples" / "gradient_descent_1d.py"


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = load(PATH)


def test_the_example_is_short_and_needs_numpy_alone():
    lines = PATH.read_text(encoding="utf-8").splitlines()

    assert len(lines) < 120
    assert [line for line in lines if "import " in line] == ["import numpy as np"]


def test_a_position_of_the_convolution_is_the_dot_product_of_the_memo():
    rng = np.random.default_rng(0)
    X, W, b = rng.standard_normal((9, 3)), rng.standard_normal((5, 3)), 0.5

    Y = example.conv(X[None], W[:, :, None], np.array([b]))

    for x in range(9 - 5 + 1):
        assert Y[0, x + 2, 0] == pytest.approx(np.dot(X[x : x + 5, :].flatten(), W.flatten()) + b)


def test_of_two_equals_the_first_gets_the_gradient():
    X = np.array([[[3.0], [3.0], [1.0], [2.0]]])

    dX = example.pool_backward(np.array([[[10.0], [20.0]]]), X)

    assert example.pool(X).ravel().tolist() == [3, 2]
    assert dX.ravel().tolist() == [10, 0, 0, 20]


def test_gradients_agree_with_central_differences():
    x, y = example.make_waves(5, seed=0)

    errors = example.gradient_check(example.init(seed=0), x, y)

    assert set(errors) == {"W1", "b1", "W2", "b2", "W3", "b3", "W4", "b4"}
    assert max(errors.values()) < 1e-6


def test_the_check_leaves_the_parameters_as_they_were_and_catches_a_wrong_gradient(monkeypatch):
    x, y = example.make_waves(2, seed=0)
    p = example.init(seed=0)
    monkeypatch.setattr(example, "pool_backward", lambda dY, X: np.repeat(dY, 2, axis=1) / 2)  # that of an average

    errors = example.gradient_check(p, x, y)

    assert errors["W1"] > 1e-2
    assert all(np.allclose(p[name], value, rtol=0, atol=1e-12) for name, value in example.init(seed=0).items())


def test_it_prints_its_check_its_falling_loss_and_its_accuracy():
    done = subprocess.run([sys.executable, PATH], capture_output=True, text=True, check=True)

    rows = [line.split() for line in done.stdout.splitlines()]
    losses = [float(row[-1]) for row in rows if row[0] == "step"]
    assert sum(row[0] == "gradient" for row in rows) == 8
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.2 * losses[0]
    assert float(rows[-1][-1]) > 0.9
