"""The line that a page sends: notation or a zoo name, never a path, with values for its free names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tatami.errors import NotationError, OptionError
from tatami.network import Network, Source, count_names, find_network, free_names
from tatami.network.layers import Shape
from tatami.notation import ast, parse_value, print_value

USUAL_COUNT, USUAL_SIZE = "1", "32"  # of a free name that has no value yet: repeats, and all else


@dataclass(frozen=True)
class Line:
    """A network as the page has it.

    Attributes:
        text: notation, or a name of the zoo.
        bindings: values of free names as text; those that the text does not have are passed over, as they stay behind
            when a name is taken out of the text.
        input: the sample's shape, ``32x32x3``, instead of the text's own; empty for that.
        classes: the size of a bare last FC.
    """

    text: str
    bindings: Mapping[str, str] = field(default_factory=dict)
    input: str = ""
    classes: int | None = None


@dataclass(frozen=True)
class FreeName:
    """A free name of a family.

    Attributes:
        name: as the text has it.
        value: the value that it is bound to.
        choices: all its values; empty where any number may be.
        counts: whether it says how often something is repeated.
    """

    name: str
    value: str
    choices: tuple[str, ...]
    counts: bool


@dataclass(frozen=True)
class Reading:
    """A line that reads well: its source with every free name bound."""

    line: Line
    source: Source
    free: tuple[FreeName, ...]

    def build(self) -> Network:
        """The network.

        Raises:
            NotationError, NetworkError, OptionError: it cannot be.
        """
        return self.source.build(read_shape(self.line.input), self.line.classes)


def read_line(line: Line) -> Reading:
    """Read a line, and bind what is free in it.

    Raises:
        NotationError, NetworkError, OptionError: it does not read, or a value is none.
    """
    source = find_network(line.text, files=False)
    counts = count_names(source.program)
    free = []
    for name, choices in free_names(source.program).items():
        texts = tuple(map(print_value, choices))
        usual = texts[0] if texts else USUAL_COUNT if name in counts else USUAL_SIZE
        free.append(FreeName(name, line.bindings.get(name, usual), texts, name in counts))
    return Reading(line, source.bind({each.name: _value(each.value, each.name) for each in free}), tuple(free))


def read_shape(text: str) -> Shape | None:
    """``32x32x3`` as (32, 32, 3); None for the empty text.

    Raises:
        OptionError: no sizes.
    """
    if not text.strip():
        return None
    value = _value(text, "input")
    if not isinstance(value, ast.Sizes):
        raise OptionError("unreadable input", where="input", got=text[:60], expected="sizes, depth last: 32x32x3")
    return value.sizes


def _value(text: str, where: str) -> ast.Value:
    try:
        return parse_value(text)
    except NotationError as error:
        # Its place is one in this value, not in the line.
        raise OptionError(error.problem, where=where, got=text[:60], expected=error.expected) from error
