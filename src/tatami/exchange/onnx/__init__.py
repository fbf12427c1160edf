"""ONNX: networks with their weights, out and in. Only the modules here import the package onnx."""
