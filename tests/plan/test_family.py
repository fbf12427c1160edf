"""Families: every member against building it alone; limits; what cannot be built."""

import time

import pytest

from tatami.cli.options import read_choices
from tatami.errors import NotationError, OptionError
from tatami.network import Source, find_network
from tatami.notation import parse_value
from tatami.plan import make_plan
from tatami.plan.budget import read_assertion
from tatami.plan.family import FamilyPlan, family_choices, plan_family, sort_members
from tatami.plan.figures import figure_named, plan_figures

MEMO = "INPUT(32x32x3) -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC(10)"


def plan_of(net: str, *settings: str, budget: tuple[str, ...] = ()) -> FamilyPlan:
    source = find_network(net)
    choices = family_choices(source, read_choices(list(settings)))
    return plan_family(source, choices, budget=[read_assertion(text) for text in budget])


def test_every_member_is_the_network_built_alone() -> None:
    family = plan_of(MEMO, "N=0..2", "M=1..2", "K=0,1")
    assert family.names == ("N", "POOL", "M", "K")
    assert (len(family.members), family.dropped, family.impossible) == (3 * 2 * 2 * 2, 0, 0)
    for member in family.members:
        bindings = {name: parse_value(text) for name, text in zip(family.names, member.bindings, strict=True)}
        network = find_network(MEMO, bindings).build()
        assert member.figures == plan_figures(make_plan(network), peak=False)


def test_an_option_that_is_not_bound_is_tried_with_and_without() -> None:
    family = plan_of("INPUT(8x8x1) -> CONV(2) -> POOL? -> FC(3)")
    assert [member.bindings for member in family.members] == [("yes",), ("no",)]
    assert [member.figures.params for member in family.members] == [20 + 33 * 3, 20 + 129 * 3]


def test_names_with_one_value_are_fixed() -> None:
    family = plan_of(MEMO, "N=1", "M=1..2", "K=0", "POOL=yes")
    assert family.names == ("M",)
    assert dict(family.fixed) == {"N": "1", "K": "0", "POOL": "yes"}


def test_members_over_budget_are_dropped_and_counted() -> None:
    family = plan_of("INPUT(8x8x1) -> CONV(W) -> FC(3)", "W=1..10", budget=("params < 1000", "params > 300"))
    # (9 + 1)*W + (64*W + 1)*3 = 202*W + 3: 205, 407, 609, 811, 1013 ...
    assert [member.figures.params for member in family.members] == [407, 609, 811]
    assert family.dropped == 7


def test_the_peak_of_memory_is_worked_out_where_the_budget_asks_for_it() -> None:
    family = plan_of("INPUT(8x8x1) -> CONV(W) -> FC(3)", "W=1..3", budget=("memory(batch=2) < 1GB",))
    for member in family.members:
        network = find_network(f"INPUT(8x8x1) -> CONV({member.bindings[0]}) -> FC(3)").build()
        assert member.figures.peak_bytes == make_plan(network).memory.peak_bytes


def test_members_that_cannot_be_built_are_counted_with_the_first_reason() -> None:
    family = plan_of("INPUT(8x8x1) -> [POOL]*M -> FC(3)", "M=1..5")
    assert (len(family.members), family.impossible) == (3, 2)
    assert family.reason.startswith("M=4: line 1:18: a window of 2 does not fit into 1 padded positions")


def test_a_family_without_any_possible_member_says_why() -> None:
    with pytest.raises(NotationError, match="unknown layer CONVV"):
        plan_of("INPUT(8x8x1) -> [CONVV]*N", "N=1..3")


def test_the_number_of_members_is_held_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Source, "build", None)
    with pytest.raises(OptionError) as caught:
        plan_of(MEMO, "N=0..99", "M=0..99", "K=0..9")
    assert str(caught.value) == "too many members; got 100 x 2 x 100 x 10 = 200,000; expected at most 100,000"


def test_a_name_without_a_choice() -> None:
    with pytest.raises(NotationError, match=r"got free: M, K; expected a value for each \(hint: -D M=2 -D K=2\)"):
        plan_of(MEMO, "N=0..3")


def test_an_option_is_yes_or_no_in_every_choice() -> None:
    with pytest.raises(OptionError, match=r"POOL\? may be there or not; got 3; expected yes or no"):
        plan_of("INPUT(8x8x1) -> CONV(2) -> POOL?", "POOL=yes,3")


def test_sorting() -> None:
    members = plan_of("INPUT(9x9x1) -> ADD[CONV(1, F) | ID]", "F=1..4").members
    by_params = sort_members(members, figure_named("params"), descending=True)
    assert [member.bindings[0] for member in by_params] == ["4", "3", "2", "1"]
    fields = sort_members(members, figure_named("receptive_field"), descending=True)
    assert [member.bindings[0] for member in fields] == ["3", "1", "2", "4"]  # even windows have no single field


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("N=3..0", "an empty range in -D; got N=3..0; expected the smaller number first, as in 0..3"),
        ("N=0..a", "unreadable range in -D; got N=0..a; expected two whole numbers, as in 0..3"),
        ("N=0..999999999999", "a range of 1,000,000,000,000 values; got N=0..999999999999; expected at most 100,000"),
        ("N", "unreadable -D; got N; expected NAME=VALUES, such as -D N=2, -D N=0..3 or -D W=32,64"),
        ("N=1,,2", "unreadable -D: a value is missing; got N=1,,2"),
    ],
)
def test_unreadable_choices(setting: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        read_choices([setting])
    assert message in str(caught.value)


def test_commas_within_brackets_belong_to_one_choice() -> None:
    choices = read_choices(["K={2,3},{4,5}", "P=(0,1),2", "N=1..2,8"])
    assert {name: len(values) for name, values in choices.items()} == {"K": 2, "P": 2, "N": 3}


def test_hundreds_of_small_networks_a_second() -> None:
    # 1,000 a second on a quiet machine; this only catches a collapse.
    start = time.perf_counter()
    family = plan_of(MEMO, "N=0..3", "M=1..4", "K=0..3")
    assert family.total / (time.perf_counter() - start) > 150
