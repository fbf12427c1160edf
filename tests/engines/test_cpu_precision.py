"""float32 on the CPU engine: how far each layer may be from the textbook engine in float64."""

import importlib
import math
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(FOLDER))
precision = importlib.import_module("precision")
sys.path.remove(str(FOLDER))

# In units of sqrt(D) * eps. Winograd's transforms amplify rounding, the more the larger the tile.
FACTORS = {"winograd4": 16, "winograd2": 3}
OTHERS = 4


@pytest.mark.parametrize("layer", precision.LAYERS, ids=str)
def test_the_error_grows_with_the_root_of_what_is_summed(layer):
    errors = precision.measure(layer)

    assert 0 < errors.forward <= FACTORS.get(errors.method, OTHERS) * math.sqrt(errors.depth) * precision.EPS
    # A weight's gradient sums over positions and samples; sums of thousands lose no more than those of hundreds.
    assert 0 < errors.gradient <= 1e-5


def test_a_wrong_digit_is_noticed(monkeypatch):
    from tatami.engines.cpu.model import CpuModel

    right = CpuModel.forward
    monkeypatch.setattr(CpuModel, "forward", lambda self, x: right(self, x) * (1 + 2e-5))
    layer = next(layer for layer in precision.LAYERS if "FC" in layer.text)

    with pytest.raises(AssertionError):
        test_the_error_grows_with_the_root_of_what_is_summed(layer)
