"""Repeats, lists, blocks, arithmetic, families: what becomes of a text before any shape is known."""

import importlib

import pytest

from tatami.errors import NotationError, OptionError
from tatami.network import Network, bind_names, build, expand, free_names
from tatami.network.expand import MAX_LAYERS, MAX_LEVELS, MAX_STEPS, check_expansion, program_scope
from tatami.network.family import YES_AND_NO
from tatami.network.layers import Conv, Dense
from tatami.notation import ast, parse, parse_value, print_text


def net(text: str, **bindings: str) -> Network:
    return build(parse(text), bindings={name: parse_value(value) for name, value in bindings.items()})


def filters(network: Network) -> list[int]:
    return [node.layer.filters for node in network if isinstance(node.layer, Conv)]


def error(text: str, **bindings: str) -> str:
    with pytest.raises((NotationError, OptionError)) as caught:
        net(text, **bindings)
    return str(caught.value)


# --- repeats and lists ---


def test_a_repeat_is_the_item_so_many_times() -> None:
    assert filters(net("INPUT(8x8x1) -> CONV(2)*3 -> [CONV(3) -> RELU]*2")) == [2, 2, 2, 3, 3]
    assert filters(net("INPUT(8x8x1) -> CONV(2)*0 -> CONV(5) -> [CONV(3)*4]*0")) == [5]
    assert filters(net("INPUT(8x8x1) -> CONV(2)*2*3")) == [2] * 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CONV({1,2,3})*3", [1, 2, 3]),
        ("[CONV({1,2}) -> CONV({3,4})]*2", [1, 3, 2, 4]),
        # the nearest repeat of that count
        ("[[CONV({1,2})]*2]*2", [1, 2, 1, 2]),
        ("[[CONV({1,2,3})]*2]*3", [1, 1, 2, 2, 3, 3]),
        ("[[CONV({1,2}) -> CONV({5,6,7})]*3]*2", [1, 5, 1, 6, 1, 7, 2, 5, 2, 6, 2, 7]),
        # a repeat whose own count is a list claims none
        ("[[CONV({1,2})]*{2,1}]*2", [1, 1, 2]),
        ("[[CONV({1,2,3})]*{3,3,3}]*3", [1, 1, 1, 2, 2, 2, 3, 3, 3]),
        # a list within a list
        ("[[CONV({{1,2},{3,4},5})]*2]*3", [1, 2, 3, 4, 5, 5]),
        # a list in a count, in arithmetic, and for a count of a sum
        ("[CONV(1)*({1,2}+1)]*2", [1] * 5),
        ("CONV(2*{1,2}+1)*(3-1)", [3, 5]),
    ],
)
def test_lists_belong_to_the_nearest_repeat_of_their_length(text: str, expected: list[int]) -> None:
    assert filters(net(f"INPUT(8x8x1) -> {text}")) == expected


def test_a_stage_of_four_layers_does_not_steal_the_list_of_four_stages() -> None:
    text = "INPUT(32x32x1) -> [[CONV({8,16,32,64})]*{2,3,4,2} -> POOL]*4"
    assert filters(net(text)) == [8] * 2 + [16] * 3 + [32] * 4 + [64] * 2


