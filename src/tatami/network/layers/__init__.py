"""The layers: one file a family. Importing this package enters all of them in ``LAYERS``."""

from tatami.network.layers.activation import (
    GELU,
    Activation,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)
from tatami.network.layers.base import LAYERS, Context, Layer, Parameter, Shape, product, size_text
from tatami.network.layers.conv import Conv, DepthwiseConv
from tatami.network.layers.dense import Dense
from tatami.network.layers.dropout import Dropout
from tatami.network.layers.foreign import Foreign
from tatami.network.layers.input import Input
from tatami.network.layers.merge import Add, Concat, Merge, Multiply
from tatami.network.layers.norm import BatchNorm, LayerNorm, LocalResponseNorm
from tatami.network.layers.pool import GlobalAveragePool, Pool
from tatami.network.layers.scale import Scale
from tatami.network.layers.shape_ops import Flatten, Shuffle, Slice

__all__ = [
    "GELU",
    "LAYERS",
    "Activation",
    "Add",
    "BatchNorm",
    "Concat",
    "Context",
    "Conv",
    "Dense",
    "DepthwiseConv",
    "Dropout",
    "Flatten",
    "Foreign",
    "GlobalAveragePool",
    "HardSigmoid",
    "HardSwish",
    "Input",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LocalResponseNorm",
    "Merge",
    "Multiply",
    "Parameter",
    "Pool",
    "ReLU",
    "ReLU6",
    "Scale",
    "Shape",
    "Shuffle",
    "SiLU",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Tanh",
    "product",
    "size_text",
]
