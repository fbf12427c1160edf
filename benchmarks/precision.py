"""The error of the CPU engine in float32, layer by layer, against the textbook engine in float64: a table.

Run by `make precision`. An error is relative to the largest value of the tensor that it is in. Beside it stands the
number of values that are summed for one value of the output, D: rounding to eps = 2^-24 adds up to about sqrt(D) * eps
(Higham 2002, Accuracy and Stability of Numerical Algorithms, section 2.8). Winograd transforms amplify it (Lavin & Gray
2015, table 5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tatami.engines import compile
from tatami.engines.cpu.model import CpuModel
from tatami.network import find_network
from tatami.network.layers import Conv, Dense, product
from tatami.plan.methods import Methods
from tatami.plan.ops import Forward
from tatami.recipe import SGD, MeanSquaredError

EPS = 2.0**-24
BATCH = 4


@dataclass(frozen=True)
class Layer:
    """A network of one layer that matters, and how a convolution is to be computed."""

    text: str
    method: str = ""

    def __str__(self) -> str:
        return f"{self.text}{', ' * bool(self.method)}{self.method}"


LAYERS = [
    Layer("INPUT(14x14x64) -> CONV(64)", "winograd4"),
    Layer("INPUT(14x14x64) -> CONV(64)", "winograd2"),
    Layer("INPUT(14x14x64) -> CONV(64)", "unfolded"),
    Layer("INPUT(7x7x512) -> CONV(64)", "winograd4"),
    Layer("INPUT(14x14x32) -> CONV(48, 5)", "winograd4"),
    Layer("INPUT(64x64) -> CONV(64, 3)", "winograd4"),
    Layer("INPUT(64x64) -> CONV(64, 5)", "winograd4"),
    Layer("INPUT(64x64) -> CONV(64, 8)", "winograd4"),
    Layer("INPUT(14x14x512) -> CONV(64, 1)", "pointwise"),
    Layer("INPUT(28x28x3) -> CONV(64, 7, S=2)", "unfolded"),
    Layer("INPUT(14x14x64) -> DWCONV(3)", "depthwise"),
    Layer("INPUT(4096) -> FC(100)"),
    Layer("INPUT(14x14x64) -> BN"),
    Layer("INPUT(14x14x64) -> LN"),
    Layer("INPUT(14x14x64) -> LRN(5, alpha=0.1)"),
    Layer("INPUT(14x14x64) -> POOL(avg, 3, S=2)"),
    Layer("INPUT(14x14x64) -> GAP"),
    Layer("INPUT(1000) -> SOFTMAX"),
    *(Layer(f"INPUT(14x14x64) -> {name}") for name in ("SIGMOID", "TANH", "GELU", "SILU")),
]


@dataclass(frozen=True)
class Errors:
    """Largest relative errors of output and gradients, D of the output, and how a convolution was computed."""

    forward: float
    gradient: float
    depth: int
    method: str


def measure(layer: Layer) -> Errors:
    """Train on the squared error for one step: a linear output gradient, and every pass runs."""
    # A layer before the one that matters, so that its input's gradient is made too; it is exact in float32.
    network = find_network(layer.text.replace(" ->", " -> SCALE ->", 1)).build()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, *network.input_shape)).astype(np.float32).astype(np.float64)
    y = rng.standard_normal((BATCH, *network.output_shape))
    truth = compile(network, "textbook", batch=BATCH, dtype="float64", loss=MeanSquaredError())
    weights = {name: value.astype(np.float32) for name, value in truth.state_dict().items()}
    truth.load_state_dict({name: value.astype(np.float64) for name, value in weights.items()})
    methods = Methods(forced=(layer.method,) if layer.method else ())
    model = CpuModel(
        network,
        batch=BATCH,
        optimizer=SGD(),
        loss=MeanSquaredError(),
        seed=0,
        dtype=np.dtype(np.float32),
        init="he",
        methods=methods,
        plain=False,
    )
    model.load_state_dict(weights)
    _, expected = truth.gradients(x, y)
    _, found = model.gradients(x, y)
    # Relative to the largest of all gradients: BN makes that of the SCALE before it 0.
    largest = max(float(np.abs(value).max()) for value in expected.values())
    gradient = max(float(np.abs(found[name] - value).max()) for name, value in expected.items()) / largest
    node = network.nodes[-1]
    depth = 1
    if isinstance(node.layer, (Conv, Dense)):
        weight = node.layer.parameters(*network.input_shapes(node))["weight"].shape
        depth = product(weight[:-1])
    return Errors(
        forward=error(model.forward(x), truth.forward(x)),
        gradient=gradient,
        depth=depth,
        method=next((op.method for op in model.training.program.ops if isinstance(op, Forward) and op.method), ""),
    )


def error(found: np.ndarray, truth: np.ndarray) -> float:
    """The largest, relative to the largest value."""
    return float(np.abs(found - truth).max() / np.abs(truth).max())


def main() -> None:
    print("| layer | output | gradients | sqrt(D) * eps |")
    print("|---|---:|---:|---:|")
    for layer in LAYERS:
        found = measure(layer)
        cells = (found.forward, found.gradient, math.sqrt(found.depth) * EPS)
        print(f"| `{layer}` | {' | '.join(f'{cell:.0e}' for cell in cells)} |")


if __name__ == "__main__":
    main()
