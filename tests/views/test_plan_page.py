"""The page of a plan, and the memory of a step over its time."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tatami.network import find_network
from tatami.plan import make_plan
from tatami.views.plan_page import plan_page
from tatami.views.timeline import HEIGHT, WIDTH, timeline_svg


@pytest.mark.parametrize("net", ["vgg16", "resnet152", "fcn", "INPUT(4) -> FC(2)"])
@pytest.mark.parametrize("training", [True, False])
def test_the_timeline_is_well_formed_inside_and_names_the_peak(net: str, training: bool) -> None:
    memory = make_plan(find_network(net).build(), 8, training=training).memory
    root = ElementTree.fromstring(timeline_svg(memory))
    words = [text.text or "" for text in root.findall("text")]
    assert any(word.startswith("peak: ") and word.endswith(memory.peak_at.node) for word in words)
    assert {"loss", "update"} <= set(words) if training else "loss" not in words
    for circle in root.findall("circle"):
        assert 0 <= float(circle.get("cx", "")) <= WIDTH
        assert 0 <= float(circle.get("cy", "")) <= HEIGHT
    for points in re.findall(r"[MHV]([\d. ]+)", "".join(path.get("d", "") for path in root.findall("path"))):
        assert all(0 <= float(number) <= WIDTH for number in points.split())


def test_the_page_needs_nothing_else_and_is_small() -> None:
    plan = make_plan(find_network("resnet152").build(), 32)
    html = plan_page(plan, "a <b> & c", "INPUT -> <script>", ["one < two"])
    assert len(html.encode()) < 400_000
    assert set(re.findall(r"https?://[^\"' ]+", html)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<script|<link|src=|@import|url\(", html)
    assert "<h1>a &lt;b&gt; &amp; c</h1>" in html
    assert "one &lt; two" in html
    assert "60,192,808" in html
    assert html.count("<svg") == html.count("</svg>") == 2


def test_notes_are_shown_once() -> None:
    html = plan_page(make_plan(find_network("INPUT(9x9x3) -> CONV(2, 2, S=2, P=0)").build()), "t", "n")
    assert html.count("is rounded down") == 1


def test_plan_as_a_file(tatami, tmp_path: Path) -> None:
    file = tmp_path / "vgg16.html"
    result = tatami("plan", "vgg16", "--format", "html", "-o", file)
    assert (result.code, result.out, result.err) == (0, "", "")
    assert file.read_text(encoding="utf-8") == tatami("plan", "vgg16", "--format", "html").out
    assert "[[CONV({64,128,256,512,512})" in file.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("format", ["table", "json", "csv", "markdown"])
def test_every_format_goes_into_a_file(tatami, tmp_path: Path, format: str) -> None:
    tatami("plan", "lenet5", "--format", format, "-o", tmp_path / "plan")
    assert (tmp_path / "plan").read_text(encoding="utf-8") == tatami("plan", "lenet5", "--format", format).out


def test_a_family_and_an_explanation_go_into_a_file(tatami, tmp_path: Path) -> None:
    family = ("INPUT(8x8x1) -> [CONV]*N -> FC(3)", "-D", "N=1..2", "--format", "csv")
    assert tatami("plan", *family, "-o", tmp_path / "family.csv").out == ""
    assert (tmp_path / "family.csv").read_text(encoding="utf-8") == tatami("plan", *family).out
    tatami("plan", "lenet5", "--explain", "conv1", "-o", tmp_path / "why")
    assert "= 156" in (tmp_path / "why").read_text(encoding="utf-8")


def test_a_failing_budget_still_leaves_the_plan(tatami, tmp_path: Path) -> None:
    budget = ("--assert", "params < 3", "--format", "html", "-o", tmp_path / "x.html")
    result = tatami("plan", "lenet5", *budget, "--gpu", "RTX 4090", "--time")
    html = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert result.code == 1
    assert "failed: params is 61,706, which is not &lt; 3" in html
    assert "largest batch" in html
    assert "samples a second" in html


@pytest.mark.parametrize(
    "arguments",
    [
        ["INPUT(8x8x1) -> CONVV"],
        ["INPUT(8x8x1) -> [CONV]*N", "-D", "N=1..2", "--format", "html"],
        ["lenet5", "--explain", "conv1", "--format", "html"],
    ],
)
def test_an_error_writes_nothing(tatami, tmp_path: Path, arguments: list[str]) -> None:
    result = tatami("plan", *arguments, "-o", tmp_path / "x.html")
    assert (result.code, result.out) == (2, "")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written(tatami, tmp_path: Path) -> None:
    result = tatami("plan", "lenet5", "-o", tmp_path / "absent" / "x.txt")
    assert (result.code, result.out) == (2, "")
    assert "cannot write this file" in result.err
