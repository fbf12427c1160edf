"""Values of the notation: syntax tree -> Python values, in the scope where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tatami.errors import NotationError
from tatami.network.layers.arguments import PerAxis
from tatami.notation import ast


class _Unknown:
    """A number that depends on ``depth``, before shapes are known."""


UNKNOWN: Final = _Unknown()
DEPTH = "depth"
MAX_MAGNITUDE = 10**15  # of a computed number


@dataclass(frozen=True)
class Turn:
    """One turn of an enclosing repeat. ``count`` is None where the repeat's own count is a list: it claims no list."""

    count: int | None
    index: int


@dataclass(frozen=True)
class Scope:
    """What a value or an item may refer to.

    Attributes:
        source: the text, for error messages.
        blocks: the text's blocks by name in folded case, each with its rank from above.
        rank: that of the block around; only blocks of lower rank may be called here. None outside of blocks.
        names: the parameters of the block around, evaluated.
        turns: the repeats around, outermost first.
        level: how deep the walk is, to bound it.
    """

    source: str = ""
    blocks: Mapping[str, tuple[ast.Block, int]] = field(default_factory=dict)
    rank: int | None = None
    names: Mapping[str, Any] = field(default_factory=dict)
    turns: tuple[Turn, ...] = ()
    level: int = 0

    # Entering an item is the commonest step of all; writing the fields out takes a third of the time of replace().

    def turn(self, count: int | None, index: int) -> Scope:
        """The scope within one turn of a repeat."""
        turns = (*self.turns, Turn(count, index))
        return Scope(self.source, self.blocks, self.rank, self.names, turns, self.level)

    def deeper(self) -> Scope:
        """The scope one level down."""
        return Scope(self.source, self.blocks, self.rank, self.names, self.turns, self.level + 1)


def failure(
    scope: Scope,
    position: ast.Position,
    problem: str,
    *,
    got: object = None,
    expected: str | None = None,
    hint: str | None = None,
) -> NotationError:
    """The error that points at ``position``, for the caller to raise."""
    return NotationError(
        problem,
        line=position.line,
        column=position.column,
        source=scope.source,
        got=got,
        expected=expected,
        hint=hint,
    )


def evaluate(value: ast.Value, scope: Scope, depth: int | None) -> Any:
    """The Python value: int, float, word (str), tuple, :class:`PerAxis`, or :data:`UNKNOWN`.

    Args:
        value: the syntax tree.
        scope: names and repeats around it.
        depth: channels of what comes in, or None while shapes are not known; ``depth`` is then UNKNOWN.
    """
    match value:
        case ast.Number():
            return value.value
        case ast.Sizes():
            return PerAxis(value.sizes)
        case ast.Tuple():
            return tuple(evaluate(v, scope, depth) for v in value.values)
        case ast.List():
            return evaluate(_claimed(value, scope), scope, depth)
        case ast.Name():
            return _named(value, scope, depth)
        case ast.Choice():
            raise failure(scope, value.position, "a choice cannot stand here")  # in a layer's name; others are bound
        case ast.Negative():
            operand = evaluate(value.value, scope, depth)
            return UNKNOWN if operand is UNKNOWN else -_number(operand, value.value, scope)
        case ast.Binary():
            left, right = (evaluate(v, scope, depth) for v in (value.left, value.right))
            if UNKNOWN in (left, right):
                return UNKNOWN
            result = _operate(value, _integer(left, value.left, scope), _integer(right, value.right, scope), scope)
            if abs(result) > MAX_MAGNITUDE:
                raise failure(scope, value.position, "the result is too large", expected=f"at most {MAX_MAGNITUDE:,}")
            return result


def count_of(value: ast.Value, scope: Scope) -> tuple[int, bool]:
    """How often a repeat turns, and whether its own count is a list."""
    count = evaluate(value, scope, None)
    if count is UNKNOWN:
        raise failure(scope, value.position, "a repeat's count cannot depend on depth")
    if not isinstance(count, int) or count < 0:
        raise failure(scope, value.position, "impossible count", got=count, expected="a whole number of at least 0")
    return count, isinstance(value, ast.List)


def _claimed(value: ast.List, scope: Scope) -> ast.Value:
    """The list's element for the current turn of the repeat that the list belongs to."""
    for turn in reversed(scope.turns):
        if turn.count == len(value.values):
            return value.values[turn.index]
    counts = [str(turn.count) for turn in scope.turns if turn.count is not None]
    around = f"the repeats around it turn {' and '.join(counts)} times" if counts else "no repeat is around it"
    raise failure(
        scope,
        value.position,
        "no enclosing repeat claims this list",
        got=f"{len(value.values)} values, while {around}",
        expected=f"a repeat with the count {len(value.values)} around it",
    )


def _named(value: ast.Name, scope: Scope, depth: int | None) -> Any:
    if value.name in scope.names:
        return scope.names[value.name]
    if value.name.casefold() == DEPTH:
        return UNKNOWN if depth is None else depth
    return value.name


def _operate(value: ast.Binary, left: int, right: int, scope: Scope) -> int:
    if value.operator in {"/", "//", "%"} and right == 0:
        raise failure(scope, value.position, "division by zero")
    match value.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//":
            return left // right
        case "%":
            return left % right
    if left % right:
        raise failure(
            scope,
            value.position,
            "the division leaves a rest",
            got=f"{left}/{right}",
            expected="a whole number",
            hint="// rounds down",
        )
    return left // right


def _integer(operand: Any, value: ast.Value, scope: Scope) -> int:
    if not isinstance(operand, int):
        raise failure(scope, value.position, "arithmetic is on whole numbers", got=operand)
    return operand


def _number(operand: Any, value: ast.Value, scope: Scope) -> int | float:
    if isinstance(operand, float):
        return operand
    return _integer(operand, value, scope)
