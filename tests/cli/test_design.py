"""The commands of design: compare, families, budgets, explanations, formats."""

import csv
import io
import json

import pytest

ONE_7X7 = "INPUT(32x32x3) -> CONV(3,7,P=0)"
THREE_3X3 = "INPUT(32x32x3) -> [CONV(3,3,P=0) -> RELU]*3"
MEMO = "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC"
SMALL = [MEMO, "--input", "28x28x1", "--classes", "10", "-D", "M=1..2", "-D", "K=0"]


def flat(text: str) -> str:
    """Running text without its line breaks."""
    return " ".join(text.split())


def test_compare_as_in_the_memo(tatami) -> None:
    result = tatami("compare", ONE_7X7, THREE_3X3)
    assert result.code == 0
    assert result.out.startswith(f"net 1  {ONE_7X7}\nnet 2  {THREE_3X3}\n")
    assert "Both networks have the same output 26x26x3 and the same receptive field 7." in flat(result.out)
    assert "252 parameters, not 444 (43% fewer)" in flat(result.out)
    assert "A trade-off: it saves parameters and MACs and pays with more activation memory." in flat(result.out)


def test_compare_as_json_names_each_network_once(tatami) -> None:
    data = json.loads(tatami("compare", "vgg16", "lenet5", "vgg-16", "--batch", 8, "--format", "json").out)
    assert [network["name"] for network in data["networks"]] == ["vgg16 (1)", "lenet5", "vgg16 (3)"]
    assert data["networks"][0]["activations"] == 8 * 60_950_432


def test_compare_gives_every_network_the_input(tatami) -> None:
    nets = ("INPUT -> CONV(2) -> FC", "INPUT -> CONV(4) -> FC")
    data = json.loads(tatami("compare", *nets, "--input", "8x8x1", "--classes", 3, "--format", "json").out)
    assert [network["output"] for network in data["networks"]] == [[3], [3]]


def test_compare_with_a_network_that_does_not_exist(tatami) -> None:
    result = tatami("compare", "vgg16", "vgg166")
    assert (result.code, result.out) == (2, "")
    assert "no such network; got vgg166" in result.err


def test_a_family_as_a_table(tatami) -> None:
    result = tatami("plan", *SMALL, "-D", "N=0..1", "--sort", "-params", "--assert", "params < 100k")
    lines = [line.split() for line in result.out.splitlines()]
    assert result.code == 0
    assert ["N", "POOL", "M", "params", "MACs", "values", "field", "depth", "textbook"] in lines
    assert ["1", "yes", "1", "63k", "289k", "32.2k", "4", "2", "251.2", "KiB"] in lines
    assert "6 of 8 members" in result.out
    assert "  with K=0" in result.out
    assert "2 dropped: over budget" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_choices_of_the_line_are_tried_or_bound(tatami) -> None:
    net = "INPUT(8x8x1) -> CONV({2|4}, 3) -> {POOL(2, S=2)|ID} -> FC(2)"
    family = json.loads(tatami("plan", net, "--format", "json").out)
    assert family["names"] == ["{2|4}", "{POOL(2, S=2)|ID}"]
    assert [m["params"] for m in family["members"]] == [20 + 66, 20 + 258, 40 + 130, 40 + 514]
    bound = ["-D", "{2|4}=4", "-D", "{ POOL(2,S=2) | ID } = 2"]
    assert json.loads(tatami("plan", net, *bound, "--format", "json").out)["totals"]["params"] == 554
    assert tatami("plan", net, "-D", "{2|4}=8").err.startswith("error: {2|4} does not have this choice; got 8;")
    assert tatami("plan", net, "-D", "{2|4}x=4").err.startswith("error: unreadable -D; got {2|4}x=4;")


def test_a_family_as_data(tatami) -> None:
    family = json.loads(tatami("plan", *SMALL, "-D", "N=0..3", "--sort", "params", "--format", "json").out)
    params = [member["params"] for member in family["members"]]
    assert family["schema"] == "tatami.family/1"
    assert (len(params), params) == (4 * 2 * 2, sorted(params))
    assert family["fixed"] == {"K": "0"}
    assert family["members"][0]["bindings"].keys() == {"N", "POOL", "M"}
    rows = list(csv.DictReader(io.StringIO(tatami("plan", *SMALL, "-D", "N=0..3", "--format", "csv").out)))
    assert sorted(int(row["params"]) for row in rows) == params
    markdown = tatami("plan", *SMALL, "-D", "N=0..3", "--format", "markdown").out
    assert markdown.startswith("| N | POOL | M | params |")
    assert len(markdown.splitlines()) == 2 + len(rows)


def test_a_family_says_what_cannot_be_built(tatami) -> None:
    result = tatami("plan", "INPUT(8x8x1) -> [POOL]*M -> FC(3)", "-D", "M=1..5")
    assert "3 of 5 members" in result.out
    assert "2 cannot be built; the first: M=4: line 1:18: a window of 2 does not fit" in flat(result.out)