def test_resnet152_in_one_line_of_the_design() -> None:
    network = net(
        "let bottleneck(w, s) = RES[CONV(w,1) -> BN -> RELU -> CONV(w,3,S=s) -> BN -> RELU -> CONV(4*w,1) -> BN]"
        " -> RELU\n"
        "INPUT(224x224x3) -> CONV(64,7,S=2,P=3) -> BN -> RELU -> POOL(3,S=2,P=1)"
        " -> [bottleneck({64,128,256,512},{1,2,2,2}) -> [bottleneck({64,128,256,512},1)]*{2,7,35,2}]*4"
        " -> GAP -> FC(1000)"
    )
    assert sum(p.size for p in network.parameters().values() if p.trainable) == 60_192_808
    assert sum(node.layer.macs(*network.input_shapes(node)) for node in network) == 11_513_626_624


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "CONV({1,2})",
            "line 1:22: no enclosing repeat claims this list; got 2 values, while no repeat is around it; "
            "expected a repeat with the count 2 around it",
        ),
        (
            "[CONV({1,2})*3]*4",
            "line 1:23: no enclosing repeat claims this list; got 2 values, while the repeats around it "
            "turn 4 and 3 times; expected a repeat with the count 2 around it",
        ),
        (
            "CONV({1,2})*{2,2}",
            "line 1:29: no enclosing repeat claims this list; got 2 values, while no repeat is around it; "
            "expected a repeat with the count 2 around it",
        ),
        ("CONV*2.5", "line 1:22: impossible count; got 2.5; expected a whole number of at least 0"),
        ("CONV*(-1)", "line 1:23: impossible count; got -1; expected a whole number of at least 0"),
        ("CONV*(3x3)", "line 1:23: impossible count; got 3x3; expected a whole number of at least 0"),
        ("CONV*depth", "line 1:22: a repeat's count cannot depend on depth"),
        ("CONV*(depth//2)", "line 1:28: a repeat's count cannot depend on depth"),
    ],
)
def test_what_cannot_be_repeated(text: str, message: str) -> None:
    assert error(f"INPUT(8x8x3) -> {text}") == message


# --- arithmetic ---


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1+2*3", 7),
        ("(1+2)*3", 9),
        ("10-2-3", 5),
        ("12/4/3", 1),
        ("7//2", 3),
        ("7%4", 3),
        ("-2*(-3)", 6),
        ("2--3", 5),
        ("depth", 6),
        ("DEPTH*2", 12),
        ("6*depth//4", 9),
        ("-(-depth)", 6),
    ],
)
def test_arithmetic(value: str, expected: int) -> None:
    assert filters(net(f"INPUT(8x8x6) -> CONV({value})")) == [expected]


def test_depth_follows_the_layers() -> None:
    text = "let twice() = CONV(2*depth)\nINPUT(8x8x3) -> twice -> twice -> CONCAT[ID | CONV(depth)] -> CONV(depth//2)"
    assert filters(net(text)) == [6, 12, 12, 12]


def test_depth_in_an_argument_of_a_block_is_that_at_the_call() -> None:
    text = "let widen(w) = CONV(5) -> CONV(w)\nINPUT(8x8x3) -> widen(2*depth)"
    assert filters(net(text)) == [5, 6]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("7/2", "line 1:23: the division leaves a rest; got 7/2; expected a whole number (hint: // rounds down)"),
        ("7/0", "line 1:23: division by zero"),
        ("7//0", "line 1:23: division by zero"),
        ("7%(1-1)", "line 1:23: division by zero"),
        ("0.5*2", "line 1:22: arithmetic is on whole numbers; got 0.5"),
        ("2+3x3", "line 1:24: arithmetic is on whole numbers; got 3x3"),
        ("2+(1,2)", "line 1:24: arithmetic is on whole numbers; got (1, 2)"),
        ("-(3x3)", "line 1:24: arithmetic is on whole numbers; got 3x3"),
        ("2*same", "line 1:1: this is a family of networks, not one network; got free: same; "
         "expected a value for each (hint: -D same=2)"),
        ("999999999999*999999999999", "line 1:34: the result is too large; expected at most 1,000,000,000,000,000"),
    ],
)  # fmt: skip
def test_impossible_arithmetic(value: str, message: str) -> None:
    assert error(f"INPUT(8x8x3) -> CONV({value})") == message


# --- blocks ---


def test_blocks_take_values_by_place_and_by_name() -> None:
    text = "let two(a, b) = CONV(a) -> CONV(b)\nINPUT(8x8x1) -> two(1, 2) -> TWO(b=3, a=4) -> two(5, b=6)"
    assert filters(net(text)) == [1, 2, 4, 3, 5, 6]


