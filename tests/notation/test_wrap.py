"""Long texts in lines: nothing changes but where they break."""

from hypothesis import given
from hypothesis import strategies as st

from tatami.network import zoo
from tatami.notation import ast, parse
from tatami.notation.wrap import print_lines

from .test_round_trip import PROGRAMS


@given(PROGRAMS, st.integers(1, 60))
def test_any_program_comes_back(tree: ast.Program, width: int) -> None:
    assert parse(print_lines(tree, width)) == tree


def test_lines_are_short_and_broken_before_arrows_and_bars() -> None:
    for name in zoo.names():
        lines = print_lines(parse(zoo.read(name).text), 60).split("\n")
        for line in lines:
            pieces = line.strip().replace(" | ", " -> ").split(" -> ")
            assert len(line) <= 60 or len(pieces) <= 2


def test_a_blank_line_behind_the_blocks() -> None:
    text = "let f(w) = CONV(w) -> RELU\nINPUT(8x8x3) -> f(8) -> f(16)"
    assert print_lines(parse(text)) == "let f(w) = CONV(w) -> RELU\n\nINPUT(8x8x3) -> f(8) -> f(16)"
    assert print_lines(parse(text), 20) == ("let f(w) = CONV(w)\n  -> RELU\n\nINPUT(8x8x3) -> f(8)\n  -> f(16)")
