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
        (["--memory-lines"], "--memory-lines are those of a GPU; got engine cpu; expected --engine torch"),
        (["--engine", "torch-cpu", "--memory-lines"], "--memory-lines are those of a GPU; got engine torch-cpu"),
        (["--engine", "torch", "--memory-lines", "--format", "csv"], "--format csv has no place for --memory-lines"),
        (["--engine", "torch", "--memory-lines", "--format", "html"], "--format html has no place for --memory-lines"),
    ],
)
def test_bad_options(tatami, arguments: list[str], message: str) -> None:
    result = tatami("plan", "lenet5", *arguments)
    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1


def test_memory_lines_add_up(tatami) -> None:
    arguments = ["resnet50", "--engine", "torch", "--gpu", "RTX 4090", "--batch", "16", "--optimizer", "adam"]
    plan = json.loads(tatami("plan", *arguments, "--memory-lines", "--format", "json").out)
    found = plan["memory_lines"]
    terms = {line["name"]: line["bytes"] for line in found["lines"]}
    assert sum(terms.values()) + found["rounding_bytes"] == found["allocated_peak_bytes"]
    assert found["allocated_peak_bytes"] + found["unused_bytes"] == found["reserved_peak_bytes"]
    total = found["reserved_peak_bytes"] + found["context_bytes"] + found["margin_bytes"]
    assert total == found["total_bytes"] < found["limit_bytes"]
    assert found["fits"]
    assert terms["weights"] == 4 * 25_557_032
    assert terms["running statistics"] == 2 * 4 * 53_120  # and what a failed step gives back
    assert terms["optimizer"] == 2 * terms["weights"] + 4 * 161  # a count for each tensor
    assert {"saved by BN", "saved by CONV and RELU", "gradients of activations", "cuBLAS workspace"} <= set(terms)
    # Of the plan's own peak the allocator differs by its rounding and cuBLAS alone.
    apart = found["rounding_bytes"] + terms["cuBLAS workspace"]
    assert found["allocated_peak_bytes"] - apart == pytest.approx(plan["memory"]["peak_bytes"], rel=0.001)


def test_memory_lines_in_words(tatami) -> None:
    out = tatami("plan", "lenet5", "--engine", "torch", "--dtype", "bf16", "--memory-lines").out
    assert "memory of training, batch 1, bf16, at backward of conv3" in out
    assert "narrow copies of weights" in out
    assert "= reserved peak" in out
    assert "margin" not in out  # there is no card to leave it on
    out = tatami("plan", "vgg16", "--memory", "2GB", "--batch", "64", "--memory-lines").out
    assert "it does not fit" in out
