"""A run goes on elsewhere: on another engine, device or number of ranks."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tatami.errors import OptionError
from tatami.network import find_network
from tatami.plan.machine import thread_count
from tatami.train import TrainConfig, resume, train
from tatami.train.config import ResolvedConfig
from tatami.train.defaults import resolve
from tatami.train.elsewhere import Elsewhere, moved
from tatami.train.run import Run

from .ranked import NET, never, settings, weights


def resolved(**given: Any) -> ResolvedConfig:
    ranks = given.pop("ranks", 1)
    return replace(resolve(TrainConfig("x", **given), 100), ranks=ranks, threads=thread_count())


SAME = "the same training, but not bit for bit"


@pytest.mark.parametrize(
    ("begun", "elsewhere", "ranks", "expected", "notes"),
    [
        ({}, {}, 1, {"engine": "cpu"}, []),
        (
            {},
            {"engine": "torch", "device": "cuda"},
            1,
            {"engine": "torch", "device": "cuda"},
            ["engine torch instead of cpu"],
        ),
        ({}, {}, 2, {"engine": "torch", "ranks": 2}, ["engine torch instead of cpu", "2 ranks instead of 1"]),
        (
            {"engine": "torch", "dtype": "bf16", "device": "cuda:1", "sync_bn": True, "capture": "graphs", "ranks": 4},
            {"engine": "cpu"},
            1,
            {"engine": "cpu", "dtype": "float32", "device": None, "sync_bn": False, "capture": "none", "ranks": 1},
            ["engine cpu instead of torch", "dtype float32 instead of bf16", "1 rank instead of 4"],
        ),
        (
            {"engine": "torch", "dtype": "bf16", "device": "cuda:1", "sync_bn": True},
            {},
            1,
            {"engine": "torch", "dtype": "bf16", "device": "cuda:1", "sync_bn": True},
            [],
        ),
        ({"engine": "torch", "device": "cuda:1"}, {}, 2, {"device": None}, ["2 ranks instead of 1"]),
        ({"dtype": "float64"}, {"engine": "textbook"}, 1, {"dtype": "float64"}, ["engine textbook instead of cpu"]),
    ],
)
def test_where_a_run_goes_on(
    begun: dict[str, Any], elsewhere: dict[str, Any], ranks: int, expected: dict[str, Any], notes: list[str]
) -> None:
    config, said = moved(resolved(**begun), Elsewhere(**elsewhere), ranks)
    assert said == [f"{note}: {SAME}" for note in notes]
    assert {name: getattr(config, name) for name in expected} == expected


def test_other_threads_are_said_of_the_cpu_engine() -> None:
    said = moved(replace(resolved(), threads=99), Elsewhere(), 1)[1]
    assert said == [f"{thread_count()} threads instead of 99: {SAME}"]
    assert moved(replace(resolved(engine="torch"), threads=99), Elsewhere(), 1)[1] == []
    with pytest.raises(OptionError, match="engine cpu trains in one process; got 2 ranks"):
        moved(resolved(), Elsewhere("cpu"), 2)


def test_a_run_goes_on_on_another_engine(stripes: Path, tmp_path: Path, whole: Path, tatami) -> None:
    """Begun on the textbook engine, continued on the CPU engine: to rounding, the textbook engine's end."""
    run = tmp_path / "run"
    train(find_network(NET), settings(stripes, epochs=2), run, never)
    result = tatami("resume", run, "--engine", "cpu", "--epochs", 4)
    assert result.code == 0, result.err
    assert f"note: engine cpu instead of textbook: {SAME}" in " ".join(result.err.split())
    assert Run(run).config().engine == "cpu"
    straight = tmp_path / "straight"
    train(find_network(NET), settings(stripes, epochs=2), straight, never)
    resume(straight, never, 4)
    for key, tensor in weights(straight).items():
        np.testing.assert_allclose(weights(run)[key], tensor, rtol=1e-3, atol=1e-4, err_msg=key)
    refused = tatami("resume", run, "--engine", "cpu", "--device", "cuda", "--epochs", 5)
    assert refused.code == 2
    assert "device" in refused.err
    assert json.loads((run / "events.jsonl").read_text().splitlines()[0])["engine"] == "textbook"
