"""A run by command on the torch engine, and what is done with it there and elsewhere."""

import json

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")

NET = "INPUT -> CONV(4, 5) -> BN -> RELU -> GAP -> FC"
TRAINING = ("train", NET, "sample:gunpoint", "--epochs", "2", "--batch", "25", "--run", "run")


def result(tatami, *words: str) -> dict:
    done = tatami(*words, "--format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_the_engines_train_one_run(tatami, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = result(tatami, *TRAINING[:-1], "own")
    found = result(tatami, *TRAINING, "--engine", "torch", "--device", "cpu")
    assert found["loss"] == pytest.approx(own["loss"], rel=1e-4)

    again = [
        result(tatami, "evaluate", "run", "sample:gunpoint", *place)
        for place in ((), ("--engine", "torch", "--device", "cpu"), ("--device", "cpu", "--dtype", "bf16"))
    ]
    assert again[0]["loss"] == pytest.approx(found["loss"], rel=1e-5)
    assert again[1]["loss"] == pytest.approx(found["loss"], rel=1e-5)
    assert again[2]["loss"] == pytest.approx(found["loss"], rel=0.05)

    gone_on = result(tatami, "resume", "run", "--epochs", "3", "--engine", "cpu")
    other = result(tatami, "resume", "own", "--epochs", "3", "--engine", "torch", "--device", "cpu")
    assert gone_on["loss"] == pytest.approx(other["loss"], rel=1e-4)


def test_predict_on_the_torch_engine(tatami, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result(tatami, *TRAINING)

    found, own = (
        result(tatami, "predict", "run", "sample:gunpoint", *place)
        for place in (("--engine", "torch", "--device", "cpu"), ())
    )

    assert [row["sample"] for row in found] == [row["sample"] for row in own]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--device", "gpu"), "unknown device; got gpu; expected cuda, cuda:1, mps or cpu"),
        (("--device", "cpu", "--dtype", "fp8"), "unknown dtype; got fp8; expected float32, float64, tf32, bf16"),
        (("--engine", "cpu", "--dtype", "bf16"), "the cpu engine does not compute in bf16; expected float32, float64"),
        (("--sync-bn",), "the cpu engine has no sync_bn; got True (hint: engine torch has)"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be(tatami, tmp_path, monkeypatch, words, text):
    monkeypatch.chdir(tmp_path)
    done = tatami(*TRAINING, *words)

    assert done.code == 2
    assert done.err.startswith(f"error: {text}")
    assert not (tmp_path / "run").exists()
