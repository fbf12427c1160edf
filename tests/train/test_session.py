"""A whole training on a tiny problem: the run directory, its exactness, and what is refused."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax

import tatami as package
from tatami.data import DataOptions, cache, load, stratified_split
from tatami.data.mapped_rows import MappedRows
from tatami.errors import DataError, NumericError, OptionError, RunError, TatamiError
from tatami.formats import load_weights, save_weights
from tatami.network import find_network
from tatami.train import Outcome, TrainConfig, evaluate_run, load_trained, loop, predict_files, recording, resume, train
from tatami.train import run as run_module
from tatami.train.events import Ended, EpochEnded, Event, Started, Stepped
from tatami.train.material import new_material
from tatami.train.run import Run
from tatami.train.steering import until

NET = "INPUT -> CONV(4) -> BN -> RELU -> POOL -> DROPOUT(0.1) -> FC"
FILES = {
    "network.net",
    "config.toml",
    "events.jsonl",
    "metrics.csv",
    "best.safetensors",
    "last.safetensors",
    "report.html",
    "split.json",
    "evaluation.json",
}


def run_training(data: Path | str, path: Path, net: str = NET, **settings: object) -> tuple[Outcome, list[Event]]:
    events: list[Event] = []
    config = replace(TrainConfig(str(data), epochs=4, batch=8, lr=0.01), **settings)
    return train(find_network(net), config, path, events.append), events


def test_the_run_directory_holds_everything(stripes: Path, tmp_path: Path) -> None:
    outcome, events = run_training(stripes, tmp_path / "run")
    assert {file.name for file in (tmp_path / "run").iterdir()} == FILES
    assert outcome.tested is not None
    assert outcome.tested.split == "test"
    assert outcome.tested.accuracy >= 0.95
    assert np.array(outcome.tested.confusion).sum() == outcome.tested.total == 20
    assert Run(tmp_path / "run").events() == events
    assert isinstance(events[0], Started)
    assert (events[0].training_samples, events[0].validation_samples, events[0].test_samples) == (48, 0, 20)
    assert [e.epoch for e in events if isinstance(e, EpochEnded)] == [1, 2, 3, 4]
    assert [e.step for e in events if isinstance(e, EpochEnded)] == [6, 12, 18, 24]
    assert next(e for e in reversed(events) if isinstance(e, Stepped)).step == events[0].steps == 24
    rows = list(csv.DictReader((tmp_path / "run" / "metrics.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert float(rows[0]["train_loss"]) == next(e for e in events if isinstance(e, EpochEnded)).train_loss
    assert outcome.report.read_text().startswith("<!doctype html>")


def test_the_same_seed_gives_the_same_run(stripes: Path, tmp_path: Path) -> None:
    def weights(name: str, seed: int) -> dict[str, np.ndarray]:
        run_training(stripes, tmp_path / name, seed=seed)
        return load_weights(tmp_path / name / "last.safetensors")[0]

    first, again, other = weights("a", 5), weights("b", 5), weights("c", 6)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["conv1.weight"], other["conv1.weight"])


def test_weights_carry_network_classes_and_preprocessing(stripes: Path, tmp_path: Path) -> None:
    run_training(stripes, tmp_path / "run")
    _, metadata = load_weights(tmp_path / "run" / "best.safetensors")
    assert json.loads(metadata["classes"]) == ["across", "down"]
    assert "# input: 8x8x1\n# classes: 2\n" in metadata["network"]
    moved = tmp_path / "moved.safetensors"
    (tmp_path / "run" / "best.safetensors").rename(moved)  # the weights file is enough
    trained = load_trained(moved)
    assert trained.network.input_shape == (8, 8, 1)
    assert evaluate_run(moved, str(stripes)).accuracy >= 0.95


def test_evaluate_gives_the_training_runs_own_result(stripes: Path, tmp_path: Path) -> None:
    outcome, _ = run_training(stripes, tmp_path / "run")
    assert outcome.tested is not None
    again = evaluate_run(tmp_path / "run", str(stripes))
    assert again.loss == pytest.approx(outcome.tested.loss, rel=1e-5)  # another batch size, another order of sums
    assert replace(again, loss=outcome.tested.loss) == outcome.tested


def test_predict_prepares_samples_as_training_did(stripes: Path, tmp_path: Path) -> None:
    outcome, _ = run_training(stripes, tmp_path / "run")
    with np.load(stripes) as arrays:
        x, y = arrays["x_test"], arrays["y_test"]
    np.savez(tmp_path / "new.npz", x=x)
    predictions = predict_files(tmp_path / "run", [tmp_path / "new.npz"], top=2)
    assert [p.sample for p in predictions[:2]] == [f"{tmp_path / 'new.npz'}[0]", f"{tmp_path / 'new.npz'}[1]"]
    right = sum(p.ranked[0][0] == ("across", "down")[label] for p, label in zip(predictions, y, strict=True))
    assert outcome.tested is not None
    assert right == outcome.tested.correct
    assert all(abs(sum(probability for _, probability in p.ranked) - 1) < 1e-5 for p in predictions)


@pytest.mark.parametrize("end", ["", " -> SOFTMAX"])
@pytest.mark.parametrize("loss", ["cross-entropy", "mse"])
def test_a_prediction_is_the_softmax_of_the_scores_taken_once(
    stripes: Path, tmp_path: Path, end: str, loss: str
) -> None:
    run_training(stripes, tmp_path / "run", net=f"{NET}{end}", loss=loss, epochs=1)
    with np.load(stripes) as arrays:
        x = arrays["x_test"]
    np.savez(tmp_path / "test.npz", x=x)
    predictions = predict_files(tmp_path / "run", [tmp_path / "test.npz"], top=2)
    found = np.array([[dict(p.ranked)[name] for name in ("across", "down")] for p in predictions])

    trained = load_trained(tmp_path / "run")
    output = trained.model.forward(trained.identity.preprocess(x[..., None]))
    if end:
        assert np.array_equal(found, output)
    else:
        assert np.allclose(found, softmax(output, axis=1), rtol=1e-5)
        assert not np.allclose(found, output, rtol=0.01)
    assert np.allclose(found.sum(axis=1), 1)


def test_the_best_epoch_takes_the_test_not_the_last(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The validation losses are made up, so that the second of four epochs is the best."""
    script, seen = iter([3.0, 1.0, 2.0, 1.5]), []

    def scripted(model, split, *rest):
        seen.append(model.state_dict())
        return replace(score(model, split, *rest), loss=next(script))

    score = loop.score
    monkeypatch.setattr(loop, "score", scripted)
    outcome, events = run_training(stripes, tmp_path / "run", validation=0.1)
    assert [e.is_best for e in events if isinstance(e, EpochEnded)] == [True, True, False, False]
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.best_epoch == 2

    weights = {name: load_weights(tmp_path / "run" / f"{name}.safetensors") for name in ("best", "last")}
    assert [weights[name][1]["epoch"] for name in weights] == ["2", "4"]
    for name, epoch in (("best", 2), ("last", 4)):
        assert all(np.array_equal(weights[name][0][key], tensor) for key, tensor in seen[epoch - 1].items())
    of_best, of_last = (evaluate_run(tmp_path / "run" / f"{name}.safetensors", str(stripes)) for name in weights)
    assert outcome.tested is not None
    assert outcome.tested.loss == pytest.approx(of_best.loss, rel=1e-5)
    assert outcome.tested.loss != pytest.approx(of_last.loss, rel=0.01)


