"""Doors in and out: ONNX, PyTorch, Keras, published weights."""
