"""Plans as CSV and Markdown."""

import csv
import io
from pathlib import Path

from tatami.network import find_network
from tatami.plan import make_plan
from tatami.views.plan_csv import HEADINGS, csv_text, plan_csv
from tatami.views.plan_markdown import markdown_table, plan_markdown
from tatami.views.plan_rows import HEADINGS as HEADINGS_SHOWN
from tatami.views.plan_rows import WIDE_HEADINGS


def test_csv_reads_back_as_plain_numbers() -> None:
    plan = make_plan(find_network("vgg16").build())
    rows = list(csv.DictReader(io.StringIO(plan_csv(plan))))
    assert tuple(rows[0]) == HEADINGS
    assert [row["name"] for row in rows] == [cost.name for cost in plan.layers]
    assert sum(int(row["params"]) for row in rows) == 138_357_544
    assert sum(int(row["flops"]) for row in rows) == 2 * 15_470_264_320
    assert rows[1]["output"] == "224x224x64"
    assert rows[-1]["receptive_field"] == ""


def test_csv_quotes_what_it_must() -> None:
    assert csv_text(("a", "b"), [("x,y", 'say "hi"')]) == 'a,b\n"x,y","say ""hi"""\n'


def test_markdown() -> None:
    text = plan_markdown(make_plan(find_network("INPUT(224x224x3) -> CONV(96, 11, S=4, P=0)").build()))
    assert text == (
        "| layer | output | params | MACs | values | field | jump |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| input | 224x224x3 |  |  | 150,528 | 1 | 1 |\n"
        "| conv1 | 54x54x96 | 34,944 | 102M | 279,936 | 11 | 4 |\n"
        "| **total** |  | **34,944** | **102M** | **430,464** | **11** |  |\n"
        "\n"
        "Textbook memory, batch 1, float32: 1.6 MiB forward, 3.3 MiB with backward.\n"
        "\n"
        "Note: conv1: (224 - 11 + 2\\*0)/4 + 1 = 54.25 is rounded down: pixel 223 is never seen\n"
    )


def test_a_bar_in_a_cell_is_escaped() -> None:
    assert markdown_table(["a"], [["x|y"]]).endswith("| x\\|y |")


def test_csv_has_every_column() -> None:
    plan = make_plan(find_network("INPUT(16x16x3) -> CONV(8, 3, S=2, P=1) -> CONV(4, 1x3)").build())
    row = list(csv.DictReader(io.StringIO(plan_csv(plan))))[-1]
    macs = 8 * 8 * 4 * 3 * 8
    assert (row["macs"], row["flops"], row["backward_macs"]) == (f"{macs}", f"{2 * macs}", f"{2 * macs}")
    assert (row["weight_bytes"], row["activation_bytes"]) == (f"{4 * (3 * 8 * 4 + 4)}", f"{4 * 8 * 8 * 4}")
    assert float(row["intensity"]) == 2 * macs / (4 * (100 + 8 * 8 * 8 + 8 * 8 * 4))
    assert (row["receptive_field"], row["jump"], row["offset"]) == ("3x7", "2", "-1x-3")


def test_wide_adds_columns_and_leaves_none_out(tatami) -> None:
    result = tatami("plan", "mobilenet_v2", "--wide")
    lines = result.out.splitlines()
    heading = next(line for line in lines if "layer" in line)
    assert heading.split()[-7:] == ["field", "jump", "back", "MACs", "weights", "maps", "FLOPs/B"]
    row = next(line for line in lines if line.startswith(" dwconv1"))
    assert row.split()[-6:] == ["7.23M", "1.1", "KiB", "1.5", "MiB", "2.25"]
    assert max(map(len, tatami("plan", "mobilenet_v2").out.splitlines())) <= 80


def test_the_documentation_explains_every_column() -> None:
    page = (Path(__file__).parents[2] / "docs" / "plan.md").read_text(encoding="utf-8")
    assert [heading for heading in (*HEADINGS_SHOWN, *WIDE_HEADINGS) if f"| {heading} |" not in page] == []
    assert [heading for heading in HEADINGS[7:-1] if f"`{heading}`" not in page] == []
