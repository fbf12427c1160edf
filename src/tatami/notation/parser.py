"""Tokens -> syntax tree, by recursive descent. The grammar is in GRAMMAR.md; each rule is one method here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tatami.errors import NotationError, nearest
from tatami.notation import ast
from tatami.notation.lexer import Token, tokenize

MAX_NESTING = 32  # brackets of any kind within one another
MAX_OPERATORS = 64  # in one value, all brackets in it included; it bounds the depth of the tree
MAX_STARS = 4  # stars and question marks on one item

_KEYWORD = "let"

_T = TypeVar("_T")


def parse(source: str) -> ast.Program:
    """Read the text of a network or of a family of networks.

    Args:
        source: notation, see GRAMMAR.md.

    Raises:
        NotationError: with line, column, what was expected, and often a suggestion.
    """
    return _Parser(source).program()


def parse_value(source: str) -> ast.Value:
    """Read one value alone: ``2``, ``{2,2,3}``, ``yes``; as given to ``-D NAME=VALUE``."""
    parser = _Parser(source)
    value = parser.value()
    parser.expect_end("the end of the value")
    return value


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokenize(source)
        self.at = 0
        self.open: list[Token] = []
        self.operators = 0

    # --- rules ---

    def program(self) -> ast.Program:
        blocks: list[ast.Block] = []
        while self.token.kind == "name" and self.token.text.casefold() == _KEYWORD and self.ahead.kind == "name":
            blocks.append(self.block())
            while self.token.kind == ";":
                self.advance()
        chain = self.chain()
        self.expect_end('"->" or the end of the text')
        return ast.Program(tuple(blocks), chain, self.source)

    def block(self) -> ast.Block:
        position = self.advance().position
        name = self.take("name", "the block's name").text
        parameters: list[str] = []
        with self.bracket("("):
            while self.token.kind != ")":
                parameters.append(self.take("name", "a parameter's name").text)
                if self.token.kind != ")":
                    self.take(",", '"," or ")"')
        self.take("=", '"="')
        return ast.Block(name, tuple(parameters), self.chain(), position)

    def chain(self) -> ast.Chain:
        position = self.token.position
        items = [self.item()]
        while self.token.kind == "->":
            self.advance()
            items.append(self.item())
        return ast.Chain(tuple(items), position)

    def item(self) -> ast.Item:
        item = self.atom()
        for _ in range(MAX_STARS + 1):
            position = self.token.position
            if self.token.kind == "*":
                self.advance()
                item = ast.Repeat(item, self.count(), position)
            elif self.token.kind == "?":
                self.advance()
                item = ast.Optional(item, position)
            else:
                return item
        raise self.error(f"more than {MAX_STARS} stars on one item")

    def atom(self) -> ast.Item:
        if self.token.kind == "[":
            with self.bracket("["):
                return self.chain()
        if self.token.kind == "{":
            position = self.token.position
            with self.bracket("{"):
                return ast.Alternatives(self.choices([self.chain()], self.chain), position)
        name = self.take("name", 'a layer or "["')
        if self.token.kind == "[":
            with self.bracket("["):
                paths = self.separated(self.chain, "|")
            return ast.Branches(name.text, paths, name.position)
        if self.token.kind != "(":
            return ast.Layer(name.text, (), name.position)
        with self.bracket("("):
            arguments = () if self.token.kind == ")" else self.separated(self.argument, ",")
        return ast.Layer(name.text, arguments, name.position)

    def argument(self) -> ast.Argument:
        position = self.token.position
        key = None
        if self.token.kind == "name" and self.ahead.kind == "=":
            key = self.advance().text
            self.advance()
        self.operators = 0
        return ast.Argument(key, self.value(), position)

    def count(self) -> ast.Value:
        if self.token.kind in {"number", "name", "{", "("}:
            self.operators = 0
            return self.primary()
        raise self.error("a repeat needs a count", expected="a number, a name, a {list}, or a sum in brackets")

    def value(self) -> ast.Value:
        return self.operation(self.product, "+", "-")

    def product(self) -> ast.Value:
        return self.operation(self.unary, "*", "/", "//", "%")

    def unary(self) -> ast.Value:
        if self.token.kind != "-":
            return self.primary()
        position = self.advance().position
        return ast.Negative(self.primary(), position)

    def primary(self) -> ast.Value:
        token = self.token
        if token.kind == "number":
            self.advance()
            is_integer = token.text.isdigit()
            return ast.Number(int(token.text) if is_integer else float(token.text), token.position)
        if token.kind == "sizes":
            self.advance()
            sizes = tuple(int(size) for size in token.text.replace("X", "x").replace("×", "x").split("x"))
            return ast.Sizes(sizes, token.position)
        if token.kind == "name":
            self.advance()
            return ast.Name(token.text, token.position)
        if token.kind == "{":
            with self.bracket("{"):
                first = self.value()
                if self.token.kind == "|":
                    return ast.Choice(self.choices([first], self.value), token.position)
                return ast.List(self.separated(self.value, ",", [first]), token.position)
        if token.kind == "(":
            with self.bracket("("):
                values = self.separated(self.value, ",")
            return values[0] if len(values) == 1 else ast.Tuple(values, token.position)
        raise self.error("a value is missing", expected="a number, a size like 3x3, a name, a (tuple) or a {list}")

    def operation(self, operand: Callable[[], ast.Value], *operators: str) -> ast.Value:
        left = operand()
        while self.token.kind in operators:
            self.operators += 1
            if self.operators > MAX_OPERATORS:
                raise self.error(f"more than {MAX_OPERATORS} operators in one value")
            operator = self.advance()
            left = ast.Binary(operator.kind, left, operand(), operator.position)
        return left

    # --- tokens ---

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    @property
    def ahead(self) -> Token:
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    def advance(self) -> Token:
        token = self.token
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def take(self, kind: str, expected: str) -> Token:
        if self.token.kind != kind:
            raise self.unexpected(expected)
        return self.advance()

    @contextmanager
    def bracket(self, opening: str) -> Iterator[None]:
        """Enter a bracket, run the block, and leave it; an error names the bracket that was never closed."""
        closing = {"[": "]", "(": ")", "{": "}"}[opening]
        if len(self.open) == MAX_NESTING:
            raise self.error("brackets nested too deeply", expected=f"at most {MAX_NESTING} levels")
        self.open.append(self.take(opening, f'"{opening}"'))
        yield
        more = {"[": '"->" or "]"', "(": '"," or ")"', "{": '"," or "}"'}[opening]
        self.take(closing, more)
        self.open.pop()

    def choices(self, first: list[_T], rule: Callable[[], _T]) -> tuple[_T, ...]:
        if self.token.kind == "}":
            raise self.unexpected('"|" and another choice')
        found = self.separated(rule, "|", first)
        if self.token.kind != "}":
            raise self.unexpected('"|" or "}"')
        return found

    def separated(self, rule: Callable[[], _T], separator: str, first: Iterable[_T] = ()) -> tuple[_T, ...]:
        found = list(first) or [rule()]
        while self.token.kind == separator:
            self.advance()
            found.append(rule())
        return tuple(found)

    def expect_end(self, expected: str) -> None:
        if self.token.kind != "end":
            raise self.unexpected(expected)

    # --- errors ---

    def unexpected(self, expected: str) -> NotationError:
        token = self.token
        if token.kind == "end" and self.open:
            bracket = self.open[-1]
            where = f"{bracket.position.line}:{bracket.position.column}"
            return self.error(f'"{bracket.text}" opened at {where} is never closed', expected=expected)
        if token.kind in {")", "]", "}"} and not self.open:
            return self.error(f'"{token.text}" closes nothing', expected=expected)
        hint = None
        if token.kind == "name":
            previous = self.tokens[self.at - 1] if self.at else None
            if previous is not None and nearest(previous.text, [_KEYWORD]) and previous.kind == "name":
                hint = f"did you mean {_KEYWORD}?"
            else:
                hint = 'layers are joined by "->"' if "->" in expected else None
        elif token.kind == "|":
            hint = "paths belong in RES[a | b], ADD[a | b], MUL[a | b], CONCAT[a | b] or SPLIT[a | b], choices in {a|b}"
        return self.error("unexpected text", expected=expected, hint=hint)

    def error(self, problem: str, *, expected: str | None = None, hint: str | None = None) -> NotationError:
        position = self.token.position
        return NotationError(
            problem,
            line=position.line,
            column=position.column,
            source=self.source,
            got=self.token,
            expected=expected,
            hint=hint,
        )
