"""Any module of PyTorch -> Network with weights, through ``torch.export``.

The module is followed with an example, and comes back as a graph of ATen's operators without changes in place. Each
becomes a layer, or another view of what a layer gives (:mod:`tatami.exchange.onnx.views`): reshapes and permutations
are followed, not computed. All that has no layer is told at once.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tatami.errors import NetworkError, OptionError
from tatami.exchange.imported import Imported
from tatami.exchange.onnx.views import View
from tatami.exchange.torch.draft import CannotRead, Constant, Draft
from tatami.exchange.torch.operators import RULES, WITHIN, Call, is_within_whole

if TYPE_CHECKING:
    import torch

_SHOWN = 12


def from_torch(module: torch.nn.Module, example: torch.Tensor) -> Imported:
    """A module as a network with its weights.

    Args:
        module: any, of layers that tatami has, in any composition; it is read as in inference and not changed.
        example: samples as it takes them, (N, C, *spatial) or (N, D), one will do.

    Returns:
        The network; its samples are channels last, (N, *spatial, C).

    Raises:
        OptionError: PyTorch is not installed, or other arguments.
        NetworkError: ``torch.export`` cannot follow the module, there is more than one input or output, or operators
            that are no layers: all of them are listed, with the modules that they are of.
    """
    if importlib.util.find_spec("torch") is None:
        raise OptionError("PyTorch is not installed", hint="pip install 'tatami[torch]'")
    import torch

    if not isinstance(module, torch.nn.Module):
        raise OptionError(
            "not a module of PyTorch", where="module", got=repr(module)[:60], expected="a torch.nn.Module"
        )
    if not isinstance(example, torch.Tensor) or example.ndim < 2:
        got = tuple(example.shape) if isinstance(example, torch.Tensor) else repr(example)[:60]
        raise OptionError("no example of samples", where="example", got=got, expected="a tensor (N, C, *spatial)")
    program = _exported(module, example)
    return _Reading(module, program, example).imported()


def _exported(module: torch.nn.Module, example: torch.Tensor) -> Any:
    import torch

    with _in_inference(module), _in_silence():
        try:
            # Without decompositions, this only takes changes in place away.
            return torch.export.export(module, (example,)).run_decompositions({})
        except Exception as error:  # torch.export raises many kinds
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise NetworkError(
                "torch.export cannot follow this module",
                where=type(module).__name__,
                got=lines[0][:200],
                hint="what depends on values, such as an if, has no graph",
            ) from error


@contextmanager
def _in_silence() -> Iterator[None]:
    """Hold back what torch.export warns of and logs: what matters of it is in its error."""
    before = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)


@contextmanager
def _in_inference(module: torch.nn.Module) -> Iterator[None]:
    """Set a module to inference, and each part back to what it was."""
    before = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in before.items():
            part.training = training


class _Reading:
    """A program of ``torch.export`` while it is read."""

    def __init__(self, module: torch.nn.Module, program: Any, example: torch.Tensor) -> None:
        self.module, self.program = module, program
        channels, *spatial = example.shape[1:]
        self.draft = Draft((*spatial, channels))
        self.values: dict[str, Any] = {}
        self.problems: dict[str, list[str]] = {}

    def imported(self) -> Imported:
        """The network.

        Raises:
            NetworkError: see :func:`from_torch`.
        """
        signature = self.program.graph_signature
        if len(signature.user_inputs) != 1 or len(signature.user_outputs) != 1:
            got = f"{len(signature.user_inputs)} inputs, {len(signature.user_outputs)} outputs"
            raise NetworkError("a network has one input and one output", where=type(self.module).__name__, got=got)
        tensors = {**self.program.state_dict, **self.program.constants}
        names = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                is_data = node.name in signature.user_inputs
                self.values[node.name] = self.draft.input if is_data else Constant(tensors[names[node.name]])
            elif node.op == "call_function":
                self.values[node.name] = self._value(node)
        self._tell()
        output = self.values[signature.user_outputs[0]]
        try:
            return self.draft.imported(output)
        except CannotRead as error:
            raise NetworkError(str(error), where=type(self.module).__name__) from error

    def _value(self, node: Any) -> Any:
        """What a node of the graph gives; None where that is not known."""
        if any(self.values.get(source.name) is None for source in node.all_input_nodes):
            return None  # what comes before has been told
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        given = [self.values[source.name] for source in node.all_input_nodes]
        if all(isinstance(value, Constant) for value in given):
            return self._folded(node)
        path = re.sub(r"@\d+", "", stack[-1][0]) if stack else ""  # a module that is used again has a number
        owner = self._owner(path)
        operator = str(getattr(node.target, "__name__", node.target)).partition(".")[0]
        if is_within_whole(owner, operator):
            return WITHIN
        result = node.meta.get("val")
        sizes = tuple(result.shape) if hasattr(result, "shape") else ()
        call = Call(self.draft, self._given(node.args), self._given(node.kwargs), owner, path, sizes)
        rule = RULES.get(operator)
        try:
            if rule is None:
                raise CannotRead(operator)
            value = rule(call)
            if isinstance(value, View) and sizes and value.sizes != sizes[1:]:
                raise CannotRead(f"{operator} to {sizes}")
            return value
        except CannotRead as error:
            self._note(str(error) or operator, path)
        except NetworkError as error:
            self._note(f"{operator}: {error}", path)
        return None

    def _folded(self, node: Any) -> Any:
        """What a node makes of weights alone: PyTorch computes it."""
        import torch

        def tensors(value: Any) -> Any:
            if isinstance(value, list):
                return [tensors(one) for one in value]
            return value.tensor if isinstance(value, Constant) else value

        keywords = {name: tensors(value) for name, value in self._given(node.kwargs).items()}
        with torch.no_grad():
            result = node.target(*tensors(self._given(node.args)), **keywords)
        return Constant(result) if isinstance(result, torch.Tensor) else result

    def _owner(self, path: str) -> Any:
        try:
            return self.module.get_submodule(path)
        except AttributeError:
            return self.module

    def _given(self, value: Any) -> Any:
        """Arguments with values in the place of nodes."""
        if isinstance(value, dict):
            return {key: self._given(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._given(one) for one in value]
        name = getattr(value, "name", None)
        return self.values[name] if isinstance(name, str) and name in self.values else value

    def _note(self, problem: str, path: str) -> None:
        self.problems.setdefault(problem, []).append(path or type(self.module).__name__)

    def _tell(self) -> None:
        """Raise all that could not be read."""
        if not self.problems:
            return
        told = [f"{problem} ({', '.join(dict.fromkeys(paths))})" for problem, paths in self.problems.items()]
        more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        raise NetworkError(
            "no layer of tatami does this",
            where=type(self.module).__name__,
            got="; ".join(told[:_SHOWN]) + more,
        )
