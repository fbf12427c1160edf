"""What every engine's model must do, tried on each."""

import re

import numpy as np
import pytest

from tatami.engines import compile
from tatami.errors import DataError, NumericError, OptionError, RunError
from tatami.network import find_network
from tatami.recipe import SGD, Adam, CrossEntropy, Hinge, MeanSquaredError

EVERYTHING = "INPUT(6x6x1) -> CONV(2) -> BN -> RELU -> POOL -> DROPOUT(0.3) -> FC(4) -> RELU -> FC(3)"
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((8, 6, 6, 1)), RNG.integers(3, size=8)


def make(engine, text=EVERYTHING, **options):
    return compile(find_network(text).build(), engine, **{"batch": 8, "dtype": "float64", **options})


def message(error) -> str:
    return str(error.value)


# --- making one ---


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"engine": "txtbook"},
            "unknown engine; got txtbook; expected cpu, textbook, torch (hint: did you mean textbook?)",
        ),
        ({"engine": "base"}, "unknown engine; got base"),
        ({"dtype": "float16"}, "unknown dtype; got float16; expected float32, float64, tf32, bf16 (hint: did you mean"),
        ({"dtype": "bf16"}, "the cpu engine does not compute in bf16; expected float32, float64 (hint: engine torch"),
        ({"device": "cuda"}, "the cpu engine has no device; got cuda (hint: engine torch has)"),
        ({"engine": "textbook", "sync_bn": True}, "the textbook engine has no sync_bn; got True (hint: engine torch"),
        ({"capture": "grahps"}, "unknown capture; got grahps; expected none, compile, graphs (hint: did you mean gra"),
        ({"checkpoint": 1}, "impossible checkpoint; got 1; expected True or False"),
        ({"init": "her"}, "unknown init; got her; expected he, xavier (hint: did you mean he?)"),
        ({"batch": 0}, "impossible batch; got 0; expected a whole number of at least 1"),
        ({"batch": 2.5}, "impossible batch; got 2.5; expected a whole number of at least 1"),
        ({"seed": -1}, "impossible seed; got -1; expected a whole number of at least 0"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bad_options(options, text):
    with pytest.raises(OptionError) as error:
        compile(find_network("INPUT(4) -> FC(2)").build(), **options)

    assert message(error).startswith(text)


def test_an_engine_that_is_not_installed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(OptionError) as error:
        compile(find_network("INPUT(4) -> FC(2)").build(), "torch")

    assert message(error) == ("engine torch needs PyTorch, which is not installed (hint: pip install 'tatami[torch]')")


def test_the_seed_fixes_the_weights(engine):
    first, again, other = (make(engine, seed=seed).state_dict() for seed in (1, 1, 2))

    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["conv1.weight"], other["conv1.weight"])


# --- training ---


def test_a_step_is_minus_the_learning_rate_times_the_gradient(engine):
    model = make(engine, optimizer=SGD(lr=0.5))
    before, running = model.state_dict(), {"bn1.running_mean", "bn1.running_var"}
    loss, gradients = model.gradients(X, Y)
    assert all(np.array_equal(before[name], value) for name, value in model.state_dict().items())

    assert model.step(X, Y, lr=0.25) == loss

    after = model.state_dict()
    assert set(gradients) == set(after) - running
    for name, gradient in gradients.items():
        np.testing.assert_allclose(after[name], before[name] - 0.25 * gradient, rtol=1e-12, atol=1e-12)
    assert all(not np.array_equal(before[name], after[name]) for name in running)


def test_training_brings_the_loss_down_and_inference_ignores_the_batch(engine):
    model = make(engine, EVERYTHING.replace("DROPOUT(0.3)", "ID"), optimizer=Adam(lr=0.02))
    losses = [model.step(X, Y) for _ in range(60)]

    assert losses[-1] < 0.2 * losses[0]
    assert (model.forward(X).argmax(axis=1) == Y).all()
    np.testing.assert_allclose(model.forward(X)[:1], model.forward(X[:1]), rtol=1e-10)


def test_more_samples_than_a_batch_are_taken_in_parts(engine):
    small, large = make(engine, batch=3), make(engine, batch=8)

    assert small.forward(X).shape == (8, 3)
    np.testing.assert_allclose(small.forward(X), large.forward(X), rtol=1e-10)
    assert small.score(X, Y)[0] == pytest.approx(large.score(X, Y)[0])


def test_score_is_the_loss_of_the_output(engine):
    loss, scores = make(engine).score(X, Y)

    assert np.array_equal(scores, make(engine).forward(X))
    assert loss == pytest.approx(np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(8), Y]))


def test_cross_entropy_contains_the_last_softmax(engine):
    plain = make(engine, "INPUT(6x6x1) -> FC(3)", loss=CrossEntropy())
    ended = make(engine, "INPUT(6x6x1) -> FC(3) -> SOFTMAX", loss=CrossEntropy())

    probabilities = np.exp(plain.forward(X)) / np.exp(plain.forward(X)).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ended.forward(X), probabilities)
    np.testing.assert_allclose(ended.score(X, Y)[1], probabilities)
    assert ended.score(X, Y)[0] == pytest.approx(plain.score(X, Y)[0])
    assert ended.step(X, Y) == pytest.approx(plain.step(X, Y))
    assert ended.score(X, Y)[0] == pytest.approx(plain.score(X, Y)[0])