def test_a_family_that_keeps_no_budget_fails(tatami) -> None:
    result = tatami("plan", *SMALL, "-D", "N=1..2", "--assert", "params < 10")
    assert result.code == 1
    assert result.err == "failed: no member keeps the budget\n"


def test_a_budget_that_fails_shows_every_failure(tatami) -> None:
    budget = ["params < 5M", "receptive_field >= 64", "textbook_memory(batch=64) < 7GB"]
    result = tatami("plan", "vgg16", *(word for text in budget for word in ("--assert", text)))
    assert result.code == 1
    assert result.err.splitlines() == [
        "failed: params is 138,357,544, which is not < 5,000,000",
        "failed: textbook_memory(batch=64) is 7,801,655,296 bytes, which is not < 7,000,000,000 bytes",
    ]
    assert "holds: receptive_field is 212, which is >= 64" in result.out


def test_a_budget_that_holds(tatami) -> None:
    result = tatami("plan", "lenet5", "--assert", "params <= 61706", "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["assertions"] == [{"assertion": "params <= 61706", "value": 61_706, "holds": True}]


def test_a_budget_is_held_for_the_step_that_is_asked_for(tatami) -> None:
    step = ("--engine", "torch", "--dtype", "bf16", "--inference", "--optimizer", "adam")
    budget = ("--assert", "memory(batch=8) < 1kB", "--format", "json")
    there = json.loads(tatami("plan", "lenet5", *step, "--batch", 8, "--format", "json").out)["memory"]["peak_bytes"]
    asked = json.loads(tatami("plan", "lenet5", *step, *budget).out)["assertions"][0]["value"]
    assert asked == there != json.loads(tatami("plan", "lenet5", *budget).out)["assertions"][0]["value"]


def test_explain_a_layer(tatami) -> None:
    out = tatami("plan", "vgg16", "--explain", "conv2").out
    assert "(224 - 3 + 2*1)/1 + 1 = 224" in out
    assert "(3*3*64 + 1)*64 = 36,928" in out
    layers = json.loads(tatami("plan", "vgg16", "--explain", "all", "--format", "json").out)["layers"]
    assert {"what": "parameters", "text": "(3*3*64 + 1)*64 = 36,928"} in layers[3]["lines"]


def test_explain_the_memory_of_vgg16(tatami) -> None:
    out = flat(tatami("plan", "vgg16", "--explain", "memory").out)
    assert "conv2 224*224*64 = 3,211,264 weights 36,864" in out
    assert "sum 15,237,608 values * 4 bytes = 60,950,432 bytes = 58.1 MiB a sample" in out
    assert "not in place 28,785,128 values = 109.8 MiB" in out
    assert 'erratum: "24M * 4 bytes ~= 93MB / image" (CS231n' in out
    memory = json.loads(tatami("plan", "vgg16", "--explain", "memory", "--format", "json").out)["memory"]
    assert (memory["values"], memory["weights"]) == (15_237_608, 138_344_128)


def test_csv_and_markdown(tatami) -> None:
    assert tatami("plan", "lenet5", "--format", "csv").out.splitlines()[2] == (
        "conv1,CONV,28x28x6,156,0,117600,235200,117600,624,4704,18816,9.99320190346703,5,1,0,"
    )
    assert "| **total** |  | **61,706** | **417k** |" in tatami("plan", "lenet5", "--format", "markdown").out


BAD = [
    (["lenet5", "--assert", "parms < 3"], "unknown figure; got parms", "did you mean params?"),
    (["lenet5", "--assert", "memory < 8G"], "memory is in bytes; got memory < 8G", "did you mean GB?"),
    (["lenet5", "--sort", "params"], "--sort is for a family, and this is one network", "-D N=0..3"),
    ([*SMALL, "-D", "N=1,2", "--sort", "param"], "unknown figure; got param", "did you mean params?"),
    ([*SMALL, "-D", "N=0..1", "--explain", "all"], "--explain is for one network", "one value for each -D"),
    ([*SMALL, "-D", "N=0..1", "--memory", "8GB"], "--memory is for one network", "one value for each -D"),
    ([*SMALL, "-D", "N=0..1", "--time"], "--time is for one network", "one value for each -D"),
    (["lenet5", "--explain", "conv9"], "the network has no such layer; got conv9", "did you mean conv3?"),
    (["lenet5", "--explain", "conv1", "--format", "csv"], "--explain has no such format; got csv", "table or json"),
]


@pytest.mark.parametrize(("arguments", "problem", "help"), BAD, ids=[bad[1][:40] for bad in BAD])
def test_refusals(tatami, arguments: list[str], problem: str, help: str) -> None:
    result = tatami("plan", *arguments)
    assert (result.code, result.out) == (2, "")
    assert problem in result.err
    assert help in result.err
    assert len(result.err.splitlines()) == 1