def test_blocks_take_words_sizes_and_tuples() -> None:
    text = "let f(k, p, bias) = CONV(4, k, P=p, bias=bias)\nINPUT(8x8x1) -> f(3x1, valid, no) -> f(3, (0, 1), yes)"
    first, second = (node.layer for node in net(text).nodes[1:])
    assert first == Conv(4, (3, 1), (1, 1), "valid", (1, 1), bias=False)
    assert second == Conv(4, (3, 3), (1, 1), ((0, 1), (0, 1)), (1, 1))


def test_a_block_uses_the_blocks_above_it_and_its_own_parameters_alone() -> None:
    text = "let one(w) = CONV(w)\nlet two(w) = one(w) -> one(w+1)\nINPUT(8x8x1) -> two(5)"
    assert filters(net(text)) == [5, 6]


def test_lists_in_a_body_belong_to_repeats_in_the_body_those_in_a_call_to_repeats_of_the_caller() -> None:
    text = "let f(w) = [CONV(w) -> CONV({1,2})]*2\nINPUT(8x8x1) -> [f({7,8})]*2"
    assert filters(net(text)) == [7, 1, 7, 2, 8, 1, 8, 2]
    assert "no repeat is around it" in error("let f() = CONV({1,2})\nINPUT(8x8x1) -> f*2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # a block cannot use itself or one below
        (
            "let f() = CONV -> f\nINPUT(8x8x1) -> f",
            "line 1:19: block f is not defined above this one "
            "(hint: a block may use the blocks above it, and never itself)",
        ),
        (
            "let first() = second\nlet second() = first\nINPUT(8x8x1) -> second",
            "line 1:15: block second is not defined above this one "
            "(hint: a block may use the blocks above it, and never itself)",
        ),
        ("let f(w) = CONV(w)\nINPUT(8x8x1) -> f", "line 2:17: block f takes 1 values; got 0; expected f(w)"),
        ("let f(w) = CONV(w)\nINPUT(8x8x1) -> f(1, 2)", "line 2:17: block f takes 1 values; got 2; expected f(w)"),
        ("let f() = CONV\nINPUT(8x8x1) -> f(1)", "line 2:17: block f takes 0 values; got 1; expected f()"),
        ("let f(w) = CONV(w)\nINPUT(8x8x1) -> f(2, w=1)", "line 2:22: w is given twice"),
        (
            "let f(width) = CONV(width)\nINPUT(8x8x1) -> f(widht=1)",
            "line 2:19: block f has no parameter widht; expected width (hint: did you mean width?)",
        ),
        (
            "let f() = CONV\nINPUT(8x8x1) -> f(w=1)",
            "line 2:19: block f has no parameter w; expected no arguments",
        ),
        ("let f() = CONV let F() = FC\nINPUT(8x8x1) -> f", "line 1:16: block F is defined twice"),
        ("let conv() = FC\nINPUT(8x8x1)", "line 1:1: conv is a layer already; expected another name for the block"),
        ("let res() = FC\nINPUT(8x8x1)", "line 1:1: res is a layer already; expected another name for the block"),
        ("let id() = FC\nINPUT(8x8x1)", "line 1:1: id is a layer already; expected another name for the block"),
        (
            "let f(a, a) = CONV(a)\nINPUT(8x8x1)",
            "line 1:1: block f needs different parameters, none of them named depth",
        ),
        (
            "let f(Depth) = CONV(Depth)\nINPUT(8x8x1)",
            "line 1:1: block f needs different parameters, none of them named depth",
        ),
    ],
)
def test_blocks_that_cannot_be(text: str, message: str) -> None:
    assert error(text) == message


# --- families ---

MEMO = "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC"


