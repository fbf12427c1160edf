import json

import pytest


def test_largest_batch_as_json(tatami) -> None:
    plan = json.loads(tatami("plan", "resnet50", "--memory", "24GB", "--optimizer", "momentum", "--format", "json").out)
    answer = plan["largest_batch"]
    assert plan["max_batch"] == answer["max_batch"] > 100
    assert answer["limit_bytes"] == 24 * 10**9
    assert answer["peak_bytes"] + answer["reserve_bytes"] <= answer["limit_bytes"]
    assert answer["bf16"] > answer["max_batch"]
    assert answer["checkpointing"]["max_batch"] > answer["max_batch"]
    assert plan["memory"]["engine"] == "torch"


def test_without_a_memory_there_is_no_largest_batch(tatami) -> None:
    plan = json.loads(tatami("plan", "lenet5", "--format", "json").out)
    assert plan["max_batch"] is None
    assert plan["memory"]["engine"] == "cpu"
    assert {"weights", "gradients", "optimizer", "activations", "workspace", "peak_bytes"} <= set(plan["memory"])


def test_in_words(tatami) -> None:
    out = tatami("plan", "resnet50", "--gpu", "RTX 4090").out
    assert "for training in" in out
    assert "what binds     backward of" in out
    assert "parts run twice" in out
    assert "600.0 MiB for the GPU's context" in out
    assert "0: one sample takes" in tatami("plan", "vgg16", "--memory", "1GB").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--memory", "24"], "memory without a unit"),
        (["--memory", "24GB", "--gpu", "4090"], "two answers to one question"),
        (["--gpu", "RTX 9999"], "RTX 9999"),
        (["--dtype", "bf16"], "the CPU engine computes in float32"),
        (["--memory", "8GB", "--format", "csv"], "--format csv has no place for --memory"),
        (["--time", "--explain", "conv1"], "--explain has no place for --time"),
        (["--engine", "tpu"], "no memory is known for this engine"),
    ],
)
def test_bad_options(tatami, arguments: list[str], message: str) -> None:
    result = tatami("plan", "lenet5", *arguments)
    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1
