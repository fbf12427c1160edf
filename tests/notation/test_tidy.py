"""A program in fewer signs is the same network."""

import pytest

from tatami.errors import TatamiError
from tatami.network import bind_names, build
from tatami.notation import ast, parse, parse_value, print_text
from tatami.notation.tidy import tidy


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("INPUT -> [[CONV -> RELU]*2 -> POOL*0]*1 -> [FC -> RELU]*0 -> FC", "INPUT -> [CONV -> RELU]*2 -> FC"),
        ("INPUT -> [CONV]*2 -> [[RELU]] -> FC", "INPUT -> CONV*2 -> RELU -> FC"),
        ("INPUT -> [[CONV*0]*2 -> RELU*0]*3 -> FC", "INPUT -> FC"),
        ("INPUT -> RES[CONV*1 | CONV*0] -> FC", "INPUT -> RES[CONV | ID] -> FC"),
        ("INPUT -> ID -> [ID]*3 -> FC", "INPUT -> FC"),
        ("INPUT -> [CONV({8})]*1 -> FC", "INPUT -> CONV({8})*1 -> FC"),
        ("let f(w) = [CONV(w)]*1 -> RELU*0\nINPUT -> f(2)*1 -> FC", "let f(w) = CONV(w)\nINPUT -> f(2) -> FC"),
        ("INPUT -> [[CONV]*1 -> {POOL*1|ID}]*N -> FC?", "INPUT -> [CONV -> {POOL|ID}]*N -> FC?"),
    ],
)
def test_what_is_taken_out(text: str, tidied: str) -> None:
    assert print_text(tidy(parse(text))) == tidied
    assert tidy(parse(tidied)) == parse(tidied)


FAMILY = (
    "let f(w) = [CONV(w) -> BN?]*A\n"
    "INPUT(12x12x2) -> [[f({2,3}) -> RELU?]*2 -> POOL*B]*C -> RES[[CONV(depth)]*B | ID] -> [FC({4}) -> RELU]*D -> FC(2)"
)


@pytest.mark.parametrize("a", [0, 1, 2])
@pytest.mark.parametrize("b", [0, 1])
@pytest.mark.parametrize("c", [0, 1, 2])
@pytest.mark.parametrize("d", [0, 1])
@pytest.mark.parametrize("bn", ["yes", "no"])
def test_the_network_stays_the_same(a: int, b: int, c: int, d: int, bn: str) -> None:
    values = {"A": f"{a}", "B": f"{b}", "C": f"{c}", "D": f"{d}", "BN": bn, "RELU": "no" if a == 1 else "yes"}
    bound = bind_names(parse(FAMILY), {name: parse_value(text) for name, text in values.items()})
    tidied = parse(print_text(tidy(bound)))
    assert _network(tidied) == _network(bound)


def _network(program: ast.Program) -> object:
    try:
        return build(program)
    except TatamiError as error:
        return error.problem
