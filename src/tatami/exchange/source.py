"""NET, as people give it, files of other programs too: a zoo name, a ``.net`` file, notation, or a model of ONNX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tatami.errors import NetworkError, OptionError
from tatami.exchange.onnx.library import need_onnx
from tatami.network import Fit, Network, Source, find_network
from tatami.network.as_text import network_program
from tatami.network.fold import fold
from tatami.network.layers import Dense, Foreign, Shape, Softmax
from tatami.notation import ast

if TYPE_CHECKING:
    from tatami.exchange.onnx.reading import ImportedOnnx

ONNX_SUFFIX = ".onnx"


@dataclass(frozen=True)
class ModelSource(Source):
    """A model of ONNX as a network's source. Its text is that of the network, which is built without it.

    Attributes:
        network: as the file has it, or on the input that was asked for.
        notes: what should be known of it.
    """

    network: Network | None = None
    notes: tuple[str, ...] = ()

    def build(self, input_shape: Shape | None = None, classes: int | None = None, fit: Fit = "crop") -> Network:
        """The network; on another input where the file leaves its sizes open."""
        known = self.network
        if known is not None and input_shape in (None, known.input_shape):
            return known
        return _imported(self.file, input_shape).network


def open_network(net: str, bindings: Mapping[str, ast.Value] | None = None, input_shape: Shape | None = None) -> Source:
    """Find out what ``net`` is and read it; of a model of ONNX, for planning: see :func:`import_onnx`.

    Args:
        net: a zoo name, the path of a ``.net`` or ``.onnx`` file, or notation.
        bindings: values for its free names.
        input_shape: of one sample, for a model that leaves sizes open.

    Raises:
        NotationError, NetworkError, OptionError: it is none of them, or cannot be read.
    """
    if not is_model(net):
        return find_network(net, bindings)
    _need_no_bindings(net, bindings)
    return _source(net, _imported(net, input_shape))


def open_for_training(net: str, bindings: Mapping[str, ast.Value] | None = None) -> tuple[Source, str | None]:
    """As :func:`open_network`, for training: of a model, the last FC is bare, so that it takes its size from the data.

    Returns:
        The source, and the file that holds its first weights, if there is one.

    Raises:
        NetworkError: besides, a model whose paths cross, which a run cannot keep, or with operators unknown here.
    """
    if not is_model(net):
        return find_network(net, bindings), None
    _need_no_bindings(net, bindings)
    need_onnx()
    from tatami.exchange.onnx.reading import import_onnx

    network = import_onnx(net).network
    program = fold(network)
    opened = _with_open_end(program) or _with_open_end(network_program(network)) or program
    return Source(_stem(net), opened, file=net), net


def is_model(net: object) -> bool:
    """Whether this is the path of a model of ONNX, by its ending."""
    return isinstance(net, str) and net.endswith(ONNX_SUFFIX) and "->" not in net


def _imported(path: str, input_shape: Shape | None) -> ImportedOnnx:
    need_onnx()
    from tatami.exchange.onnx.reading import import_onnx

    return import_onnx(path, planning=True, input_shape=input_shape)


def _source(path: str, found: ImportedOnnx) -> ModelSource:
    try:
        program = network_program(found.network)
    except NetworkError:  # its paths cross, or it has a layer that the notation does not know
        first = found.network.nodes[0]
        program = ast.Program((), ast.Chain((ast.Layer("INPUT", (ast.Argument(None, _sizes(first.shape)),)),)))
    return ModelSource(
        _stem(path), program, file=path, network=found.network, notes=(*found.notes, *_placeholders(found))
    )


def _placeholders(found: ImportedOnnx) -> Iterator[str]:
    """What a plan of operators without a layer leaves out."""
    unknown = [node for node in found.network if isinstance(node.layer, Foreign)]
    if unknown:
        listed = ", ".join(
            f"{node.name} ({node.layer.operator})" for node in unknown if isinstance(node.layer, Foreign)
        )
        yield f"no layer here, so their parameters, work and windows do not count: {listed}"


def _need_no_bindings(net: str, bindings: Mapping[str, ast.Value] | None) -> None:
    if bindings:
        raise OptionError("a model of ONNX has no free names", where=net, got=f"-D {next(iter(bindings))}=...")


def _sizes(shape: Shape) -> ast.Value:
    return ast.Sizes(shape) if len(shape) > 1 else ast.Number(shape[0])


def _stem(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(ONNX_SUFFIX)


def _with_open_end(program: ast.Program) -> ast.Program | None:
    """With the last FC bare; None where that is not written by itself at the end."""
    items = program.chain.items
    at = len(items) - 1 - (_is(items[-1], Softmax.keyword))
    last = items[at]
    if not isinstance(last, ast.Layer) or not _is(last, Dense.keyword):
        return None
    bare = replace(last, arguments=tuple(argument for argument in last.arguments if argument.key is not None))
    return replace(program, chain=ast.Chain((*items[:at], bare, *items[at + 1 :])))


def _is(item: ast.Item, keyword: str) -> bool:
    return isinstance(item, ast.Layer) and item.name == keyword