def test_other_losses_take_the_softmax_as_it_stands(engine):
    model = make(engine, "INPUT(6x6x1) -> FC(3) -> SOFTMAX", loss=MeanSquaredError())

    loss, probabilities = model.score(X, Y)

    assert loss == pytest.approx(np.mean((probabilities - np.eye(3)[Y]) ** 2))
    assert model.step(X, Y) == pytest.approx(loss)


def test_targets_of_the_squared_error_and_a_hinge(engine):
    targets = np.linspace(-1, 1, 24).reshape(8, 3)
    model = make(engine, "INPUT(6x6x1) -> FC(3)", loss=MeanSquaredError())
    assert model.score(X, targets)[0] == pytest.approx(np.mean((model.forward(X) - targets) ** 2))

    model = make(engine, "INPUT(6x6x1) -> FC(3)", loss=Hinge())
    losses = [model.step(X, Y) for _ in range(30)]
    assert losses[-1] < losses[0]


def test_a_network_may_end_in_maps(engine):
    model = make(engine, "INPUT(6x6x1) -> CONV(3)", optimizer=SGD(lr=0.1))
    labels = (X[..., 0] > 0).astype(int)

    losses = [model.step(X, labels) for _ in range(30)]

    assert model.forward(X).shape == (8, 6, 6, 3)
    assert losses[-1] < 0.5 * losses[0]


def test_a_layer_that_leads_nowhere_gets_no_gradient(engine):
    from dataclasses import replace

    network = find_network("INPUT(4) -> FC(4) -> FC(2)").build()
    network = replace(network, nodes=(*network.nodes[:2], replace(network.nodes[2], inputs=("input",))))

    _, gradients = compile(network, engine, dtype="float64").gradients(RNG.standard_normal((2, 4)), np.array([0, 1]))

    assert not gradients["fc1.weight"].any()
    assert gradients["fc2.weight"].any()


def test_whole_numbers_are_fine_samples_and_the_result_has_the_models_dtype(engine):
    model = make(engine, dtype="float32")

    assert model.forward(np.ones((2, 6, 6, 1), np.uint8)).dtype == np.float32
    assert all(value.dtype == np.float32 for value in model.state_dict().values())
    model.step(X, Y)
    assert all(value.dtype == np.float32 for value in model.state_dict().values())


# --- state ---


def test_a_run_that_is_taken_up_again_goes_on_exactly_as_it_would_have(engine):
    straight = make(engine, optimizer=Adam(lr=0.01), seed=5)
    for _ in range(3):
        straight.step(X, Y)
    resumed = make(engine, optimizer=Adam(lr=0.01), seed=5)
    resumed.load_state_dict(straight.state_dict())
    resumed.load_training_state(straight.training_state())

    for _ in range(3):
        assert resumed.step(X, Y) == straight.step(X, Y)
    for name, value in straight.state_dict().items():
        assert np.array_equal(resumed.state_dict()[name], value)
    for name, value in straight.training_state().items():
        assert np.array_equal(resumed.training_state()[name], value)


def test_names_of_the_training_state(engine):
    model = make(engine, "INPUT(4) -> FC(2)", optimizer=Adam())

    state = model.training_state()

    assert set(state) == {
        "steps",
        *(f"optimizer.fc1.{name}.{slot}" for name in ("weight", "bias") for slot in ("mean", "variance")),
    }
    assert state["steps"].shape == ()
    assert state["steps"].dtype == np.int64


def test_states_are_copies(engine):
    model = make(engine, optimizer=Adam())
    model.step(X, Y)
    for state in (model.state_dict(), model.training_state()):
        for value in state.values():
            value[...] = 77

    assert not any((value == 77).any() for value in (*model.state_dict().values(), *model.training_state().values()))


def test_the_weights_of_another_network_are_refused_and_nothing_is_changed(engine):
    model = make(engine)
    good = model.state_dict()
    wrong = {
        "fc1.weight: a tensor is missing from the weights; expected shape (18, 4)": {
            name: value + 1 for name, value in good.items() if name != "fc1.weight"
        },
        "conv1.weight: a tensor of the weights has another shape; got (2,); expected (3, 3, 1, 2)": good
        | {"conv1.weight": np.ones(2)},
        "fc9.bias: the weights hold an unknown tensor (hint: it comes from another network)": good
        | {"fc9.bias": np.ones(2)},
    }

    for text, state in wrong.items():
        with pytest.raises(RunError, match=re.escape(text)):
            model.load_state_dict(state)
    assert all(np.array_equal(good[name], value) for name, value in model.state_dict().items())
    with pytest.raises(RunError, match="steps: a tensor is missing from the optimizer's state"):
        model.load_training_state({})


