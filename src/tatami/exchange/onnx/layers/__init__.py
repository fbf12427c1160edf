"""How each layer is written in ONNX: one file a family. Importing this package enters all of them in ``write``."""

from tatami.exchange.onnx.layers import activation, conv, dense, merge, norm, pool, shape_ops
from tatami.exchange.onnx.layers.rules import Place, write

__all__ = ["Place", "activation", "conv", "dense", "merge", "norm", "pool", "shape_ops", "write"]
