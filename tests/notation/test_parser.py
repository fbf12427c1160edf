import pytest

from tatami.errors import NotationError
from tatami.notation import ast, parse, parse_value, print_text
from tatami.notation.ast import Chain, Layer, Name, Number, Optional, Position, Program, Repeat
from tatami.notation.lexer import MAX_CHARACTERS, MAX_DIGITS
from tatami.notation.parser import MAX_NESTING, MAX_OPERATORS, MAX_STARS

MEMO = "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC"


def test_the_pattern_of_the_memo_verbatim() -> None:
    def stack(*names: str) -> Chain:
        return Chain(tuple(map(Layer, names)))

    convolutions = Repeat(stack("CONV", "RELU"), Name("N"))
    stage = Repeat(Chain((convolutions, Optional(Layer("POOL")))), Name("M"))
    assert parse(MEMO) == Program(
        (), Chain((Layer("INPUT"), stage, Repeat(stack("FC", "RELU"), Name("K")), Layer("FC")))
    )
    assert print_text(parse(MEMO)) == MEMO


@pytest.mark.parametrize(
    "spelling",
    [
        "INPUT(32x32x3)->[CONV(8,3x3)->RELU]*2->FC(10)",
        "INPUT(32×32×3) → [CONV(8, 3 × 3) → RELU]×2 → FC(10)",
        "INPUT(32 x 32 X 3)\n  -> [ CONV(8, 3x3)\r\n -> RELU ] * 2 # twice\n# and\n-> FC(10)\n\n",
        "\ufeffINPUT(32x32x3)\u00a0->\u3000[CONV(8,\t3x3) -> RELU]*(2) -> FC(10) # end",
    ],
)
def test_forgiving_spelling(spelling: str) -> None:
    assert print_text(parse(spelling)) == "INPUT(32x32x3) -> [CONV(8, 3x3) -> RELU]*2 -> FC(10)"


def test_the_case_of_let_does_not_matter_and_semicolons_may_part_blocks() -> None:
    text = "LET f(w) = CONV(w) -> RELU; let g() = f(2);; INPUT -> f(3) -> g() -> g"
    program = parse(text)
    assert [(b.name, b.parameters) for b in program.blocks] == [("f", ("w",)), ("g", ())]
    assert print_text(program) == "let f(w) = CONV(w) -> RELU\nlet g() = f(2)\nINPUT -> f(3) -> g -> g"


def test_let_is_a_name_where_no_block_begins() -> None:
    assert parse("let -> let(3)").chain == Chain((Layer("let"), Layer("let", (ast.Argument(None, Number(3)),))))


def test_a_parameter_list_may_end_with_a_comma() -> None:
    assert parse("let f(a, b,) = CONV(a) INPUT").blocks[0].parameters == ("a", "b")


def test_positions_are_kept_and_take_no_part_in_comparison() -> None:
    program = parse("INPUT ->\n  [CONV(8, S=2)]*2")
    repeat = program.chain.items[1]
    assert isinstance(repeat, Repeat)
    assert isinstance(repeat.body, Chain)
    layer = repeat.body.items[0]
    assert isinstance(layer, Layer)
    assert layer.position == Position(2, 4)
    assert [a.position for a in layer.arguments] == [Position(2, 9), Position(2, 12)]
    assert layer.arguments[1].value.position == Position(2, 14)
    assert repeat.position == Position(2, 17)
    assert repeat.count.position == Position(2, 18)
    assert program == parse("INPUT->[CONV(8,S=2)]*2")


def test_whole_numbers_are_integers_and_others_are_not() -> None:
    assert [parse_value(text) for text in ("64", "64.0", "1e3", "0064")] == [
        Number(64), Number(64.0), Number(1000.0), Number(64),
    ]  # fmt: skip
    assert isinstance(parse_value("64").value, int)  # type: ignore[union-attr]
    assert isinstance(parse_value("1e3").value, float)  # type: ignore[union-attr]


