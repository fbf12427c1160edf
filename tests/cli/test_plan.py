import json
import re
from pathlib import Path

import pytest

KEYS = {"name", "type", "output", "params", "macs", "activation_values", "receptive_field", "jump"}


def test_vgg16_as_json(tatami) -> None:
    result = tatami("plan", "vgg16", "--format", "json")
    plan = json.loads(result.out)
    assert result.code == 0
    assert plan["schema"] == "tatami.plan/1"
    assert plan["input"] == [224, 224, 3]
    assert plan["totals"]["params"] == plan["totals"]["trainable_params"] == 138_357_544
    assert plan["totals"]["macs"] == 15_470_264_320
    assert plan["totals"]["flops"] == 30_940_528_640
    assert plan["totals"]["activation_values"] == 15_237_608
    assert plan["totals"]["receptive_field"] == 212
    assert all(set(layer) >= KEYS for layer in plan["layers"])
    assert plan["memory"]["textbook_forward_bytes"] == 60_950_432
    assert plan["memory"]["batch"] == 1


def test_what_a_position_sees_of_the_input(tatami) -> None:
    """vgg16 halves the map five times: neighbours on its last are 32 pixels apart. Behind FC there are no places."""
    layers = {layer["name"]: layer for layer in json.loads(tatami("plan", "vgg16", "--format", "json").out)["layers"]}
    assert layers["pool5"]["output"] == [7, 7, 512]
    assert [layers[f"pool{i}"]["jump"] for i in range(1, 6)] == [2, 4, 8, 16, 32]
    assert (layers["input"]["receptive_field"], layers["input"]["jump"]) == (1, 1)
    assert (layers["pool5"]["receptive_field"], layers["pool5"]["jump"]) == (212, 32)
    assert (layers["fc1"]["receptive_field"], layers["fc1"]["jump"]) == (None, None)


def test_axes_that_differ_are_lists(tatami) -> None:
    text = "INPUT(16x32x4) -> CONV(4, 1x3, S=(1,2)) -> CONV(4, 3) -> POOL(3x1, S=(2,1))"
    plan = json.loads(tatami("plan", text, "--format", "json").out)
    assert [(layer["receptive_field"], layer["jump"]) for layer in plan["layers"]] == [
        (1, 1),
        ([1, 3], [1, 2]),
        ([3, 7], [1, 2]),
        ([5, 7], 2),  # the strides are level again
    ]
    assert plan["totals"]["receptive_field"] == [5, 7]


def test_resnet152_as_json(tatami) -> None:
    totals = json.loads(tatami("plan", "resnet152", "--format", "json").out)["totals"]
    assert (totals["params"], totals["macs"]) == (60_192_808, 11_513_626_624)


def test_the_memos_pattern_with_bindings(tatami) -> None:
    pattern = "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC"
    bindings = ["-D", "N=2", "-D", "M=2", "-D", "K=1", "-D", "POOL=yes"]
    result = tatami("plan", pattern, *bindings, "--input", "28x28x1", "--classes", 10, "--format", "json")
    memo = tatami("plan", "memo", "--format", "json")
    assert json.loads(result.out) == json.loads(memo.out)


def test_table_at_80_columns(tatami) -> None:
    result = tatami("plan", "googlenet")
    assert result.code == 0
    assert re.search(r"^ conv1 +112x112x64 +9,472 +118M +802,816 +7 +2 *$", result.out, re.MULTILINE)
    assert "parameters       6,998,552" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_axes_and_misalignment_in_the_table(tatami) -> None:
    out = tatami("plan", "INPUT(16x16x4) -> CONV(4, 1x3) -> ADD[CONV(4, 2) | ID]").out
    assert "1x3" in out
    assert "note: add1: branches of different jump or centre meet" in " ".join(out.split())


def test_a_net_file(tatami, tmp_path: Path) -> None:
    path = tmp_path / "mine.net"
    path.write_text("# title: Mine\n# input: 9x1\n# classes: 3\nINPUT -> CONV(2) -> FC\n", encoding="utf-8")
    plan = json.loads(tatami("plan", path, "--format", "json").out)
    assert plan["input"] == [9, 1]
    assert plan["layers"][-1]["output"] == [3]


def test_input_replaces_the_texts_own(tatami) -> None:
    plan = json.loads(tatami("plan", "INPUT(8x8x3) -> CONV(2)", "--input", "16×16×3", "--format", "json").out)
    assert plan["layers"][-1]["output"] == [16, 16, 2]


