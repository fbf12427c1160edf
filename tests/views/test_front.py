"""The values of an exploration: fronts against the definition, and what each view says of them."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tatami.views.front import COSTS, Exploration, FinalTest, Tried, best_lines, front, rows, summary
from tatami.views.front_chart import front_svg, front_svg_file
from tatami.views.front_json import front_json
from tatami.views.front_page import front_page
from tatami.views.front_table import front_markdown, front_table


def tried(number: int, score: float | None, params: int, epochs: int = 9, **given: object) -> Tried:
    failure = "the loss is no number" if score is None else ""
    values = {
        **{"line": f"INPUT -> CONV({params}) -> FC", "bindings": (f"{params}",), "run": f"x/trials/{number:05d}"},
        **{"loss": 0.1, "correct": None if score is None else round(score * 100), "total": 100, "macs": 10 * params},
        **{"memory": 1000 * params, "seconds": 0.5, "measured_params": params, "measured_memory": 1000 * params},
        **given,
    }
    return Tried(number=number, score=score, params=params, epochs=epochs, failure=failure, **values)  # type: ignore[arg-type]


def exploration(*trials: Tried, tested: FinalTest | None = None) -> Exploration:
    return Exploration(
        family="INPUT -> CONV(W) -> FC",
        data="sample:digits",
        budgets=("params < 5k",),
        names=("{8|16}",),
        total=12,
        dropped=2,
        impossible=1,
        members=9,
        reason="W=0: impossible",
        metric="accuracy",
        epochs=(3, 9),
        batch=64,
        trials=trials,
        seconds=75.0,
        ended="the time is up",
        command='tatami train "LINE" sample:digits --epochs 9',
        tested=tested,
    )


SOME = exploration(
    tried(0, 0.90, 100, epochs=3),
    tried(1, 0.97, 400),
    tried(2, 0.95, 300),
    tried(3, 0.94, 350, measured_memory=7),
    tried(4, None, 200),
    tested=FinalTest(1, "test accuracy 0.9600 (96 of 100)", 0.96, 96, 100),
)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=15))
def test_a_front_is_what_nothing_else_beats(points: list[tuple[int, int]]) -> None:
    trials = [tried(n, score / 10, params) for n, (params, score) in enumerate(points)]
    found = front(trials, COSTS[0])
    for one in trials:
        is_beaten = any(
            other.params <= one.params
            and (other.score or 0) >= (one.score or 0)
            and (other.params, other.score) != (one.params, one.score)
            for other in trials
        )
        has_equal = any((f.params, f.score) == (one.params, one.score) for f in found)
        assert has_equal == (not is_beaten)
    assert len({(f.params, f.score) for f in found}) == len(found)
    assert sorted(found, key=lambda f: (f.params, f.score)) == list(found)


def test_the_best_is_one_of_those_trained_longest() -> None:
    short = exploration(tried(0, 0.99, 100, epochs=3), tried(1, 0.9, 200), tried(2, 0.9, 300, loss=0.05))
    assert short.best == short.trials[2]
    assert exploration(tried(0, None, 100)).best is None
    assert exploration().best is None


def test_rows_star_the_costs_on_whose_front_a_trial_is() -> None:
    headings, cells = rows(SOME)
    assert headings == ("{8|16}", "params", "MACs", "memory", "s/epoch", "epochs", "accuracy", "")
    assert [row[1].strip() for row in cells] == ["100*", "300*", "400*"]
    assert [row[4].strip() for row in cells] == ["0.50", "0.50", "0.50*"]
    assert [row[-1] for row in cells] == ["", "", "best"]


def test_the_summary_counts_what_was_left_out_what_failed_and_what_was_not_as_planned() -> None:
    said = summary(SOME)
    assert "9 networks to try, of 12 members" in said
    assert "2 members over budget: params < 5k" in said
    assert "1 cannot be built; the first: W=0: impossible" in said
    assert "5 trained in 1 min 15 s (epochs: 5 for 3, 4 for 9); the time is up" in said
    assert "1 failed; the first: INPUT -> CONV(200) -> FC: the loss is no number" in said
    assert said[-1].startswith("planned figures equal the measured in 3 of 4 trials")


def test_the_test_is_told_apart_from_what_chose() -> None:
    assert best_lines(SOME) == [
        "best of those trained longest: validation accuracy 0.9700, loss 0.1000, 400 parameters",
        'tatami train "INPUT -> CONV(400) -> FC" sample:digits --epochs 9',
        "on the test split, which no choice has seen:",
        "test accuracy 0.9600 (96 of 100)",
    ]
    second = exploration(*SOME.trials, tested=FinalTest(1, "test accuracy", 0.9, 9, 10, looks=2))
    second = replace(second, final="x/final/00001")
    assert best_lines(second)[2] == "trained so once more, on the samples too that it was chosen by: x/final/00001"
    assert best_lines(second)[3] == "on the test split, which 2 networks of this search were held against:"
    assert best_lines(exploration()) == ["no network was trained"]
    untested = best_lines(exploration(*SOME.trials))
    assert untested[-1] == "not tested: only the samples that it was chosen by have judged it"


def test_the_table_fits_a_terminal_and_the_markdown_escapes_its_bars() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(front_table(SOME))
    assert max(map(len, captured.get().splitlines())) <= 80
    assert "…" not in captured.get()
    many = replace(
        SOME,
        names=("{8|16}", "{3|5}", "{16|24|32}", "N", "M", "K"),
        trials=tuple(replace(t, bindings=("16", "3", "24", "1", "2", "0")) for t in SOME.trials),
    )
    with console.capture() as captured:
        console.print(front_table(many))
    lines = captured.get().splitlines()
    assert [line[1:19] for line in lines[1:4]] == ["        {16|      ", "{8| {3|  24|      ", "16}  5}  32} N M K"]
    assert [line[1:19] for line in lines[5:8]] == [" 16   3   24 1 2 0"] * 3  # each below its name
    assert max(map(len, captured.get().splitlines())) <= 80
    assert "…" not in captured.get()
    few = replace(
        SOME, names=("N", "{3|5}", "WIDTH"), trials=tuple(replace(t, bindings=("1", "3", "8")) for t in SOME.trials)
    )
    with console.capture() as captured:
        console.print(front_table(few))
    assert [line[1:14] for line in captured.get().splitlines()[1:4:2]] == ["N {3|5} WIDTH", "1     3     8"]
    console.print(front_table(replace(SOME, names=(), trials=())))  # nothing varies, nothing was tried
    markdown = front_markdown(SOME)
    assert markdown.startswith("| {8\\|16} | params | MACs | memory | s/epoch | epochs | accuracy |  |\n")
    assert "| 400 | 400\\* | 4k\\* |" in markdown
    assert markdown.endswith("    test accuracy 0.9600 (96 of 100)\n")


def test_as_data() -> None:
    data = json.loads(json.dumps(front_json(SOME), allow_nan=False))
    assert data["best"] == 1
    assert data["fronts"]["params"] == [0, 2, 1]
    assert data["as_planned"] == 3
    assert data["trials"][2]["command"] == 'tatami train "INPUT -> CONV(300) -> FC" sample:digits --epochs 9'
    assert data["tested"]["correct"] == 96


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
def test_a_chart_has_a_point_a_trial_and_its_steps(cost: object) -> None:
    drawn = ElementTree.fromstring(front_svg(SOME, cost))  # type: ignore[arg-type]
    circles = drawn.findall("circle")
    assert len(circles) == 4 + 1  # and the ring
    assert len(drawn.findall("path")) == 1
    for circle in circles:
        assert 48 <= float(circle.attrib["cx"]) <= 468
        assert 12 <= float(circle.attrib["cy"]) <= 220


def test_nothing_to_draw() -> None:
    assert front_svg(exploration(tried(0, None, 5)), COSTS[0]) == front_svg_file(exploration()) == ""
    one = front_svg(exploration(tried(0, 0.5, 50)), COSTS[0])
    assert ElementTree.fromstring(one).findall("circle")


def test_the_page_stands_alone_and_escapes() -> None:
    page = front_page(exploration(tried(0, 0.5, 50, line="INPUT -> <b> -> FC")))
    assert page.startswith("<!doctype html>")
    assert "<b>" not in page
    assert "INPUT -&gt; &lt;b&gt; -&gt; FC" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert front_page(exploration()).count("<svg") == 0
