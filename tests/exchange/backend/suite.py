"""ONNX's own backend suite: its cases as data. N samples, C channels, * spatial sizes."""

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.loader import load_model_tests

from tatami.exchange.onnx.operators import RULES
from tatami.exchange.onnx.values import FUNCTIONS

# No layers: values that are passed on, or computed when the file is read.
PLUMBING = {"Identity", "Constant", "ConstantOfShape", "Cast", "Shape", "Gather", "Floor", "Ceil"}
CLAIMED = {*RULES, *FUNCTIONS}
MEETINGS = {"Add", "Mul", "Sum", "Concat"}
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


@dataclass(frozen=True)
class Case:
    """One model, what goes in, and what must come out.

    Attributes:
        kind: which part of the suite it belongs to.
        model: with one input; what else the case feeds are its weights.
        x: the input as ONNX has it, (N, C, *).
        expected: the first output.
        rtol, atol: what may differ, as the suite has it.
    """

    kind: str
    name: str
    model: ModelProto
    x: np.ndarray
    expected: np.ndarray
    rtol: float
    atol: float


@cache
def cases() -> tuple[Case, ...]:
    """All cases whose operators are claimed, those of whole architectures aside."""
    return tuple(case for case in (*_node_cases(), *_stored_cases()) if is_claimed(case.model))


def is_claimed(model: ModelProto) -> bool:
    """Whether all its operators are claimed."""
    operators = {node.op_type for node in model.graph.node}
    return operators <= CLAIMED | PLUMBING and bool(operators & CLAIMED)


def _node_cases() -> Iterator[Case]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the suite divides by zero on purpose
        collected = collect_testcases(None)
    for case in collected:
        inputs, outputs = case.data_sets[0]
        if all(isinstance(each, np.ndarray | np.generic) for each in (*inputs, *outputs)) and inputs:
            yield _case("node", case.name, case.model, list(map(np.asarray, inputs)), outputs[0], case.rtol, case.atol)


def _stored_cases() -> Iterator[Case]:
    for kind in ("pytorch-converted", "pytorch-operator", "simple"):
        for case in load_model_tests(kind=kind):
            folder = Path(case.model_dir)
            model = onnx.load(os.fspath(folder / "model.onnx"))
            data = folder / "test_data_set_0"
            if is_claimed(model) and (data / "input_0.pb").exists():
                count = len(list(data.glob("input_*.pb")))
                inputs = [read_tensor(data / f"input_{i}.pb") for i in range(count)]
                yield _case(kind, case.name, model, inputs, read_tensor(data / "output_0.pb"), case.rtol, case.atol)


def read_tensor(path: Path) -> np.ndarray:
    tensor = TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(tensor)


def _case(
    kind: str, name: str, model: ModelProto, inputs: Sequence[np.ndarray], y: np.ndarray, rtol: float, atol: float
) -> Case:
    bound, x = _of_one_input(model, inputs)
    return Case(kind, name, bound, x, np.asarray(y), rtol, atol)


def _of_one_input(model: ModelProto, inputs: Sequence[np.ndarray]) -> tuple[ModelProto, np.ndarray]:
    """The model with one input.

    Values that meet, in Add, Mul, Sum or Concat, become the shares of one input, split along its channels; else all but
    the first input are weights.
    """
    made = ModelProto()
    made.CopyFrom(model)
    graph, inputs = made.graph, list(inputs)
    weights = {tensor.name for tensor in graph.initializer}
    names = [each.name for each in graph.input if each.name not in weights][: len(inputs)]
    del graph.input[:]
    if len(names) > 1 and graph.node[0].op_type in MEETINGS and _are_shares(inputs):
        x = np.concatenate(inputs, axis=1)
        sizes = numpy_helper.from_array(np.array([each.shape[1] for each in inputs], np.int64), "shares")
        opset = next(each.version for each in made.opset_import if not each.domain)
        told = {"split": [each.shape[1] for each in inputs]} if opset < 13 else {}
        split = helper.make_node("Split", ["all", *(["shares"] if opset >= 13 else [])], names, "split", axis=1, **told)
        graph.node.insert(0, split)
        graph.initializer.extend([sizes] if opset >= 13 else [])
        names, inputs = ["all"], [x]
    graph.input.append(helper.make_tensor_value_info(names[0], onnx.TensorProto.FLOAT, inputs[0].shape))
    for name, array in zip(names[1:], inputs[1:], strict=True):
        graph.initializer.append(numpy_helper.from_array(array, name))
    return made, inputs[0]


def _are_shares(inputs: Sequence[np.ndarray]) -> bool:
    """Whether they are alike but for the channels."""
    first = inputs[0]
    return first.ndim > 1 and all(
        each.ndim == first.ndim and (each.shape[0], *each.shape[2:]) == (first.shape[0], *first.shape[2:])
        for each in inputs
    )


def light_cases() -> list[str]:
    """Names of the whole architectures that the package has with their outputs."""
    return sorted(path.stem for path in LIGHT.glob("*.onnx"))


def light_case(name: str) -> Case:
    """A whole architecture. Its weights are constants, told by their shapes: they are written out.

    Its input is the suite's own: as many numbers from 0 to 1 as there are values.
    """
    model = onnx.load(os.fspath(LIGHT / f"{name}.onnx"))
    graph = model.graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            value = numpy_helper.to_array(node.attribute[0].t)
            full = np.full(tensors[node.input[0]], value.ravel()[0], value.dtype)
            graph.initializer.append(numpy_helper.from_array(full, node.output[0]))
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    given = next(each for each in graph.input if each.name not in tensors)
    shape = [dim.dim_value for dim in given.type.tensor_type.shape.dim]
    count = int(np.prod(shape))
    x = (np.arange(count).reshape(shape) / count).astype(np.float32)
    return Case("light", name, model, x, read_tensor(LIGHT / f"{name}_output_0.pb"), 1e-3, 1e-7)
