"""Which networks are too small to compile kernels for: the CPU engine trains them in plain NumPy.

To compile a network's kernels takes 10 to 30 s on a new machine, and to load kept ones 1.4 s in each process. Compiled,
a step of a tiny network takes 0.1 to 0.7 ms; where plain NumPy takes no more than 3 ms, it wins over the first
thousands of steps on a new machine, and over hundreds later. Whether it is taken depends on network and batch alone, so
that a run gives the same numbers whatever has been compiled before.

How long plain NumPy takes is foretold by three figures, in nanoseconds: so much for each layer, for each value of its
output, and for each multiply-accumulate. They were fitted to such steps of SGD in float32, measured in ms (the best of
15, on two cores that others used as well); MACs are those of both passes:

    network, batch                                              MACs  values  foretold  plain  compiled  textbook
    INPUT(64x1) -> [CONV(8, 5) -> RELU -> POOL]*2
                -> FC(16) -> RELU -> FC(3), 10                  0.4M     20k       1.1    0.8       0.2       1.6
        64                                                      2.7M    129k       2.6    1.7       0.4       2.4
        300                                                    12.6M    606k       9.3    5.9       1.7       5.7
    INPUT(8x8x1) -> [CONV(8) -> RELU -> POOL]*2 -> FC(10), 64   2.4M     97k       2.0    1.9       0.4       2.6
    the same with a residual block of 16 filters and BN, 16    14.5M    165k       4.4    3.3       0.5       9.5
    INPUT(784) -> FC(100) -> RELU -> FC(10), 64                10.2M     64k       2.1    0.5       0.2       0.5
    LeNet-5 on 28x28, 1                                         1.1M     15k       1.2    1.4       0.2      28.0
        8                                                       9.1M    123k       3.3    3.1       0.7      30.4
        64                                                     72.5M    985k      20.0   42.3      10.3      70.3
"""

from __future__ import annotations

from tatami.network import Network
from tatami.network.layers import product
from tatami.plan.gradients import backward_products, learning

LIMIT = 3_000_000  # ns
LAYER, VALUE, MAC = 80_000, 12, 0.1  # ns


def is_tiny(network: Network, batch: int) -> bool:
    """Whether a training step on ``batch`` samples is so small that compiling would cost more than it saves."""
    return plain_time(network, batch) <= LIMIT


def plain_time(network: Network, batch: int) -> float:
    """About how many nanoseconds a training step takes in plain NumPy."""
    macs, values = step_size(network, batch)
    return LAYER * len(network) + VALUE * values + MAC * macs


def step_size(network: Network, batch: int) -> tuple[int, int]:
    """Multiply-accumulates of a step on ``batch`` samples, both passes, and values of the outputs of all layers."""
    learns, macs = learning(network), 0
    for node in network:
        shapes = network.input_shapes(node)
        has_weights = bool(node.layer.parameters(*shapes))
        products = 1 + backward_products(has_weights, any(name in learns for name in node.inputs))
        macs += products * node.layer.macs(*shapes)
    return batch * macs, batch * sum(product(node.shape) for node in network)