def test_preprocessing_is_measured_on_the_training_rows_alone(stripes: Path, tmp_path: Path) -> None:
    run_training(stripes, tmp_path / "run", seed=3, validation=0.1)
    with np.load(stripes) as arrays:
        x, y = arrays["x_train"] / 255, arrays["y_train"]
    rows, held_out = stratified_split(y, 0.1, 3)
    preprocess = load_trained(tmp_path / "run").identity.preprocess
    assert preprocess.mean == pytest.approx([x[rows].mean()], rel=1e-9)
    assert preprocess.std == pytest.approx([x[rows].std()], rel=1e-9)
    assert len(held_out) == 5
    assert preprocess.mean != pytest.approx([x.mean()], rel=1e-6)  # the case can tell
    assert preprocess.std != pytest.approx([x.std()], rel=1e-6)


def test_without_test_data_the_held_out_part_is_reported(stripes: Path, tmp_path: Path) -> None:
    with np.load(stripes) as arrays:
        np.savez(tmp_path / "train-only.npz", x=arrays["x_train"], y=arrays["y_train"])
    outcome, _ = run_training(tmp_path / "train-only.npz", tmp_path / "run")
    assert outcome.tested is not None
    assert (outcome.tested.split, outcome.tested.total) == ("validation", 10)