def test_the_free_names_in_order_and_which_of_them_are_options() -> None:
    assert free_names(parse(MEMO)) == {"N": (), "POOL": YES_AND_NO, "M": (), "K": ()}
    assert free_names(parse("INPUT -> FC(10)")) == {}
    text = "let f(w) = CONV(w + x)*y\nINPUT -> f(N) -> DROPOUT(rate) -> CONV({a, (b, -c)}) -> CONV(base, P=pad)"
    assert list(free_names(parse(text))) == ["x", "y", "N", "rate", "a", "b", "c", "base", "pad"]


def test_words_names_and_depth_are_not_free() -> None:
    text = "INPUT -> CONV(depth, P=same, bias=no, name=stem) -> POOL(avg, P=VALID) -> CONV(DEPTH*2) -> POOL(avgg)"
    assert free_names(parse(text)) == {}


def test_an_option_is_named_after_its_first_layer() -> None:
    text = "INPUT -> [[BN -> RELU]*2 -> FC]? -> RES[CONV]? -> f(2)? -> pool?"
    assert free_names(parse(text)) == dict.fromkeys(["BN", "RES", "F", "POOL"], YES_AND_NO)


def test_a_family_that_is_not_bound_lists_what_is_free() -> None:
    assert error(MEMO) == (
        "line 1:1: this is a family of networks, not one network; got free: N, POOL?, M, K; "
        "expected a value for each (hint: -D N=2 -D POOL=yes -D M=2 -D K=2)"
    )
    assert "got free: POOL?, K;" in error(MEMO, N="2", M="2")


def test_bindings_with_numbers_lists_and_yes_or_no() -> None:
    def keywords(**bindings: str) -> list[str]:
        program = parse(MEMO)
        values = {name: parse_value(value) for name, value in bindings.items()}
        return [n.layer.keyword for n in build(program, bindings=values, input_shape=(8, 8, 1), classes=3).nodes[1:]]

    assert keywords(N="1", M="2", K="0", POOL="yes") == ["CONV", "RELU", "POOL"] * 2 + ["FC"]
    assert keywords(N="1", M="2", K="1", POOL="no") == ["CONV", "RELU"] * 2 + ["FC", "RELU", "FC"]
    assert keywords(N="{2,1}", M="2", K="0", POOL="On") == ["CONV", "RELU"] * 2 + ["POOL", "CONV", "RELU", "POOL", "FC"]
    assert keywords(N="(1+1)", M="0", K="0", POOL="off") == ["FC"]
    assert keywords(N="0", M="3", K="0", POOL="TRUE") == ["POOL"] * 3 + ["FC"]


def test_a_bound_list_claims_no_list_as_count_and_is_claimed_as_value() -> None:
    assert filters(net("INPUT(8x8x1) -> [CONV({1,2})*N]*2", N="{2,1}")) == [1, 1, 2]
    assert filters(net("INPUT(8x8x1) -> CONV(w)*3", w="{4,5,6}")) == [4, 5, 6]


def test_binding_is_a_rewriting_of_the_text() -> None:
    text = "let f(w) = CONV(w)*N\nINPUT(8x8x1) -> f(N) -> [RES[CONV(-N + 9)]]? -> POOL? -> CONV({N, (N, 1)})"
    bound = bind_names(parse(text), {"N": parse_value("1+2"), "POOL": parse_value("no"), "RES": parse_value("yes")})
    assert print_text(bound) == (
        "let f(w) = CONV(w)*(1+2)\nINPUT(8x8x1) -> f(1+2) -> [RES[CONV(-(1+2)+9)]] -> POOL*0 -> CONV({1+2,(1+2, 1)})"
    )


def test_a_parameter_hides_a_variable_of_the_same_name() -> None:
    text = "let f(N) = CONV(N)\nINPUT(8x8x1) -> f(5)*N"
    assert filters(net(text, N="2")) == [5, 5]