def test_memory_is_what_the_arrays_take(engine):
    model = make(engine, "INPUT(8x8x1) -> CONV(4) -> BN -> RELU -> FC(3)", optimizer=Adam(), dtype="float32")
    params = 9 * 4 + 2 * 4 + 256 * 3 + 3
    activations = 8 * 64 * 4

    memory = model.memory()

    assert memory["weights"] == 4 * (params + 2 * 4)
    assert memory["gradients"] == 4 * params
    assert memory["optimizer"] == 2 * 4 * params
    assert memory["activations"] >= 4 * activations
    assert memory["peak_bytes"] > memory["weights"] + memory["optimizer"] + memory["activations"]
    assert all(isinstance(value, int) for value in memory.values())


# --- bad input ---


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (X[0], "x: the samples do not have the shape of INPUT; got (6, 6, 1); expected (n, 6, 6, 1), the batch first"),
        (X[0], "(hint: one sample is a batch of 1: x[None])"),
        (X[..., 0], "got (8, 6, 6); expected (n, 6, 6, 1), the batch first (hint: x[..., None] adds the depth)"),
        (np.moveaxis(X, -1, 1), "(hint: tatami keeps channels last: np.moveaxis(x, 1, -1))"),
        (np.ones((2, 5, 5, 3)), "(hint: the network begins with INPUT(6x6x1))"),
        (X[:0], "x: no samples; got (0, 6, 6, 1); expected at least 1"),
        (X.astype(str), "x: samples are numbers; got dtype <U32; expected float or integer"),
    ],
)
def test_samples_that_do_not_fit(engine, x, text):
    model = make(engine)

    for call in (model.forward, lambda x: model.step(x, Y), lambda x: model.score(x, Y)):
        with pytest.raises(DataError) as error:
            call(x)
        assert text in message(error)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (Y[:5], "y: the labels do not fit the samples; got (5,); expected labels (8,)"),
        (np.eye(3)[Y], "got (8, 3); expected labels (8,) (hint: labels are class numbers: y.argmax(axis=-1) turns"),
        (Y.astype(float), "y: labels are whole numbers; got dtype float64; expected integers (hint: y.astype(int))"),
        (Y + 1, "y: a label is not among the classes; got 3; expected 0 to 2, as the network has 3 outputs"),
        (Y - 1, "y: a label is not among the classes; got -1; expected 0 to 2"),
    ],
)
def test_labels_that_do_not_fit(engine, y, text):
    model = make(engine)

    for call in (model.step, model.score, model.gradients):
        with pytest.raises(DataError) as error:
            call(X, y)
        assert text in message(error)


def test_targets_that_do_not_fit_the_squared_error(engine):
    with pytest.raises(DataError) as error:
        make(engine, loss=MeanSquaredError()).step(X, np.ones((8, 2)))

    assert "expected labels (8,), or targets (8, 3)" in message(error)


def test_a_loss_that_is_no_number_names_step_and_layer_and_changes_nothing(engine):
    model = make(engine)
    model.step(X, Y)
    broken = model.state_dict()
    broken["fc1.weight"][0, 0] = np.inf
    model.load_state_dict(broken)

    with pytest.raises(NumericError) as error:
        model.step(X, Y)

    assert message(error) == (
        "step 2: the loss is no number any more; got nan; NaN or infinity first in fc1"
        " (hint: a smaller learning rate, or BN after each CONV)"
    )
    assert all(np.array_equal(broken[name], value) for name, value in model.state_dict().items())
    assert model.training_state()["steps"] == 1


def test_nan_in_the_samples_is_said_to_be_there(engine):
    x = X.copy()
    x[3, 2, 2, 0] = np.nan

    with pytest.raises(DataError, match="x: the samples hold NaN or infinity"):
        make(engine).step(x, Y)


def test_a_step_that_is_too_large_ends_in_one_clear_error(engine):
    model = make(engine, "INPUT(6x6x1) -> FC(3)", dtype="float32", loss=MeanSquaredError(), optimizer=SGD(lr=1e30))

    def train():
        for _ in range(5):
            model.step(X, Y)

    with pytest.raises(NumericError, match=r"^step \d: the loss is no number any more"):
        train()
    model.score(X, Y)  # of any value, but without a warning


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": "INPUT(8x8x1) -> FC(2)"}, "this is no network; got 'INPUT"),
        ({"optimizer": "sgd"}, "this is no optimizer; got 'sgd'"),
        ({"loss": "mse"}, "this is no loss; got 'mse'"),
    ],
)
def test_texts_in_place_of_objects(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        compile(**{"network": find_network("memo").build(), **arguments})
    assert str(caught.value).startswith(message)


def test_a_model_says_what_it_is(engine):
    assert repr(make(engine, "INPUT(6x6x1) -> CONV(2) -> BN -> FC(3)")) == (
        f"<{engine} model: 6x6x1 -> 3, 3 layers, 241 parameters, batch 8>"
    )
