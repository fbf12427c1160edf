"""A run, or weights in memory, for other programs: see :mod:`tatami.exchange`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tatami.errors import OptionError
from tatami.exchange.parcel import Parcel, Targets
from tatami.network import Network
from tatami.train.run import read_trained

FORMATS = ("onnx", "torch", "keras")


def export(
    what: Any,
    output: str | os.PathLike[str],
    *,
    format: str | None = None,
    layout: str = "nchw",
    preprocess: bool = False,
    opset: int | None = None,
) -> None:
    """Write a network with its weights for other programs.

    Args:
        what: a run directory, a weights file of tatami's, or what has a ``network`` and weights: a model of
            ``tatami.compile``, or what ``tatami.from_torch`` gave.
        output: a file for ``onnx``; for ``torch`` and ``keras`` a folder, in which a program ``model.py`` and its
            weights are written.
        format: ``onnx``, ``torch`` or ``keras``; by the ending of ``output`` unless given.
        layout: of maps that go into ONNX and come out, ``nchw`` or ``nhwc``.
        preprocess: whether raw samples go into ONNX; programs have a function for that in any case.
        opset: the version of ONNX's operators, :data:`tatami.exchange.onnx.writing.OPSET` unless given.

    Raises:
        OptionError: an option that there is not, or that the format does not have; or onnx is not installed.
        RunError: no run, or a place that cannot be written.
    """
    kind = _format_of(Path(output), format)
    parcel = parcel_of(what)
    if kind == "onnx":
        from tatami.exchange.onnx.library import need_onnx

        need_onnx()
        from tatami.exchange.onnx.writing import OPSET, save_onnx

        opset = OPSET if opset is None else opset
        save_onnx(parcel, output, layout=layout, preprocess=preprocess, opset=opset)
        return
    # A program always has its preprocessing, and its framework's layout.
    given = {"layout": layout != "nchw", "preprocess": preprocess, "opset": opset is not None}
    for name in (name for name, is_given in given.items() if is_given):
        raise OptionError(f"{name} belongs to ONNX", got=f"format {kind}", expected="format onnx")
    if kind == "torch":
        from tatami.exchange.torch.writing import save_torch

        save_torch(parcel, output)
    else:
        from tatami.exchange.keras.writing import save_keras

        save_keras(parcel, output)


def parcel_of(what: Any) -> Parcel:
    """What leaves: see :func:`export`.

    Raises:
        OptionError: it is nothing that has weights.
        RunError: no run.
    """
    if isinstance(what, (str, os.PathLike)):
        network, identity, weights = read_trained(Path(what))
        standard = identity.standard
        targets = None if standard is None else Targets(standard.names, standard.mean, standard.std)
        return Parcel(network, weights, identity.classes, identity.preprocess, targets)
    found = getattr(what, "network", None)
    state = what.state_dict() if hasattr(what, "state_dict") else getattr(what, "state", None)
    if not isinstance(found, Network) or state is None:
        expected = "a run directory, a weights file, or a model of tatami.compile"
        raise OptionError("this has no weights to export", got=repr(what)[:60], expected=expected)
    return Parcel(found, state)


def _format_of(output: Path, given: str | None) -> str:
    if given is not None:
        if given not in FORMATS:
            raise OptionError("unknown format", got=given, expected=", ".join(FORMATS))
        return given
    if output.suffix.lower() == ".onnx":
        return "onnx"
    raise OptionError(
        "the ending does not say what to write",
        where=str(output),
        expected="model.onnx, or a folder with the format torch or keras",
    )