# text, message, line:column, and the caret's line
BAD = [
    ("", 'unexpected text; got the end of the text; expected a layer or "["', 1, 1, "^"),
    ("  \n# nothing\n", 'unexpected text; got the end of the text; expected a layer or "["', 1, 1, "^"),
    (
        "INPUT -> ",
        'unexpected text; got the end of the text; expected a layer or "["', 1, 9,
        "        ^",
    ),
    (
        "INPUT CONV",
        "unexpected text; got 'CONV'; expected \"->\" or the end of the text (hint: layers are joined by \"->\")", 1, 7,
        "      ^",
    ),
    ("INPUT - CONV", "unexpected text; got '-'; expected \"->\" or the end of the text", 1, 7, "      ^"),
    ("INPUT -> -> FC", "unexpected text; got '->'; expected a layer or \"[\"", 1, 10, "         ^"),
    ("INPUT => FC", "unreadable character; got '>' (hint: layers are joined by ->)", 1, 8, "       ^"),
    ("INPUT – FC", "unreadable character; got '–' (hint: layers are joined by ->)", 1, 7, "      ^"),
    (
        "INPUT -> CONV('same')",
        "unreadable character; got \"'\" (hint: names stand without quotation marks)", 1, 15,
        "              ^",
    ),
    ("INPUT -> CONV(8&3)", "unreadable character; got '&'", 1, 16, "               ^"),
    (
        "INPUT -> CONV(3x)",
        "unreadable number; got '3x' (hint: sizes are written 32x32x3, a name cannot begin with a digit)", 1, 15,
        "              ^",
    ),
    (
        "INPUT -> CONV(1.2.3)",
        "unreadable number; got '1.2.3' (hint: sizes are written 32x32x3, a name cannot begin with a digit)", 1, 15,
        "              ^",
    ),
    (
        "INPUT(32x32x3\n-> CONV",
        "unexpected text; got '->'; expected \",\" or \")\"", 2, 1, "^",
    ),
    (
        "INPUT ->\n [CONV -> RELU\n\n",
        '"[" opened at 2:2 is never closed; got the end of the text; expected "->" or "]"', 2, 15,
        "              ^",
    ),
    ("INPUT -> FC)", "\")\" closes nothing; got ')'; expected \"->\" or the end of the text", 1, 12, "           ^"),
    ("INPUT -> [CONV)", "unexpected text; got ')'; expected \"->\" or \"]\"", 1, 15, "              ^"),
    ("INPUT -> {CONV}", "unexpected text; got '}'; expected \"|\" and another choice", 1, 15, "              ^"),
    ("INPUT -> {CONV|RELU)", "unexpected text; got ')'; expected \"|\" or \"}\"", 1, 20, "                   ^"),
    ("INPUT -> CONV({1|2,3})", "unexpected text; got ','; expected \"|\" or \"}\"", 1, 19, "                  ^"),
    ("INPUT -> CONV({1,2|3})", "unexpected text; got '|'; expected \",\" or \"}\" (hint: paths belong in RES[a | b], "
        "ADD[a | b], MUL[a | b], CONCAT[a | b] or SPLIT[a | b], choices in {a|b})", 1, 19, "                  ^"),
    ("INPUT -> CONV({1,2)", "unexpected text; got ')'; expected \",\" or \"}\"", 1, 19, "                  ^"),
    (
        "INPUT -> CONV | FC",
        "unexpected text; got '|'; expected \"->\" or the end of the text "
        "(hint: paths belong in RES[a | b], ADD[a | b], MUL[a | b], CONCAT[a | b] or SPLIT[a | b], choices in {a|b})",
        1, 15, "              ^",
    ),
    (
        "INPUT -> CONV(8,)",
        "a value is missing; got ')'; expected a number, a size like 3x3, a name, a (tuple) or a {list}", 1, 17,
        "                ^",
    ),
    (
        "INPUT -> CONV(S=)",
        "a value is missing; got ')'; expected a number, a size like 3x3, a name, a (tuple) or a {list}", 1, 17,
        "                ^",
    ),
    (
        "INPUT -> CONV(--3)",
        "a value is missing; got '-'; expected a number, a size like 3x3, a name, a (tuple) or a {list}", 1, 16,
        "               ^",
    ),
    (
        "INPUT -> CONV*",
        "a repeat needs a count; got the end of the text; expected a number, a name, a {list}, or a sum in brackets",
        1, 15, "              ^",
    ),
    (
        "INPUT -> CONV*3x3",
        "a repeat needs a count; got '3x3'; expected a number, a name, a {list}, or a sum in brackets", 1, 15,
        "              ^",
    ),
    (
        "lte f(w) = CONV(w) INPUT -> f(2)",
        "unexpected text; got 'f'; expected \"->\" or the end of the text (hint: did you mean let?)", 1, 5, "    ^",
    ),
    ("let f w = CONV(w) INPUT", "unexpected text; got 'w'; expected \"(\"", 1, 7, "      ^"),
    ("let f(3) = CONV INPUT", "unexpected text; got '3'; expected a parameter's name", 1, 7, "      ^"),
    ("let f(a b) = CONV INPUT", "unexpected text; got 'b'; expected \",\" or \")\"", 1, 9, "        ^"),
    ("let f(a) CONV INPUT", "unexpected text; got 'CONV'; expected \"=\"", 1, 10, "         ^"),
    ("let f(a) = CONV", 'unexpected text; got the end of the text; expected a layer or "["', 1, 16, "               ^"),
    (
        f"INPUT -> CONV({'9' * (MAX_DIGITS + 1)})",
        f"number too long; got {'9' * (MAX_DIGITS + 1)}; expected at most {MAX_DIGITS} digits", 1, 15,
        "              ^",
    ),
    (
        f"INPUT -> CONV(1x{'9' * 40})",
        f"number too long; got 1x{'9' * 25}...; expected at most {MAX_DIGITS} digits", 1, 15,
        "              ^",
    ),
    ("INPUT -> LRN(alpha=1e999)", "number too large; got 1e999", 1, 20, "                   ^"),
    ("INPUT ->\n\tCONV(8) FC", "unexpected text; got 'FC'; expected \"->\" or the end of the text "
     "(hint: layers are joined by \"->\")", 2, 10, "\t        ^"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "line", "column", "caret"), BAD, ids=[repr(row[0])[:40] for row in BAD])
