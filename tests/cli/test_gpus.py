"""``tatami gpus`` and ``tatami plan --time``."""

import json
from pathlib import Path

import pytest

from tatami.engines import calibration


@pytest.fixture(autouse=True)
def folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TATAMI_DEVICES", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_all_cards_at_80_columns(tatami) -> None:
    result = tatami("gpus")
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= 80
    assert "…" not in result.out
    row = next(line for line in result.out.splitlines() if "RTX 4090" in line)
    assert row.split() == ["RTX", "4090", "2022", "24", "23.51", "1008", "82.6", "82.6", "165.2"]
    assert "GTX 580" in result.out


def test_the_cards_of_a_name_with_sources(tatami) -> None:
    out = tatami("gpus", "a100").out
    assert "A100 SXM4 40GB: NVIDIA A100 Tensor Core GPU Architecture Whitepaper" in out
    assert "V100" not in out


def test_cards_as_json(tatami) -> None:
    listing = json.loads(tatami("gpus", "GTX 1080", "--format", "json").out)
    assert listing["schema"] == "tatami.gpus/1"
    (card,) = listing["gpus"]
    assert card["name"] == "GTX 1080"
    assert (card["nominal_gib"], card["bandwidth_gbs"], card["bf16_tflops"]) == (8, 320, None)


@pytest.mark.parametrize("command", [("gpus", "RTX 4091"), ("plan", "lenet5", "--time", "--gpu", "RTX 4091")])
def test_an_unknown_card(tatami, command: tuple[str, ...]) -> None:
    result = tatami(*command)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: unknown card; got RTX 4091; ")
    assert "did you mean RTX 4090?" in result.err
    assert len(result.err.splitlines()) == 1


def test_time_on_a_card_at_80_columns(tatami) -> None:
    result = tatami("plan", "resnet50", "--batch", 32, "--time", "--gpu", "rtx 4090")
    assert (result.code, result.err) == (0, "")
    assert max(map(len, result.out.splitlines())) <= 80
    text = " ".join(result.out.split())
    assert "parameters 25,557,032" in text  # the plan stays
    assert "foretold: RTX 4090, float32, batch 32" in text
    assert "assumes 0.6 of peak (" in text
    assert "samples a second" in text
    assert "memory x2" in text  # repeats are folded


def test_time_as_json_adds_one_key(tatami) -> None:
    card = ("--gpu", "V100 16GB")
    plain = json.loads(tatami("plan", "lenet5", "--format", "json", *card).out)
    plan = json.loads(tatami("plan", "lenet5", "--format", "json", "--time", *card).out)
    time = plan.pop("time")
    assert plan == plain
    assert (time["device"], time["dtype"], time["batch"]) == ("V100 SXM2 16GB", "float32", 1)
    assert [layer["name"] for layer in time["layers"]] == [layer["name"] for layer in plan["layers"]]
    total = time["forward_seconds"] + time["backward_seconds"] + time["update"]["seconds"]
    assert time["step_seconds"] == pytest.approx(total)
    assert time["assumption"]["compute"] == 0.6


def test_time_of_nothing(tatami) -> None:
    result = tatami("plan", "INPUT(8x8x3) -> FLATTEN", "--time", "--gpu", "T4")
    assert result.code == 0
    assert "nothing to compute" in result.out


def test_time_here_measures_once_and_says_so(tatami, monkeypatch: pytest.MonkeyPatch) -> None:
    small = calibration.calibrate(matrix=8, copy_bytes=1024, repeats=1)
    monkeypatch.setattr(calibration, "calibrate", lambda: small)
    first = tatami("plan", "lenet5", "--time", "--format", "json")
    assert first.code == 0
    assert first.err.startswith("measuring this machine (")
    assert json.loads(first.out)["time"]["device"] == small.device().name
    second = tatami("plan", "lenet5", "--time", "--format", "json")
    assert second.err == ""
    assert second.out == first.out


def test_time_is_that_of_the_dtype(tatami) -> None:
    times = [
        json.loads(tatami("plan", "vgg16", "--time", "--gpu", "4090", "--dtype", dtype, "--format", "json").out)["time"]
        for dtype in ("float32", "bf16")
    ]
    assert [time["dtype"] for time in times] == ["float32", "bf16"]