BAD = [
    (["INPUT(32x32x3) -> CONVV(3)"], "line 1:19: unknown layer CONVV", "did you mean CONV?"),
    (["INPUT(32x32x3) -> FC(10) -> CONV"], "line 1:29: CONV needs a map with positions", "got 10 values"),
    (["INPUT(32x32x3) -> CONV(-3)"], "filters cannot be this; got -3", "expected a whole number of at least 1"),
    (["INPUT(5x5x3) -> CONV(3, 7, P=0)"], "a window of 7 does not fit", "(5 - 7 + 2*0)/1 + 1 = -1"),
    (["INPUT(32x32x3) -> CONV(3"], '"(" opened at 1:23 is never closed', 'expected "," or ")"'),
    (["INPUT -> CONV -> FC(10)"], "INPUT has no shape", "--input 32x32x3"),
    (["INPUT(8x8x1) -> FC"], "the last FC takes its size from the classes", "--classes 10"),
    (["vgg166"], "no such network; got vgg166", "did you mean vgg16?"),
    (["absent.net"], "absent.net: cannot be read", "No such file"),
    (["INPUT(8x8x1) -> [CONV]*N"], "this is a family of networks", "-D N=2"),
    (["INPUT(8x8x1) -> [CONV]*N", "-D", "M=2"], "the network has no free name M", "expected N"),
    (["INPUT(8x8x1) -> [CONV]*N", "-D", "N"], "unreadable -D; got N", "NAME=VALUE"),
    (["INPUT(8x8x1) -> CONV -> POOL?", "-D", "POOL=3"], "POOL? may be there or not; got 3", "yes or no"),
    (["INPUT(8x8x1) -> CONV", "--input", "8 by 8"], "unreadable --input; got 8 by 8", "32x32x3"),
    (["INPUT(8x8x1) -> CONV", "--optimizer", "adma"], "adma", "did you mean adam?"),
    (["INPUT(8x8x1) -> CONV", "--batch", "0"], "impossible batch; got 0", "at least 1"),
    (["INPUT(227x227x3) -> CONV(96, 4, S=4, P=0)", "--fit", "error"], "the size does not fit", "= 56.75"),
    (["vgg16", "--classes", "10"], "--classes: the network does not take its size", "it has 1000 outputs"),
    (["INPUT(8x8x1) -> [CONV]*N", "-D", "N=1", "-D", "N=2"], "N is bound twice", "one -D for each name"),
    (["vgg16", "--format", "xml"], "'xml'", "lists what there is"),
    (["vgg16", "--bathc", "3"], "--bathc", "lists what there is"),
    ([], "Missing argument", "lists what there is"),
    (["[[[CONV]*999999]*999999]*999999"], "too many layers after all repeats", "20,000"),
]


@pytest.mark.parametrize(("arguments", "problem", "help"), BAD, ids=[bad[1][:40] for bad in BAD])
def test_bad_input_is_one_clear_line_and_exit_2(tatami, arguments: list[str], problem: str, help: str) -> None:
    result = tatami("plan", *arguments)
    first, *excerpt = result.err.splitlines()
    assert result.code == 2
    assert result.out == ""
    assert first.startswith("error: ")
    assert problem in first
    assert help in first
    assert len(excerpt) in (0, 2)  # only the text with a caret may follow
    if excerpt:
        assert excerpt[1].strip() == "^"


def test_a_narrow_terminal_loses_whole_columns_never_a_figure(tatami, monkeypatch) -> None:
    wide = tatami("plan", "vgg16").out.splitlines()
    monkeypatch.setenv("COLUMNS", "60")
    import rich.console

    monkeypatch.setattr(rich.console.Console, "width", 60)
    narrow = tatami("plan", "vgg16").out.splitlines()
    assert narrow[1].split() == ["layer", "output", "params", "MACs"]
    assert not any("…" in line for line in narrow)
    assert sum("x3" in line.split() for line in narrow) == sum("x3" in line.split() for line in wide) == 1


def test_a_terminal_without_unicode(monkeypatch) -> None:
    import io
    import sys

    from tatami.cli import main

    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setattr(sys, "argv", ["tatami", "plan", "vgg16"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert b"138,357,544" in raw.getvalue()


def test_zoo(tatami) -> None:
    listing = {entry["name"]: entry for entry in json.loads(tatami("zoo", "--format", "json").out)}
    assert listing["vgg16"]["params"] == 138_357_544
    table = tatami("zoo").out
    assert all(name in table for name in listing)
    text = tatami("zoo", "vgg16").out
    assert text.startswith("# title: VGG-16\n")
    assert "FC(1000)" in text
    unknown = tatami("zoo", "vgg-166")
    assert unknown.code == 2
    assert "did you mean vgg16?" in unknown.err


def test_version(tatami) -> None:
    from tatami import __version__

    assert tatami("--version").out == f"tatami {__version__}\n"
