"""How operators of ONNX are read: one file a family. Importing this package enters all of them in ``RULES``."""

from tatami.exchange.onnx.operators import activation, conv, dense, merge, norm, pool, shape_ops
from tatami.exchange.onnx.operators.site import RULES, Site

__all__ = ["RULES", "Site", "activation", "conv", "dense", "merge", "norm", "pool", "shape_ops"]
