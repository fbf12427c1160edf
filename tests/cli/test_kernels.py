"""`tatami plan --kernels`, `--force` and `tatami bench`: how the CPU engine computes a network."""

import json

import pytest

NET = "INPUT(12x12x16) -> CONV(16) -> BN -> RELU -> CONV(8, 1) -> POOL -> FC(3)"


def test_kernels_as_a_table(tatami):
    result = tatami("plan", NET, "--kernels", "--batch", 64)

    rows = [line.split() for line in result.out.splitlines()]
    assert result.code == 0
    assert ["conv1", *["winograd4"] * 2] in [row[:3] for row in rows]  # nobody wants the gradient of the input
    assert ["bn1+relu1"] in [row[:1] for row in rows]
    assert ["conv2", *["pointwise"] * 3] in [row[:4] for row in rows]


def test_kernels_as_data_with_the_costs_of_the_others(tatami):
    result = tatami("plan", NET, "--kernels", "--batch", 64, "--format", "json")

    kernels = {"+".join(row["layers"]): row for row in json.loads(result.out)["kernels"]}
    assert kernels["conv1"]["methods"] == {"forward": "winograd4", "backward_weights": "winograd4"}
    assert kernels["conv1"]["others"]["forward"]["unfolded"] > 1
    assert kernels["conv1"]["scratch_bytes"] > 0
    assert kernels["fc1"]["methods"] == {}


def test_a_forced_method_is_taken_where_it_can_be_and_changes_the_memory(tatami):
    plain, forced = (
        json.loads(tatami("plan", NET, "--kernels", "--batch", 64, "--format", "json", *more).out)
        for more in ((), ("--force", "unfolded"))
    )

    methods = {"+".join(row["layers"]): row["methods"].get("forward") for row in forced["kernels"]}
    assert methods["conv1"] == methods["conv2"] == "unfolded"
    assert forced["memory"]["peak_bytes"] != plain["memory"]["peak_bytes"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--force", "winograd"], "unknown method of convolution; got winograd; expected winograd4, winograd2,"),
        (["--force", "depthwise"], "--force: no convolution here can take depthwise; expected pointwise, unfolded,"),
        (["--kernels", "--engine", "torch"], "--kernels are those of the CPU engine; got engine torch"),
        (["--kernels", "--format", "csv"], "--format csv has no place for --kernels"),
        (["--kernels", "--format", "html"], "--format html has no place for --kernels"),
    ],
)
def test_what_makes_no_sense(tatami, options, message):
    result = tatami("plan", NET, *options)

    assert result.code == 2
    assert result.err.startswith(f"error: {message}")
    assert result.err.count("\n") == 1


def test_bench_measures_and_keeps_the_faster_method(tatami, monkeypatch, tmp_path):
    kept = tmp_path / "deep" / "methods.json"
    for module in ("tatami.plan.measured", "tatami.cli.bench"):
        monkeypatch.setattr(f"{module}.methods_file", lambda: kept, raising=False)

    result = tatami("bench", NET, "--batch", 8, "--repeats", 1, "--format", "json")

    found = json.loads(result.out)
    conv = "forward 3x3 16>16 on 12x12 P=1+1,1+1 x8"
    assert set(found["methods"][conv]) == {"winograd4", "winograd2", "unfolded"}
    assert all(0 < seconds < 1 for seconds in found["methods"][conv].values())
    (machine,) = json.loads(kept.read_text()).values()
    assert machine[conv] == min(found["methods"][conv], key=found["methods"][conv].get)
    used = next(op for op in found["ops"] if op["layer"] == "conv1" and op["what"] == "forward")
    assert used["method"] == machine[conv]
    assert found["step_seconds"] == pytest.approx(sum(op["seconds"] for op in found["ops"]))
    # From here on a plan takes it too.
    plan = json.loads(tatami("plan", NET, "--kernels", "--batch", 8, "--format", "json").out)
    assert plan["kernels"][0]["methods"]["forward"] == machine[conv]


def test_bench_as_a_table_that_is_not_kept(tatami, monkeypatch, tmp_path):
    monkeypatch.setattr("tatami.plan.measured.methods_file", lambda: tmp_path / "methods.json")

    result = tatami("bench", "INPUT(9x4) -> CONV(5, 3) -> FC(2)", "--batch", 2, "--repeats", 1, "--no-keep")

    assert result.code == 0
    assert "step of 2 samples: " in result.out
    assert not (tmp_path / "methods.json").exists()


def test_bench_shows_what_it_cannot_keep(tatami, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("tatami.plan.measured.methods_file", lambda: tmp_path / "file" / "methods.json")

    result = tatami("bench", NET, "--batch", 8, "--repeats", 1)

    assert result.code == 0
    assert "not kept: " in result.err
    assert "step of 8 samples: " in result.out


def test_a_damaged_file_of_measurements_is_as_none(tatami, monkeypatch, tmp_path):
    path = tmp_path / "methods.json"
    monkeypatch.setattr("tatami.plan.measured.methods_file", lambda: path)
    for content in ("{", "[1]", '{"x": 3}', '{"x": {"y": 1}}'):
        path.write_text(content)
        assert tatami("plan", NET).code == 0