def test_bad_text(text: str, message: str, line: int, column: int, caret: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse(text)
    error = caught.value
    assert str(error) == f"line {line}:{column}: {message}"
    assert (error.line, error.column) == (line, column)
    assert error.excerpt() == f"{text.split(chr(10))[line - 1]}\n{caret}"


def test_a_value_alone_must_be_all_there_is() -> None:
    with pytest.raises(NotationError, match=r"^line 1:3: unexpected text; got '3'; expected the end of the value$"):
        parse_value("2 3")


def test_the_excerpt_of_a_long_line_is_cut_around_the_caret() -> None:
    text = "INPUT -> " + "CONV -> " * 100 + "!" + " -> RELU" * 100
    with pytest.raises(NotationError) as caught:
        parse(text)
    shown, caret = caught.value.excerpt(width=60).split("\n")
    assert len(shown) == 60
    assert shown[len(caret) - 1] == "!"


def test_the_excerpt_counts_lines_as_the_lexer_does() -> None:
    with pytest.raises(NotationError) as caught:
        parse("INPUT\u2028\x0c->\r\nCONV !")
    assert (caught.value.line, caught.value.excerpt()) == (2, "CONV !\n     ^")


# --- limits ---


def test_text_too_long() -> None:
    parse("INPUT" + " " * (MAX_CHARACTERS - 5))
    with pytest.raises(NotationError, match=r"text too long; got 100,001 characters; expected at most 100,000"):
        parse("INPUT" + " " * (MAX_CHARACTERS - 4))


@pytest.mark.parametrize(("opening", "closing"), ["[]", "()", "{}", ("RES[", "]"), ("(-", ")")])
def test_nesting(opening: str, closing: str) -> None:
    def nested(levels: int) -> str:
        if opening.endswith("["):
            return f"{opening * levels}CONV{closing * levels}"
        return f"CONV({opening * (levels - 1)}3{closing * (levels - 1)})"

    tree = parse(nested(MAX_NESTING))
    assert parse(print_text(tree)) == tree
    with pytest.raises(NotationError, match=f"brackets nested too deeply; .* expected at most {MAX_NESTING} levels"):
        parse(nested(MAX_NESTING + 1))
    with pytest.raises(NotationError, match="brackets nested too deeply"):
        parse(nested(10_000))


def test_operators_are_counted_for_each_value_with_its_brackets() -> None:
    tree = parse(f"CONV(1{'+1' * MAX_OPERATORS}, S=1{'*1' * MAX_OPERATORS})*(1{'+1' * MAX_OPERATORS})")
    assert parse(print_text(tree)) == tree
    inner = "+".join(["1"] * MAX_OPERATORS)
    for text in (f"1{'+1' * (MAX_OPERATORS + 1)}", f"({inner})*2+1", f"{{{inner},2+3,4+5}}"):
        with pytest.raises(NotationError, match=f"more than {MAX_OPERATORS} operators in one value"):
            parse(f"INPUT -> CONV({text})")


def test_stars_on_one_item() -> None:
    tree = parse("CONV" + "*2?" * (MAX_STARS // 2))
    assert parse(print_text(tree)) == tree
    with pytest.raises(NotationError, match=f"more than {MAX_STARS} stars on one item"):
        parse("CONV" + "*2?" * (MAX_STARS // 2) + "*2")


def test_the_deepest_tree_that_can_be_written_is_within_pythons_recursion() -> None:
    level = "[" * MAX_NESTING + "CONV" + ("]" + "*1" * MAX_STARS) * MAX_NESTING
    tree = parse(level)
    assert parse(print_text(tree)) == tree
