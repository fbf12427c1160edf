"""ONNX -> Network and weights.

The operators are walked in order. What a value is made of is followed, and a layer is made where operators are one:
transpositions and reshapes make none (``views.py``), functions of one value are recognised by what they compute
(``values.py``), and layers that the output does not need fall away at the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tatami.engines.base import Array
from tatami.errors import NetworkError
from tatami.exchange.imported import Imported
from tatami.exchange.onnx.draft import Draft
from tatami.exchange.onnx.folding import MAX_FOLDED, fold, shape_of
from tatami.exchange.onnx.folding import RULES as FOLDED
from tatami.exchange.onnx.graph import Graph, Operation, read_graph
from tatami.exchange.onnx.inference import inferred_sizes
from tatami.exchange.onnx.limits import shown
from tatami.exchange.onnx.operators import RULES, Site
from tatami.exchange.onnx.operators.site import constant
from tatami.exchange.onnx.spelling import as_told, spelled
from tatami.exchange.onnx.values import FUNCTIONS, UnreadableError, Value, activation_of, curves_of, factor_of, itself
from tatami.exchange.onnx.views import View
from tatami.network import Network
from tatami.network.layers import Foreign, Input, Scale, Shape, product, size_text

_DEEPEST = 100  # operators in a row that are made into layers only when somebody asks
# These wait: they may be a part of something larger.
_PATIENT = {*FUNCTIONS, "ReduceMean", "Reshape", "Transpose", "Pad"}


@dataclass(frozen=True)
class ImportedOnnx(Imported):
    """A network from a file of ONNX, with the names that tatami gives; where tatami wrote it, with those that it had.

    Its ``paths`` are the names of operators: of each layer the last one's. Its ``state`` is empty where the file holds
    no weights, or the network has a layer FOREIGN.

    Attributes:
        classes: their names, where the file tells them.
        notes: what else should be known.
    """

    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def import_onnx(
    source: str | os.PathLike[str] | bytes, *, planning: bool = False, input_shape: Shape | None = None
) -> ImportedOnnx:
    """Read a model of ONNX.

    Args:
        source: the path of a file, or its bytes.
        planning: whether an operator that tatami has no layer for becomes a placeholder, FOREIGN, where its sizes are
            known, rather than an error.
        input_shape: of one sample, channels last; where the file leaves sizes open.

    Raises:
        NetworkError: the file cannot be read (:mod:`tatami.exchange.onnx.limits`), its sizes are open, or it has
            operators that tatami has no layer for: all are listed; or one has inputs or attributes that it cannot.
    """
    graph = read_graph(source)
    with _well_formed(graph.where):
        return _Reader(graph, planning, input_shape).finish()


class _Reader:
    def __init__(self, graph: Graph, planning: bool, input_shape: Shape | None) -> None:
        self.graph, self.planning = graph, planning
        self.draft = Draft()
        self.notes: list[str] = []
        self.values: dict[str, Value | Array] = dict(graph.constants)
        self.budget = [MAX_FOLDED + sum(array.size for name, array in graph.constants.items())]
        self.depth = 0
        self.by_value: dict[str, list[Operation]] = {}
        for operation in graph.operations:
            for name in operation.inputs:
                self.by_value.setdefault(name, []).append(operation)
        self.foreign: dict[str, Value] = {}
        self.shape, self.last = self._input(input_shape)
        self.draft.add(Input(self.shape), (), "input")
        view = View.of("0", self.shape, last=self.last)
        begin = Operation(graph.input, "", (), (graph.input,), {})
        self.values[graph.input] = Value(graph.input, begin, (), view, itself(view))
        for operation in graph.operations:
            with _well_formed(self._at(operation.name)):
                self._read(operation)

    # --- the input ---

    def _input(self, given: Shape | None) -> tuple[Shape, bool]:
        """The sample's shape, and whether the file has its channels last: then the first thing is to turn them."""
        graph, sizes = self.graph, self.graph.sizes
        if not 1 <= len(sizes) <= 4 and not (given and not sizes):
            got = f"{len(sizes) + 1} axes"
            expected = "the batch, the channels, and 0 to 3 spatial sizes"
            raise NetworkError("an input of other axes", where=self._at(graph.input), got=got, expected=expected)
        axes = len(sizes) or len(given or ())
        first_to_last = [0, axes, *range(1, axes)]
        readers = self.by_value.get(graph.input, [])
        last = (
            axes > 1
            and bool(readers)
            and all(
                each.operator == "Transpose" and list(each.attributes.get("perm", ())) == first_to_last
                for each in readers
            )
        )
        own = sizes if last or not sizes else (*sizes[1:], sizes[0])
        if given is not None:
            if own and (len(own) != len(given) or any(a not in (None, b) for a, b in zip(own, given, strict=True))):
                expected = "x".join("?" if size is None else str(size) for size in own)
                raise NetworkError("not the input of this model", got=size_text(given), expected=expected)
            return given, last
        if None in own:
            got = "x".join("?" if size is None else str(size) for size in own)
            raise NetworkError(
                "the model leaves sizes of its input open",
                where=self._at(graph.input),
                got=got,
                hint="--input 224x224x3 says them",
            )
        return tuple(size for size in own if size is not None), last

    def _at(self, name: str) -> str:
        return f"{self.graph.where}, {shown(name)}"

    # --- what rules ask ---

    def readers(self, value: str) -> int:
        return len(self.by_value.get(value, ())) + (value == self.graph.output)

    def only_dense(self, value: str) -> bool:
        todo, seen = [value], {value}
        while todo:
            name = todo.pop()
            if name == self.graph.output or len(seen) > _DEEPEST:
                return False
            for operation in self.by_value.get(name, ()):
                if operation.operator in ("Gemm", "MatMul") and operation.inputs[0] == name:
                    continue
                alone = operation.operator in FUNCTIONS or operation.operator in ("Dropout", "Identity", "Flatten")
                if not alone or sum(each not in self.graph.constants for each in operation.inputs) > 1:
                    return False
                fresh = [each for each in operation.outputs if each not in seen]
                seen.update(fresh)
                todo += fresh
        return True

    def force(self, value: Value) -> View:
        if value.view is not None:
            return value.view
        self.depth += 1
        try:
            if self.depth > _DEEPEST:
                raise UnreadableError("too many operators in a row without a layer")
            value.view = self._factor(value) or self._layer(value) or self._foreign(value)
        finally:
            self.depth -= 1
        if value.view is None:
            raise UnreadableError(_BEHIND)
        value.curves.update(itself(value.view))
        return value.view

    def _factor(self, value: Value) -> View | None:
        """SCALE, where a value is another one times a number."""
        for base, curve in value.curves.items():
            factor = factor_of(curve)
            if factor is not None:
                weight = constant(np.full(base.shape[-1], factor, np.float32))
                found = self.draft.add(Scale(), (base,), value.made.name, {"weight": weight})
                return base.over(found.node)
        return None

    def _layer(self, value: Value) -> View | None:
        """What a rule makes of the operator, whose inputs are made into layers if need be."""
        if value.why or value.made.operator not in RULES:
            return None
        try:
            return _one(RULES[value.made.operator](Site(self, value.made, value.inputs)))
        except UnreadableError as error:
            value.why = str(error)
            return None

    def _foreign(self, value: Value) -> View | None:
        """A placeholder, where the sizes are known."""
        views = []
        for given in value.inputs:
            if isinstance(given, Value):
                try:
                    views.append(self.force(given))
                except UnreadableError:
                    return None
        sizes = self.sizes.get(value.name)
        if not views or sizes is None or not 1 <= len(sizes) <= 4:
            return None
        layer = Foreign(shown(value.made.operator), (*sizes[1:], sizes[0]))
        found = self.draft.add(layer, tuple(views), value.made.name)
        self.foreign[found.node] = value
        return found

    @cached_property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Of values, as ONNX infers them."""
        return inferred_sizes(self.graph, self.shape, self.last)

    # --- the walk ---

    def _read(self, operation: Operation) -> None:
        """Enter what an operator gives among the values."""
        inputs = [self.values[name] if name else None for name in operation.inputs]
        given = inputs[0] if inputs else None
        if not any(isinstance(each, Value) for each in inputs):
            found = fold(operation, inputs, self.budget)  # type: ignore[arg-type]  # none is a Value
            if found is not None:
                self.values[operation.outputs[0]] = found
                return
        if isinstance(given, Value):
            if operation.operator == "Identity" or self._is_float_cast(operation):
                self.values[operation.outputs[0]] = given
                return
            if operation.operator == "Shape":
                found = self._shape(operation, given)
                if found is not None:
                    self.values[operation.outputs[0]] = found
                    return
        self._layers(operation, inputs)

    def _is_float_cast(self, operation: Operation) -> bool:
        return operation.operator == "Cast" and operation.attributes.get("to") in _FLOATS

    def _shape(self, operation: Operation, value: Value) -> Array | None:
        sizes = value.view.sizes if value.view is not None else self.sizes.get(value.name)
        if sizes is None:
            return None
        given = operation.attributes
        return shape_of(sizes)[given.get("start", 0) : given.get("end")]

    def _layers(self, operation: Operation, inputs: Sequence[Value | Array | None]) -> None:
        """Values of layers; or such as wait for somebody to ask what they are."""
        curves = curves_of(operation, inputs)
        made = [Value(name, operation, inputs, curves=dict(curves)) for name in operation.outputs]
        for value in made:
            self.values[value.name] = value
        if not _is_known(operation.operator):
            for value in made:
                with suppress(UnreadableError):
                    self.force(value)
            return
        views = self._function(operation, curves)
        if views is None and operation.operator in RULES and self._is_ready(operation, inputs):
            try:
                found = RULES[operation.operator](Site(self, operation, inputs, operation.operator in _PATIENT))
                views = found if isinstance(found, list) else [found]
            except UnreadableError as error:
                for value in made:
                    value.why = str(error)
        for value, view in zip(made, views or (), strict=False):
            value.view = view
            value.curves.update(itself(view))

    def _function(self, operation: Operation, curves: Mapping[View, Array]) -> list[View] | None:
        """The layer that a function of one value is: none, an activation; None where it is another one."""
        for base, curve in curves.items():
            if factor_of(curve) == 1:
                return [base]
            activation = activation_of(curve)
            if activation is not None:
                return [base.over(self.draft.add(activation, (base,), operation.name).node)]
        return None

    def _is_ready(self, operation: Operation, inputs: Sequence[Value | Array | None]) -> bool:
        """Whether a rule may be asked: not about a number times a value, which may be a part of a function."""
        numbers = [each for each in inputs if not isinstance(each, Value) and each is not None]
        return operation.operator not in FUNCTIONS or all(number.size != 1 for number in numbers)

    # --- the end ---

    def finish(self) -> ImportedOnnx:
        graph = self.graph
        end = self.values[graph.output]
        view = self._end(end)
        if not self.planning or view is None:
            self._need_known(end, view)
        assert view is not None
        tatamis = graph.producer == "tatami"
        network, keys = self.draft.finished(view.node, own_names=tatamis)
        self._need_declared(network)
        told = as_told(graph.metadata.get("network"), network) if tatamis else None
        if told is not None:
            network, names = told
            keys = {name: keys[before] for name, before in names.items()}
        elif not self.foreign:
            network = spelled(network)
        notes = list(dict.fromkeys(self.notes))
        if graph.left_out:
            notes.append(f"other outputs are left out: {', '.join(map(shown, graph.left_out[:8]))}")
        state: dict[str, Array] = {}
        if not graph.missing and not any(key in self.foreign for key in keys.values()):
            self._hold_weights(network)
            state = self.draft.state(network, keys)
        elif graph.missing:
            notes.append("the file holds no weights")
        entries = self.draft.entries
        paths = {name: shown(entries[key].operation) for name, key in keys.items() if entries[key].inputs}
        return ImportedOnnx(network, state, paths, classes=graph.classes(), notes=tuple(notes))

    def _end(self, end: Value | Array) -> View | None:
        """The output, as it comes out."""
        if not isinstance(end, Value):
            raise NetworkError("the output does not depend on the input", where=self._at(self.graph.output))
        try:
            site = Site(self, end.made, (end,))
            view = site.view()
            if len(view.shape) == 1 or len(view.dims) == 1:
                return site.vector(view)
            if view.is_map or (view.in_order and len(view.dims) == len(view.shape)):
                return view
            raise UnreadableError("a map whose values come out in another order")
        except UnreadableError as error:
            end.why = end.why or str(error)
            return None

    def _need_known(self, end: Value | Array, view: View | None) -> None:
        """Refuse operators that tatami has no layer for; all are listed.

        Raises:
            NetworkError: there are some.
        """
        found: dict[str, str] = {}
        live = set(self.draft.live(view.node)) if view is not None else set(self.draft.entries)
        for key, unknown in self.foreign.items():
            if key in live and self._is_to_blame(unknown):
                found[unknown.made.name] = _complaint(unknown)
        todo: list[Value | Array | None] = [end] if view is None else []
        seen: set[int] = set()
        while todo:
            value = todo.pop()
            if isinstance(value, Value) and id(value) not in seen and (value.view is None or value is end):
                seen.add(id(value))
                if self._is_to_blame(value):
                    found[value.made.name] = _complaint(value)
                todo += value.inputs
        if not found:
            return
        order = [operation.name for operation in self.graph.operations if operation.name in found]
        more = f", and {len(order) - _LISTED} more" * (len(order) > _LISTED)
        raise NetworkError(
            "operators that tatami has no layer for",
            where=self.graph.where,
            got=", ".join(found[name] for name in order[:_LISTED]) + more,
            hint=None if self.planning else "tatami plan takes them as placeholders where their sizes are known",
        )

    def _is_to_blame(self, value: Value) -> bool:
        """Whether an operator is unknown; or is used in a way that is, though all that it reads is known."""
        views = [given.view for given in value.inputs if isinstance(given, Value)]
        are_known = all(view is not None and view.node not in self.foreign for view in views)
        return are_known or not _is_known(value.made.operator)

    def _need_declared(self, network: Network) -> None:
        """Refuse what came out otherwise than the file declares: something was misread.

        Raises:
            NetworkError: the output has another size.
        """
        info = self.graph.model.graph.output[0]
        declared = [dim.dim_value for dim in info.type.tensor_type.shape.dim][1:]
        is_known = bool(declared) and all(size > 0 for size in declared)
        if is_known and product(tuple(declared)) != product(network.output_shape):
            raise NetworkError(
                "the output does not have the size that the file declares",
                where=self._at(self.graph.output),
                got=size_text(network.output_shape),
                expected="x".join(map(str, declared)),
            )

    def _hold_weights(self, network: Network) -> None:
        """Refuse tensors that are used so often that their copies would fill the memory.

        Raises:
            NetworkError: they are.
        """
        there = sum(array.size for array in self.graph.constants.values())
        needed = sum(parameter.size for parameter in network.parameters().values())
        if needed > _TIMES * there + MAX_FOLDED:
            raise NetworkError(
                "weights that are used over and over",
                where=self.graph.where,
                got=f"{needed:,} parameters of {there:,} values",
            )


_BEHIND = "what it reads is unreadable"
_LISTED = 20  # operators in one error
_TIMES = 16  # that a tensor may be used, on average
_FLOATS = (1, 10, 11, 16)  # TensorProto's float, float16, double, bfloat16


@contextmanager
def _well_formed(where: str) -> Iterator[None]:
    """Refuse what comes of inputs and attributes that are missing, too many, or of another type or length.

    They are as the file has them: no rule looks for every way in which they may be wrong.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        problem = "an operator with inputs or attributes that it cannot have"
        raise NetworkError(problem, where=where, got=shown(str(error))) from error


def _one(found: View | list[View]) -> View | None:
    return found if isinstance(found, View) else None


def _is_known(operator: str) -> bool:
    """Whether an operator may be read, used in some way."""
    return operator in RULES or operator in FUNCTIONS or operator in FOLDED or operator == "Shape"


def _complaint(value: Value) -> str:
    why = f": {value.why}" if value.why and value.why != _BEHIND else ""
    return f"{shown(value.made.operator)} ({shown(value.made.name)}{why})"
