"""One table of small networks for every layer type; each engine is tested on all of them.

A case is notation; inputs, weights and output gradients are random, seeded by the text.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from tatami.network import Network, find_network


@dataclass(frozen=True)
class Case:
    """``text`` with ``batch`` samples, in training mode or not; with ``ties``, inputs are small whole numbers."""

    text: str
    batch: int = 2
    training: bool = True
    ties: bool = False

    def __str__(self) -> str:
        marks = [f"N={self.batch}"] * (self.batch != 2) + ["ties"] * self.ties + ["inference"] * (not self.training)
        return " ".join([self.text, *marks])

    def network(self) -> Network:
        return find_network(self.text).build()

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32(str(self).encode()))

    def inputs(self) -> np.ndarray:
        shape = (self.batch, *self.network().input_shape)
        return self.rng().integers(0, 3, shape).astype(float) if self.ties else self.rng().standard_normal(shape)

    def weights(self) -> dict[str, np.ndarray]:
        rng, weights = self.rng(), {}
        for name, parameter in self.network().parameters().items():
            value = rng.standard_normal(parameter.shape)
            weights[name] = np.abs(value) + 0.5 if parameter.role == "running_var" else value
        return weights

    def output_gradient(self) -> np.ndarray:
        return self.rng().permuted(np.random.default_rng(7).standard_normal((self.batch, *self.network().output_shape)))


CASES = [
    Case(text) if isinstance(text, str) else text
    for text in [
        # CONV: sizes, strides that do not divide, uneven padding, dilation, groups, 1-, 2- and 3-D
        "INPUT(5x4x3) -> CONV(2)",
        "INPUT(5x4x3) -> CONV(2, bias=no)",
        "INPUT(1x1x3) -> CONV(4, 1)",
        "INPUT(6x5x2) -> CONV(3, 3x2, P=valid)",
        "INPUT(7x6x2) -> CONV(3, 3, S=2, P=valid)",
        "INPUT(6x7x2) -> CONV(2, 3, S=2)",
        "INPUT(5x6x2) -> CONV(2, 2, S=3)",
        "INPUT(5x5x2) -> CONV(2, 2, P=((0,1),(2,0)))",
        "INPUT(5x4x1) -> CONV(2, 3x2, S=2x3, P=((2,0),(1,1)))",
        "INPUT(8x7x2) -> CONV(2, 3x2, dilation=2x3, P=valid)",
        "INPUT(7x7x2) -> CONV(2, 3, dilation=2, S=2)",
        "INPUT(7x5x4) -> CONV(6, 3x2, S=2x1, P=(1,0), groups=2)",
        "INPUT(4x4x6) -> CONV(3, 3, groups=3)",
        "INPUT(4x4x3) -> CONV(3, 3, groups=3)",
        "INPUT(5x4x3) -> DWCONV(3)",
        "INPUT(6x5x2) -> DWCONV(3, S=2, bias=no)",
        "INPUT(6x5x2) -> DWCONV(3x2, multiplier=3, P=(1,0), dilation=2x1)",
        "INPUT(7x3) -> DWCONV(3, multiplier=2)",
        "INPUT(9x2) -> CONV(3, 5)",
        "INPUT(10x2) -> CONV(4, 4, S=3, P=(2,1), groups=2)",
        "INPUT(11x1) -> CONV(2, 3, dilation=3, P=valid)",
        "INPUT(3x4x3x2) -> CONV(2, 2x3x2)",
        "INPUT(4x3x3x2) -> CONV(2, 3x2x1, S=2x1x2, P=((1,0),(0,1),(0,0)), groups=2)",
        "INPUT(3x3x2x2) -> DWCONV(2)",
        Case("INPUT(5x5x2) -> CONV(3, 3)", batch=1),
        # POOL: maxima and means, overlapping, with gaps, uneven padding
        "INPUT(4x6x2) -> POOL",
        "INPUT(5x7x2) -> POOL(3, S=2)",
        "INPUT(5x7x2) -> POOL(3, S=2, P=1)",
        "INPUT(5x4x2) -> POOL(3x2, S=1, P=same)",
        "INPUT(7x8x1) -> POOL(2, S=3)",
        "INPUT(6x5x2) -> POOL(3, S=2, P=((0,2),(1,0)))",
        "INPUT(9x3) -> POOL(4, S=3, P=(1,2))",
        "INPUT(4x5x3x2) -> POOL(2x3x2, S=2x2x1, P=((1,0),(1,1),(0,1)))",
        Case("INPUT(5x7x3) -> POOL(3, S=2, P=1)", ties=True),
        Case("INPUT(6x6x3) -> POOL", ties=True),
        Case("INPUT(12x2) -> POOL(4, S=2, P=(2,1))", ties=True),
        Case("INPUT(4x4x4x1) -> POOL(2, S=1)", ties=True),
        "INPUT(5x7x2) -> POOL(avg, 3, S=2)",
        "INPUT(5x7x2) -> POOL(avg, 3, S=2, P=((1,0),(2,1)))",
        "INPUT(5x7x2) -> POOL(avg, 3, S=2, P=((1,0),(2,1)), count_pad=yes)",
        "INPUT(6x2) -> POOL(avg, 3, S=1, P=same)",
        Case("INPUT(3x3x3x2) -> POOL(avg, 2)", batch=1),
        "INPUT(3x5x2) -> GAP",
        "INPUT(7x3) -> GAP",
        "INPUT(2x3x2x2) -> GAP",
        # FC and values moved
        "INPUT(7) -> FC(4)",
        "INPUT(3x2x2) -> FC(3, bias=no)",
        Case("INPUT(2x3x2x2) -> FC(3)", batch=1),
        "INPUT(3x2x2) -> FLATTEN",
        "INPUT(3x2x5) -> SLICE(1, 4)",
        "INPUT(3x2x6) -> SHUFFLE(2)",
        "INPUT(3x6) -> SHUFFLE(3)",
        # normalisations
        "INPUT(3x4x3) -> BN",
        Case("INPUT(5) -> BN(momentum=0.3)", batch=4),
        Case("INPUT(5x2) -> BN(eps=0.1)", batch=1),
        Case("INPUT(3x4x3) -> BN", training=False),
        "INPUT(3x2x5) -> LN",
        "INPUT(6) -> LN(eps=0.1)",
        "INPUT(2x2x7) -> LRN(alpha=0.3)",
        "INPUT(2x2x5) -> LRN(4, alpha=0.3, beta=0.5, k=1)",
        "INPUT(3x2) -> LRN(5, alpha=0.3)",
        # scales
        "INPUT(3x4x3) -> SCALE",
        "INPUT(5x2) -> SCALE(init=0.3)",
        "INPUT(4) -> SCALE",
        # activations
        *(f"INPUT(4x3x2) -> {name}" for name in ("RELU", "LEAKY", "LEAKY(0.2)", "SIGMOID", "TANH", "GELU", "SILU")),
        *(f"INPUT(4x3x2) -> FC(40) -> {name}" for name in ("RELU6", "HSIGMOID", "HSWISH")),
        "INPUT(4x3x2) -> SOFTMAX",
        "INPUT(6) -> SOFTMAX",
        # dropout
        "INPUT(4x3x2) -> DROPOUT(0.4)",
        Case("INPUT(4x3x2) -> DROPOUT(0.4)", training=False),
        # branches
        "INPUT(3x3x2) -> ADD[CONV(2) | RELU | ID]",
        "INPUT(3x3x2) -> MUL[CONV(2) | ID | TANH]",
        "INPUT(3x4x2) -> MUL[ID | GAP -> FC(2) -> SIGMOID]",
        "INPUT(5x2) -> MUL[GAP -> FC(2) | TANH | GAP]",
        "INPUT(3x3x2) -> CONCAT[CONV(1) | ID | CONV(3, 1)]",
        "INPUT(3x3x4) -> SPLIT[CONV(2) | ID]",
        # a gradient for several layers that bend it back in place; outputs that only their own backward pass reads
        "INPUT(3x3x2) -> ADD[CONV(2) -> RELU | CONV(2) -> LEAKY(0.2)]",
        "INPUT(3x3x2) -> ADD[CONV(2) | BN -> RELU | BN -> RELU]",
        "INPUT(5x4x2) -> ADD[CONV(2) | ID] -> RELU -> POOL -> CONV(2) -> ADD[ID | CONV(2)] -> LEAKY -> GAP -> FC(2)",
        # batch norm behind and before other layers: its output is kept, made again, joined, summed
        "INPUT(6x5x2) -> CONV(3) -> BN -> RELU -> CONV(2) -> BN -> CONV(2)",
        "INPUT(6x5x2) -> CONV(3) -> BN -> RELU6 -> ADD[CONV(3, bias=no) | ID] -> BN -> LEAKY(0.2) -> FC(2)",
        "INPUT(5x4x2) -> CONV(2, bias=no) -> CONCAT[BN -> RELU | ID] -> BN -> RELU -> MUL[CONV(4) | ID]",
        "INPUT(7x2) -> BN -> RELU -> RES[CONV(2) -> BN -> RELU -> CONV(2) -> BN] -> RELU -> POOL -> CONV(2)",
        # layers that give their input itself back, where another reads it and one writes over it
        "INPUT(3x3x2) -> CONV(2) -> ADD[DROPOUT(0) -> RELU | ID] -> FC(2)",
        Case("INPUT(3x3x2) -> CONV(2) -> ADD[DROPOUT(0.3) -> RELU | ID] -> FC(2)", training=False),
        "INPUT(3x3x4) -> CONV(4) -> ADD[SHUFFLE(1) -> LEAKY(0.2) | SHUFFLE(4) -> RELU | ID] -> FC(2)",
        "INPUT(3x3x2) -> DROPOUT(0) -> RELU -> FC(2)",
        "INPUT(3x3x4) -> SHUFFLE(4) -> RELU -> SLICE(1, 3) -> RELU",
        # all together
        "INPUT(6x6x2) -> RES[CONV(3, 3, S=2) -> BN -> RELU -> CONV(3) -> BN] -> RELU -> GAP -> FC(3)",
        "INPUT(8x8x1) -> [CONV(2) -> RELU -> POOL]*2 -> FC(3) -> TANH -> FC(2) -> SOFTMAX",
    ]
]
