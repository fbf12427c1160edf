"""tatami, a ConvNet workbench: write a network in one line.

The names below are imported when they are first used, so that planning never waits for NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tatami._version import __version__

if TYPE_CHECKING:
    from tatami.api import Network, from_onnx, from_torch
    from tatami.engines import Model, compile
    from tatami.errors import TatamiError
    from tatami.estimators import ConvNetClassifier, ConvNetRegressor
    from tatami.recipe import SGD, Adam, AdamW, CrossEntropy, Hinge, MeanSquaredError, RMSProp
    from tatami.train.leaving import export

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "ConvNetClassifier",
    "ConvNetRegressor",
    "CrossEntropy",
    "Hinge",
    "MeanSquaredError",
    "Model",
    "Network",
    "RMSProp",
    "TatamiError",
    "__version__",
    "compile",
    "export",
    "from_onnx",
    "from_torch",
]

_HOMES = {
    "Network": "tatami.api",
    "from_onnx": "tatami.api",
    "from_torch": "tatami.api",
    "export": "tatami.train.leaving",
    "Model": "tatami.engines",
    "compile": "tatami.engines",
    "TatamiError": "tatami.errors",
    "ConvNetClassifier": "tatami.estimators",
    "ConvNetRegressor": "tatami.estimators",
    **dict.fromkeys(("SGD", "Adam", "AdamW", "CrossEntropy", "Hinge", "MeanSquaredError", "RMSProp"), "tatami.recipe"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tatami' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