def test_a_test_split_can_stay_unseen(stripes: Path, tmp_path: Path) -> None:
    outcome, events = run_training(stripes, tmp_path / "run", test=False)
    assert isinstance(events[0], Started)
    assert (events[0].training_samples, events[0].validation_samples, events[0].test_samples) == (38, 10, 0)
    assert outcome.tested is not None
    assert (outcome.tested.split, outcome.tested.total) == ("validation", 10)
    again = resume(tmp_path / "run", events.append, epochs=6)
    assert again.tested is not None
    assert (again.tested.split, again.tested.total) == ("validation", 10)


def test_a_training_ends_early_where_it_is_told_to_and_goes_on(stripes: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    config = TrainConfig(str(stripes), epochs=4, batch=8, lr=0.01)
    asked = iter([False] * 10 + [True])
    outcome = train(find_network(NET), config, tmp_path / "run", events.append, steer=until(lambda: next(asked)))
    assert outcome.interrupted
    assert isinstance(events[-1], Ended)
    assert events[-1].reason == "interrupted"
    resume(tmp_path / "run", events.append)
    train(find_network(NET), config, tmp_path / "whole", events.append)
    there, here = (load_weights(tmp_path / name / "last.safetensors")[0] for name in ("whole", "run"))
    assert all(np.array_equal(there[name], here[name]) for name in there)


def test_without_validation_the_latest_epoch_is_the_best(stripes: Path, tmp_path: Path) -> None:
    outcome, events = run_training(stripes, tmp_path / "run", validation=0.0)
    assert all(e.is_best and e.validation_loss is None for e in events if isinstance(e, EpochEnded))
    assert events[-1] == Ended("finished", 4, 4, events[-1].seconds)  # type: ignore[attr-defined]
    assert outcome.tested is not None
    assert outcome.tested.split == "test"


@pytest.mark.parametrize("loss", ["mse", "hinge"])
def test_other_losses_learn_too(stripes: Path, tmp_path: Path, loss: str) -> None:
    outcome, _ = run_training(stripes, tmp_path / "run", loss=loss, epochs=8)
    assert outcome.tested is not None
    assert outcome.tested.accuracy >= 0.9
    again = evaluate_run(tmp_path / "run", str(stripes))
    assert again.loss == pytest.approx(outcome.tested.loss, rel=1e-5)  # the weights know their loss


# --- what is refused, with nothing written ---


@pytest.mark.parametrize(
    ("net", "settings", "error", "message"),
    [
        ("INPUT(28x28) -> FC", {}, DataError, "expected 28x28 (hint: begin its text with INPUT(8x8x1)"),
        ("INPUT(8x8x3) -> CONV -> FC", {}, DataError, "got samples of 8x8x1; expected 8x8x3"),
        ("INPUT -> CONV -> FC(3)", {}, DataError, "got 3 outputs; expected 2"),
        ("INPUT -> CONV", {}, DataError, "the network does not end in one score a class"),
        ("INPUT -> FC -> CONV -> FC", {}, TatamiError, "line 1:16: CONV needs a map"),
        (NET, {"optimizer": "adagrad"}, OptionError, "adagrad"),
        (NET, {"engine": "quantum"}, OptionError, "unknown engine; got quantum"),
        (NET, {"data": "absent.npz"}, DataError, "absent.npz"),
        (NET, {"data": "sample:digitz"}, DataError, "did you mean sample:digits?"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    stripes: Path, tmp_path: Path, net: str, settings: dict[str, object], error: type[TatamiError], message: str
) -> None:
    with pytest.raises(error) as caught:
        run_training(settings.pop("data", stripes), tmp_path / "run", net=net, **settings)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_run_is_never_written_over(stripes: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious.txt").write_text("mine")
    with pytest.raises(RunError, match="the run's place is taken"):
        run_training(stripes, tmp_path / "run")
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["precious.txt"]


# --- what happens on the way ---


def test_a_loss_that_is_no_number_keeps_the_last_good_weights(stripes: Path, tmp_path: Path) -> None:
    with pytest.raises(NumericError) as caught:
        run_training(stripes, tmp_path / "run", net="INPUT -> CONV(4) -> RELU -> FC", optimizer="sgd", lr=1e30)
    assert "the loss is no number any more" in str(caught.value)
    ended = next(e for e in Run(tmp_path / "run").events() if isinstance(e, Ended))
    assert ended.reason == "failed"
    assert (tmp_path / "run" / "report.html").exists()


def test_an_interrupt_saves_everything(stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop after the third epoch's event; the run holds three epochs, weights that evaluate, and a report."""
    events: list[Event] = []
    state = {"stop": False}

    class Stop:
        def __enter__(self):
            return lambda: state["stop"]

        def __exit__(self, *error):
            return None

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, EpochEnded) and event.epoch == 3:
            state["stop"] = True

    monkeypatch.setattr(recording, "stop_on_interrupt", lambda ranks: Stop())
    config = TrainConfig(str(stripes), epochs=50, batch=8, lr=0.01)
    outcome = train(find_network(NET), config, tmp_path / "run", listen)
    assert outcome.interrupted
    assert outcome.tested is not None
    ended = next(e for e in events if isinstance(e, Ended))
    assert (ended.reason, ended.epochs) == ("interrupted", 3)
    assert {file.name for file in (tmp_path / "run").iterdir()} == FILES
    last = load_weights(tmp_path / "run" / "last.safetensors")[0]
    assert int(last["steps"]) == 3 * 6 + 1  # the step in hand was finished


def test_ctrl_c_ends_the_command_with_everything_saved(stripes: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    options = ["--epochs", "1000", "--batch", "8", "--lr", "0.01", "--run", str(path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tatami", "train", NET, str(stripes), *options],
        env={**os.environ, "PYTHONPATH": str(Path(package.__file__).parent.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if re.match(r"epoch +\d+/1000  loss", line))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert out.startswith("interrupted; everything so far is saved\n")

    assert {file.name for file in path.iterdir()} == FILES
    events = Run(path).events()
    ended = events[-1]
    assert isinstance(ended, Ended)
    assert ended.reason == "interrupted"
    told = [event.epoch for event in events if isinstance(event, EpochEnded)]
    assert told == list(range(1, ended.epochs + 1))
    assert int(line.split("/")[0].split()[1]) <= ended.epochs < 1000
    assert len((path / "metrics.csv").read_text().splitlines()) == 1 + ended.epochs
    again = evaluate_run(path, str(stripes))
    assert out.splitlines()[-1] == f"test accuracy {again.accuracy:.4f} ({again.correct} of 20)"


def test_gunpoint_and_digits_have_the_published_sizes() -> None:
    digits, gunpoint = load("sample:digits"), load("sample:gunpoint")
    assert digits.train.x.shape == (5000, 28, 28, 1)
    assert gunpoint.train.x.shape == (50, 150, 1)
    assert gunpoint.test is not None
    assert gunpoint.test.x.shape == (150, 150, 1)


# --- weights files that were damaged, or that someone made up ---

WEIGHTS = {
    "fc1.weight": np.zeros((4, 6), np.float32),
    "fc1.bias": np.zeros(6, np.float32),
    "fc2.weight": np.zeros((6, 2), np.float32),
    "fc2.bias": np.zeros(2, np.float32),
}
METADATA = {
    "network": "INPUT(2x2x1) -> FC(6) -> FC(2)",
    "classes": '["a", "b"]',
    "preprocess": '{"kind": "image", "shape": [2, 2, 1], "scale": 1.0, "mean": [0.0], "std": [1.0]}',
}
DEEP = "[" * 100_000
OTHER = METADATA["preprocess"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"classes": None}, "these weights do not say what they belong to; got no classes"),
        ({"classes": '["a"]'}, "the classes do not fit the network; got 1 classes; expected 2"),
        ({"classes": '["a", "b", "c"]'}, "the classes do not fit the network; got 3 classes; expected 2"),
        ({"classes": '"ab"'}, "the metadata of these weights is damaged; got the classes are no list"),
        ({"classes": '["a", '}, "the metadata of these weights is damaged"),
        ({"classes": DEEP}, "the metadata of these weights is damaged"),
        ({"preprocess": DEEP}, "the metadata of these weights is damaged"),
        ({"preprocess": "7"}, "the metadata of these weights is damaged"),
        ({"preprocess": "[]"}, "preprocessing with other fields; got none"),
        ({"preprocess": OTHER.replace("[1.0]", "[0.0]")}, "preprocessing with a bad std"),
        ({"preprocess": OTHER.replace("[2, 2, 1]", "[3, 2, 1]")}, "got samples of 3x2x1; expected 2x2x1"),
        ({"network": "INPUT(2x2x1) -> FC(30000) -> FC(30000) -> FC(2)"}, "fc1.weight: a tensor of the weights has an"),
        ({"network": "INPUT(2x2x1) -> FC(6) -> FC(2) -> FC(2)"}, "fc3.weight: a tensor is missing from the weights"),
        ({"network": "INPUT(2x2x1) -> FC(6"}, 'the network of these weights cannot be built; got line 1:21: "("'),
        ({"network": "INPUT -> FC(6) -> FC"}, "the network of these weights cannot be built; got line 1:1: INPUT has"),
        ({"network": "INPUT(2x2x1) -> [FC(6)]*N -> FC(2)"}, "the network of these weights cannot be built"),
        ({"network": DEEP}, "the network of these weights cannot be built"),
    ],
)
def test_damaged_weights_are_one_line_and_take_no_memory(
    tatami, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: dict[str, str | None], words: str
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        pytest.fail("the model was made")

    monkeypatch.setattr(run_module, "compile", refuse)
    path = tmp_path / "weights.safetensors"
    save_weights(path, WEIGHTS, {key: value for key, value in {**METADATA, **damage}.items() if value is not None})
    result = tatami("predict", path, tmp_path / "new.npz")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {path}")
    assert words in result.err
    assert len(result.err.splitlines()) == 1
    assert len(result.err) < 1000


def test_the_weights_that_were_damaged_work_when_whole(tatami, tmp_path: Path) -> None:
    save_weights(tmp_path / "weights.safetensors", WEIGHTS, METADATA)
    np.savez(tmp_path / "new.npz", x=np.zeros((1, 2, 2, 1), np.float32))
    result = tatami("predict", tmp_path / "weights.safetensors", tmp_path / "new.npz")
    assert result.out == f"{tmp_path / 'new.npz'}[0]: a 0.5000, b 0.5000\n"


def test_a_run_on_unequal_series_predicts_series_of_other_lengths(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ragged = [f"{row % 2}\t" + "\t".join(map(str, rng.normal(size=5 + row % 3))) for row in range(12)]
    (tmp_path / "r.tsv").write_text("\n".join(ragged) + "\n")
    config = TrainConfig(data=str(tmp_path / "r.tsv"), epochs=1, reading=DataOptions(length="longest"))
    run = train(find_network("INPUT -> CONV(2) -> FC"), config, tmp_path / "run", lambda _: None).run
    nine = [",".join(map(str, row)) for row in rng.normal(size=(3, 9))]  # steps, in place of seven
    (tmp_path / "new.csv").write_text("\n".join(nine) + "\n")
    assert len(predict_files(run.path, [tmp_path / "new.csv"])) == 3


def test_data_in_a_file_stay_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run on a memory map, part of it held out, is the run on the same samples in memory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for row in range(24):
        path = tmp_path / "pets" / ("cat", "dog")[row % 2] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).save(path)
    config = TrainConfig(data=str(tmp_path / "pets"), epochs=2, batch=5)
    source = find_network("INPUT -> CONV(2) -> FC")
    inside = train(source, config, tmp_path / "inside", lambda _: None)
    monkeypatch.setattr(cache, "memory", lambda: 1000)
    material, _ = new_material(source, config)
    assert isinstance(material.training.x, MappedRows)
    assert material.training.x.shape == (19, 6, 6, 3)
    mapped = train(source, config, tmp_path / "mapped", lambda _: None)
    assert mapped.tested == inside.tested
    for name in ("best.safetensors", "last.safetensors"):
        first, second = (load_weights(tmp_path / run / name)[0] for run in ("inside", "mapped"))
        assert first.keys() == second.keys()
        for key in first:
            np.testing.assert_array_equal(first[key], second[key])
