"""The package onnx, which only exchange needs."""

from __future__ import annotations

import importlib.util

from tatami.errors import OptionError


def need_onnx() -> None:
    """Insist on the package onnx.

    Raises:
        OptionError: it is not installed.
    """
    if importlib.util.find_spec("onnx") is None:
        raise OptionError("ONNX needs the package onnx, which is not installed", hint="pip install 'tatami[onnx]'")
