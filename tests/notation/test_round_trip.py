"""parse(print_text(tree)) == tree, on random trees over the whole syntax; and random text never surprises."""

import string
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tatami.errors import NotationError
from tatami.notation import ast, parse, parse_value, print_text, print_value

NAMES = st.one_of(
    st.sampled_from(["CONV", "relu", "Pool", "FC", "N", "w", "depth", "same", "x3", "e5", "let", "_", "畳み込み", "é"]),
    st.text(string.ascii_letters + "_", min_size=1, max_size=6),
)
NUMBERS = st.one_of(
    st.integers(0, 10**12 - 1),
    st.floats(0, allow_nan=False, allow_infinity=False).map(abs),
).map(ast.Number)
LEAVES = st.one_of(
    NUMBERS, NAMES.map(ast.Name), st.lists(st.integers(0, 9999), min_size=2, max_size=4).map(tuple).map(ast.Sizes)
)


def _compound(values: st.SearchStrategy[ast.Value]) -> st.SearchStrategy[ast.Value]:
    several = st.lists(values, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(ast.Binary, st.sampled_from(["+", "-", "*", "/", "//", "%"]), values, values),
        st.builds(ast.Negative, values),
        several.map(ast.List),
        several.filter(lambda v: len(v) > 1).map(ast.Choice),
        several.filter(lambda v: len(v) > 1).map(ast.Tuple),
    )


VALUES = st.recursive(LEAVES, _compound, max_leaves=12)
COUNTS = st.one_of(st.integers(0, 9).map(ast.Number), VALUES)
LAYERS = st.builds(
    ast.Layer,
    NAMES,
    st.lists(st.builds(ast.Argument, st.none() | NAMES, VALUES), max_size=3).map(tuple),
)


def _chains(items: st.SearchStrategy[ast.Item]) -> st.SearchStrategy[ast.Chain]:
    return st.lists(items, min_size=1, max_size=3).map(lambda found: ast.Chain(tuple(found)))


def _nested(items: st.SearchStrategy[ast.Item]) -> st.SearchStrategy[ast.Item]:
    return st.one_of(
        _chains(items),
        st.builds(ast.Branches, NAMES, st.lists(_chains(items), min_size=1, max_size=3).map(tuple)),
        st.builds(ast.Repeat, items.filter(_has_room), COUNTS),
        st.builds(ast.Optional, items.filter(_has_room)),
        st.lists(_chains(items), min_size=2, max_size=3).map(tuple).map(ast.Alternatives),
    )


def _has_room(item: ast.Item) -> bool:
    """At most 4 stars on one item: at most 3 so far."""
    stars = 0
    while isinstance(item, (ast.Repeat, ast.Optional)):
        item, stars = item.body, stars + 1
    return stars < 4


ITEMS = st.recursive(LAYERS, _nested, max_leaves=8)
BLOCKS = st.builds(ast.Block, NAMES, st.lists(NAMES, max_size=3).map(tuple), _chains(ITEMS))
PROGRAMS = st.builds(ast.Program, st.lists(BLOCKS, max_size=2).map(tuple), _chains(ITEMS))


@given(PROGRAMS)
def test_printing_then_parsing_gives_the_tree_back(tree: ast.Program) -> None:
    assert parse(print_text(tree)) == tree


@given(VALUES)
def test_the_same_for_values(value: ast.Value) -> None:
    text = print_value(value)
    assert parse_value(text) == value
    assert print_value(parse_value(text)) == text


@given(PROGRAMS, st.randoms(use_true_random=False))
def test_spaces_line_breaks_and_comments_change_nothing(tree: ast.Program, random: Random) -> None:
    between = ["", " ", "\n", "\t", "  \r\n", " # a comment->[\n", "\u3000", "\u00a0"]
    text = print_text(tree)
    spaced = "".join(
        c if c not in "()[]{},|=" else f"{random.choice(between)}{c}{random.choice(between)}" for c in text
    )
    assert parse(spaced.replace(" -> ", f" {random.choice(['->', '→'])}{random.choice(between)}")) == tree


PIECES = st.one_of(
    st.sampled_from("()[]{},=|*?+-/%;×→#\n\t .\"'<>²\ufeff\u2028"),
    st.sampled_from(["->", "//", "INPUT", "CONV", "let", "f", "depth", "3x3", "64", "0.5", "1e999", "9" * 13]),
    st.sampled_from(["INPUT(32x32x3)", " -> ", "[CONV -> RELU]*2", "{1,2}", "let f(w) = CONV(w)\n"]),
)


def _refusal(read: Callable[[str], object], text: str) -> NotationError | None:
    try:
        read(text)
    except NotationError as error:
        return error
    return None


@given(
    st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=25).map("".join)), st.sampled_from([parse, parse_value])
)
@settings(max_examples=400)
def test_any_text_is_read_or_refused_with_a_place_inside_it(text: str, read: Callable[[str], object]) -> None:
    error = _refusal(read, text)
    if error is None:
        return
    lines = text.split("\n")
    assert 1 <= error.line <= len(lines)
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1
    assert error.source == text
    assert str(error).startswith(f"line {error.line}:{error.column}: ")
    shown, caret = error.excerpt().split("\n")
    assert caret.endswith("^")
    assert not caret[:-1].strip()
    if error.column <= len(lines[error.line - 1].rstrip("\r")):
        assert shown[len(caret) - 1] == lines[error.line - 1][error.column - 1]


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("1+2*3", "1+2*3"),
        ("(1+2)*3", "(1+2)*3"),
        ("1-(2-3)", "1-(2-3)"),
        ("(1-2)-3", "1-2-3"),
        ("8/(4/2)", "8/(4/2)"),
        ("7//2%3", "7//2%3"),
        ("7//(2%3)", "7//(2%3)"),
        ("-(a+b)", "-(a+b)"),
        ("-a*b", "-a*b"),
        ("a*-b", "a*(-b)"),
        ("a--b", "a--b"),
        ("-(-a)", "-(-a)"),
        ("((3))", "3"),
        ("(1 , 2)", "(1, 2)"),
        ("{ 1 , {2,3} , (4,5) }", "{1,{2,3},(4, 5)}"),
        ("{ 1 | {2,3} | {a|b} }", "{1|{2,3}|{a|b}}"),
        ("3 X 3 × 2", "3x3x2"),
        ("0x7", "0x7"),
        ("0.50", "0.5"),
        ("5.", "5.0"),
        (".5", "0.5"),
        ("1E-5", "1e-05"),
    ],
)
def test_values_are_printed_with_no_more_brackets_than_needed(text: str, printed: str) -> None:
    assert print_value(parse_value(text)) == printed
    assert parse_value(printed) == parse_value(text)
