"""NET, as people give it, -> Network: a zoo name, a ``.net`` file, or notation."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tatami.errors import NetworkError, NotationError, OptionError, nearest
from tatami.network import zoo
from tatami.network.binding import NAME_KEY
from tatami.network.build import Fit, build
from tatami.network.family import bind_names
from tatami.network.graph import Network
from tatami.network.layers import Input, Shape
from tatami.network.netfile import SUFFIX, NetFile, parse_netfile, read_netfile
from tatami.notation import ast, parse


@dataclass(frozen=True)
class Source:
    """A network's text with its free names bound: what is needed to build it for one shape of data or another.

    Errors name ``file``, where the text is from one.
    """

    name: str
    program: ast.Program
    default_input: Shape | None = None
    default_classes: int | None = None
    file: str = ""

    @property
    def has_shape(self) -> bool:
        """Whether the text itself says the shape of INPUT."""
        first = self.program.chain.items[0]
        return isinstance(first, ast.Layer) and any((a.key or "").casefold() != NAME_KEY for a in first.arguments)

    def bind(self, bindings: Mapping[str, ast.Value]) -> Source:
        """The same text with more of its free names bound.

        Raises:
            OptionError: a name that the text does not have, or an option that is neither yes nor no.
        """
        with _naming(self.file):
            return replace(self, program=bind_names(self.program, bindings))

    def build(self, input_shape: Shape | None = None, classes: int | None = None, fit: Fit = "crop") -> Network:
        """Build the network.

        Args:
            input_shape: the sample's shape; replaces INPUT's own.
            classes: size of a bare last FC.
            fit: see :func:`tatami.network.build.build`.
        """
        if input_shape is None and not self.has_shape:
            input_shape = self.default_input
        classes = self.default_classes if classes is None else classes
        with _naming(self.file):
            return build(self.program, input_shape=input_shape, classes=classes, fit=fit)


def find_network(net: str, bindings: Mapping[str, ast.Value] | None = None, *, files: bool = True) -> Source:
    """Find out what ``net`` is and read it.

    Args:
        net: a zoo name, the path of a ``.net`` file, or notation.
        bindings: values for its free names.
        files: False where no file may be opened, as for a text that came over a network.

    Raises:
        NotationError, NetworkError, OptionError: it is none of a zoo name, a readable ``.net`` file, or notation.
    """
    given: object = net
    if not isinstance(given, str):
        expected = "a text: notation such as 'INPUT(32x32x3) -> FC(10)', a zoo name, or a .net file"
        raise OptionError("not a network", where="net", got=repr(given)[:60], expected=expected)
    return _read(_netfile(net, files), bindings or {})


def source_of_text(text: str, name: str = "network") -> Source:
    """The network of a ``.net`` file's text, head included."""
    return _read(parse_netfile(name, text), {})


def _read(netfile: NetFile, bindings: Mapping[str, ast.Value]) -> Source:
    with _naming(netfile.file):
        program = bind_names(parse(netfile.text), bindings)
    return Source(netfile.name, program, netfile.input_shape, netfile.classes, netfile.file)


@contextmanager
def _naming(file: str) -> Iterator[None]:
    """Put the file before the place that an error of its text tells."""
    try:
        yield
    except (NotationError, NetworkError) as error:
        if file:
            error.where = f"{file}, {error.where}" if error.where else file
        raise


def _netfile(net: str, files: bool) -> NetFile:
    if zoo.is_name(net):
        return zoo.read(net)
    if files and net.endswith(SUFFIX):
        return read_netfile(Path(net))
    is_path = files and re.search(r"[./\\]", net) and not re.search(r"->|[→()\[\]*?|#\n]", net)
    if is_path or (re.fullmatch(r"[\w\- ]*", net) and net.strip().upper() != Input.keyword):
        close = nearest(re.split(r"[/\\]", net)[-1], zoo.names())
        problem = "no such network"
        if is_path:
            problem = "not a .net file" if os.path.exists(net) else "no such file"
        raise OptionError(
            problem,
            got=net[:60],
            expected="notation such as 'INPUT(32x32x3) -> CONV -> RELU -> FC(10)', a zoo name, or a .net file"
            if files
            else "notation such as 'INPUT(32x32x3) -> CONV -> RELU -> FC(10)', or a zoo name",
            hint=f"did you mean {close}?" if close else "`tatami zoo` lists the names",
        )
    return NetFile("network", net)