def test_part_of_the_names_may_be_bound() -> None:
    program = bind_names(parse(MEMO), {"N": parse_value("2")})
    assert print_text(program) == MEMO.replace("*N", "*2")
    assert list(free_names(program)) == ["POOL", "M", "K"]


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        ({"n": "2"}, "the network has no free name n; expected N, POOL, M, K (hint: did you mean N?)"),
        ({"POOLS": "yes"}, "the network has no free name POOLS; expected N, POOL, M, K (hint: did you mean POOL?)"),
        ({"width": "2"}, "the network has no free name width; expected N, POOL, M, K"),
        ({"POOL": "3"}, "POOL? may be there or not; got 3; expected yes or no"),
        ({"POOL": "maybe"}, "POOL? may be there or not; got maybe; expected yes or no"),
    ],
)
def test_bindings_that_cannot_be(bindings: dict[str, str], message: str) -> None:
    assert error(MEMO, **bindings) == message


CHOICES = (
    "INPUT(8x8x1) -> CONV({4|8}, {3|5}) -> {RELU|POOL({max|avg}) -> RELU|ID} -> FC({4|8}) -> {RELU|TANH}? -> FC(2)"
)


def test_a_choice_is_named_by_its_text_and_chooses_a_value_or_the_number_of_a_path() -> None:
    def values(*texts: str) -> tuple[ast.Value, ...]:
        return tuple(map(parse_value, texts))

    assert free_names(parse(CHOICES)) == {
        "{4|8}": values("4", "8"),
        "{3|5}": values("3", "5"),
        "{max|avg}": values("max", "avg"),
        "{RELU|POOL({max|avg}) -> RELU|ID}": values("1", "2", "3"),
        "{RELU|TANH}": values("1", "2"),
        "RELU": YES_AND_NO,
    }


def test_binding_choices_leaves_what_was_chosen() -> None:
    choices = {"{4|8}": "8", "{3|5}": "3", "{max|avg}": "avg", "{RELU|POOL({max|avg}) -> RELU|ID}": "2"}
    choices |= {"{RELU|TANH}": "2", "RELU": "yes"}
    bound = bind_names(parse(CHOICES), {name: parse_value(value) for name, value in choices.items()})
    assert print_text(bound) == "INPUT(8x8x1) -> CONV(8, 3) -> [POOL(avg) -> RELU] -> FC(8) -> TANH -> FC(2)"


def test_choices_as_counts_within_blocks_and_of_lists() -> None:
    text = "let f(w) = CONV({w|2*w})*{1|2}\nINPUT(8x8x1) -> f(3) -> [CONV({{4,5}|{5,4}})]*2"
    choices = {"{w|2*w}": "2*w", "{1|2}": "2", "{{4,5}|{5,4}}": "{5,4}"}
    assert filters(net(text, **choices)) == [6, 6, 5, 4]


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        ({"{4|8}": "16"}, "{4|8} does not have this choice; got 16; expected 4, 8"),
        ({"{RELU|TANH}": "TANH"}, "{RELU|TANH} does not have this choice; got TANH; expected 1, 2"),
        (
            {"{4|9}": "4"},
            "the network has no free name {4|9}; expected {4|8}, {3|5}, {max|avg}, "
            "{RELU|POOL({max|avg}) -> RELU|ID}, {RELU|TANH}, RELU (hint: did you mean {4|8}?)",
        ),
    ],
)
def test_choices_that_are_not_there(bindings: dict[str, str], message: str) -> None:
    assert error(CHOICES, **bindings) == message


def test_a_family_of_choices_lists_them_ready_for_a_shell() -> None:
    assert error("INPUT(8x8x1) -> CONV({4|8}) -> POOL? -> FC(2)").endswith(
        "got free: {4|8}, POOL?; expected a value for each (hint: -D '{4|8}=4' -D POOL=yes)"
    )


def test_a_name_is_no_choice() -> None:
    message = "line 1:27: a choice cannot stand here"
    assert error("INPUT(8x8x1) -> CONV(name={a|b}) -> FC(2)") == message


