"""ONNX Runtime's side, for inference, as it comes: all of its graph optimizations, all cores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime
from cases import Case
from onnx_graph import make_model

from tatami.engines.initial import initial_weights


class OnnxSide:
    def place(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.ascontiguousarray(np.moveaxis(x, -1, 1)), y

    def predictor(self, case: Case) -> Callable[[np.ndarray], np.ndarray]:
        network = case.network()
        weights = initial_weights(network, 0, np.dtype("float32"))
        model = make_model(network, weights, case.batch).SerializeToString()
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        return lambda x: session.run(None, {"x": x})[0]