def test_a_text_without_free_names_takes_no_bindings() -> None:
    assert error("INPUT(8x8x1) -> FC(2)", N="2") == "the network has no free name N; expected no bindings"


def test_a_count_bound_to_nonsense_points_at_the_name() -> None:
    text = "INPUT(8x8x1) -> CONV*N"
    assert error(text, N="0.5") == "line 1:22: impossible count; got 0.5; expected a whole number of at least 0"
    assert error(text, N="many").startswith("line 1:1: this is a family of networks, not one network; got free: many;")
    assert error(text, N="yes") == "line 1:22: impossible count; got yes; expected a whole number of at least 0"


# --- limits: by counting, before anything is built ---


class _BuiltError(Exception):
    pass


@pytest.mark.parametrize(
    "body",
    [
        "[[[CONV]*999999]*999999]*999999",
        "[[[CONV]*999999]*0]*999999",
        "[CONV]*999999999999",
        "[[[RES[ID]]*999]*999]*999",
        "[[]*9]".replace("[]", "[ID]*0") + "*999999",
        f"CONV*{MAX_LAYERS}",
    ],
)
def test_too_many_layers_are_refused_before_any_is_built(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def build_one(*_: object) -> None:
        raise _BuiltError

    module = importlib.import_module("tatami.network.build")  # the package gives its name to the function
    monkeypatch.setattr(module._Builder, "begin", build_one)
    assert error(f"INPUT(8x8x1) -> {body}").endswith("too many layers after all repeats; expected at most 20,000")


def test_the_walk_over_a_hopeless_program_stops_after_a_bounded_number_of_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = 0

    class Counting:
        def __init__(self) -> None:
            self.inner = counter_class()
            self.layers = 0

        def __getattr__(self, name: str) -> object:
            nonlocal steps
            steps += 1
            return getattr(self.inner, name)

    counter_class = expand._Counter
    monkeypatch.setattr(expand, "_Counter", Counting)
    doubling = "let b0() = CONV*0\n" + "".join(f"let b{i}() = b{i - 1} -> b{i - 1}\n" for i in range(1, 40))
    for text in (
        "INPUT -> [[[CONV]*999999]*999999]*999999",
        "INPUT -> [[CONV*0]*999999]*999999",
        f"{doubling}INPUT -> b39",
        f"{doubling}INPUT -> b39*999999",
    ):
        steps = 0
        program = parse(text)
        with pytest.raises(NotationError, match="too many layers"):
            check_expansion(program, program_scope(program))
        assert MAX_LAYERS < steps <= 2 * MAX_STEPS


def test_a_network_at_the_limit_can_be_built() -> None:
    assert len(net(f"INPUT(2x2x1) -> [CONV(1,1) -> BN]*{MAX_LAYERS // 2 - 1} -> RELU")) == MAX_LAYERS


def test_levels_of_blocks_are_bounded() -> None:
    blocks = "let b0() = CONV\n" + "".join(f"let b{i}() = b{i - 1}\n" for i in range(1, MAX_LEVELS))
    message = error(f"{blocks}INPUT(8x8x1) -> b{MAX_LEVELS - 1}")
    assert message.endswith(f"nested too deeply; expected at most {MAX_LEVELS} levels with all blocks")


def test_numbers_cannot_grow_through_blocks() -> None:
    power = "*".join(["n"] * 60)
    blocks = "let b0(n) = CONV(n)\n" + "".join(f"let b{i}(n) = b{i - 1}({power})\n" for i in range(1, 9))
    assert "the result is too large" in error(f"{blocks}INPUT(8x8x1) -> b8(9)")


def test_a_bare_hidden_fc_in_a_repeat_keeps_its_default() -> None:
    network = build(parse("INPUT(4x4x1) -> [FC -> RELU]*2 -> FC"), classes=7)
    assert [node.layer.units for node in network if isinstance(node.layer, Dense)] == [128, 128, 7]
