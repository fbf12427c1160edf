"""What the CPU engine promises beyond right results: foretold memory, no allocation, repeatability, threads, errors."""

import copy
import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from tatami.engines.cpu.model import CpuModel
from tatami.errors import NumericError, OptionError
from tatami.network import find_network
from tatami.plan import make_plan
from tatami.plan.cost import layer_costs
from tatami.plan.measured import with_methods
from tatami.plan.memory import StepSettings
from tatami.plan.memory import memory as plan_memory
from tatami.plan.methods import METHODS, Methods, signature
from tatami.plan.workspace import Sizes
from tatami.recipe import SGD, Adam, CrossEntropy, MeanSquaredError

SMALL = "INPUT(12x12x3) -> CONV(20) -> BN -> RELU -> POOL -> RES[CONV(20) -> BN] -> RELU -> DROPOUT(0.3) -> FC(7)"
BATCH = 16
RNG = np.random.default_rng(0)
X = RNG.standard_normal((BATCH, 12, 12, 3)).astype(np.float32)
Y = RNG.integers(7, size=BATCH)


def make(text: str = SMALL, *, batch: int = BATCH, plain: bool = False, **options) -> CpuModel:
    defaults = {"optimizer": SGD(lr=0.05, momentum=0.9), "loss": CrossEntropy(), "seed": 0, "init": "he"}
    network = find_network(text).build()
    return CpuModel(network, batch=batch, dtype=np.dtype("f4"), plain=plain, **{**defaults, **options})


# --- memory ---


@pytest.mark.parametrize(
    ("net", "batch"), [("lenet5", 32), ("resnet20", 4), ("mobilenet_v2", 1), ("googlenet", 1), ("fcn", 8), (SMALL, 200)]
)
def test_the_plan_foretells_what_is_taken_to_the_byte(net, batch):
    network = find_network(net).build()
    model = CpuModel(
        network, batch=batch, optimizer=Adam(), loss=CrossEntropy(), seed=0, dtype=np.dtype("f4"), init="he"
    )
    foretold = make_plan(network, batch, Adam()).memory

    taken = model.memory()

    keys = ("input", "weights", "gradients", "optimizer", "activations", "workspace", "peak_bytes")
    assert {key: taken[key] for key in keys} == {key: getattr(foretold, key) for key in keys}
    inside = taken["input"] + taken["activations"] + taken["workspace"]
    assert inside == model.arena_bytes
    assert taken["peak_bytes"] == inside + taken["weights"] + taken["gradients"] + taken["optimizer"]


@pytest.mark.parametrize(
    ("net", "loss"),
    [
        ("INPUT(8x8x1) -> CONV(4) -> FC(3) -> SOFTMAX", CrossEntropy()),
        ("INPUT(20x20x4) -> FC(300)", MeanSquaredError()),
        ("INPUT(20x20x4) -> FC(300)", CrossEntropy(targets=True)),
        ("INPUT(8x8x1) -> CONV(4) -> FC(3) -> SOFTMAX", CrossEntropy(targets=True)),
        ("INPUT(8x8x1) -> CONV(4) -> FC(1)", CrossEntropy(targets=True)),
    ],
)
@pytest.mark.parametrize("batch", [8, 300])
def test_so_it_is_with_a_softmax_in_the_loss_and_with_targets(net, loss, batch):
    network = find_network(net).build()
    options = {"optimizer": SGD(), "loss": loss, "seed": 0, "dtype": np.dtype("f4"), "init": "he"}

    taken = CpuModel(network, batch=batch, **options).memory()

    foretold = make_plan(network, batch, SGD(), loss=loss).memory
    assert (taken["peak_bytes"], taken["workspace"]) == (foretold.peak_bytes, foretold.workspace)


def test_a_step_allocates_no_array():
    model = make()
    for _ in range(3):
        model.step(X, Y)
    tracemalloc.start()
    try:
        model.step(X, Y)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        model.step(X, Y)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 4096 < X.nbytes
    assert abs(after - before) < 1024


def test_500_steps_do_not_grow_the_process():
    program = """
import sys
sys.path.insert(0, "tests")
import numpy as np
from engines.test_cpu_model import X, Y, make
def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
model = make()
for _ in range(50):
    model.step(X, Y)
before = resident()
for _ in range(500):
    model.step(X, Y)
print((resident() - before) / before)
"""
    if not sys.platform.startswith("linux"):
        pytest.skip("resident memory is read from /proc")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.01


# --- repeatability and threads ---


def test_runs_are_equal_bit_for_bit():
    first, second = make(), make()
    for _ in range(5):
        assert first.step(X, Y) == second.step(X, Y)
    for name, value in first.state_dict().items():
        assert np.array_equal(value, second.state_dict()[name]), name
    assert np.array_equal(first.forward(X), second.forward(X))


def test_several_python_threads_at_once():
    alone = [make(seed=seed) for seed in range(4)]
    expected = [[model.step(X, Y) for _ in range(10)] for model in alone]
    models = [make(seed=seed) for seed in range(4)]
    found: list[list[float]] = [[] for _ in models]

    def work(i: int) -> None:
        for _ in range(10):
            found[i].append(models[i].step(X, Y))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert found == expected


def test_one_model_called_by_several_threads_answers_each():
    model = make()
    expected = [model.forward(X[i : i + 4]) for i in range(0, BATCH, 4)]
    found: dict[int, np.ndarray] = {}

    def work(i: int) -> None:
        for _ in range(20):
            found[i] = model.forward(X[4 * i : 4 * i + 4])

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    for i, scores in enumerate(expected):
        assert np.array_equal(found[i], scores)


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_the_number_of_threads_changes_nothing_but_rounding(monkeypatch, threads):
    expected = [make().step(X, Y)]
    monkeypatch.setenv("TATAMI_NUM_THREADS", threads)
    model = make()

    assert model.threads == int(threads)
    assert [model.step(X, Y)] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("value", ["0", "two", "-1", "1.5"])
def test_an_impossible_number_of_threads(monkeypatch, value):
    monkeypatch.setenv("TATAMI_NUM_THREADS", value)

    with pytest.raises(OptionError) as error:
        make()

    assert str(error.value) == f"TATAMI_NUM_THREADS: impossible number of threads; got {value}; expected 1 to 1024"


def test_an_interrupt_between_the_workers_leaves_a_pool_that_works(monkeypatch):
    from tatami.engines.cpu import threads

    monkeypatch.setenv("TATAMI_NUM_THREADS", "3")
    expected = make().step(X, Y)
    model, pool = make(), threads.POOL
    model.gradients(X, Y)  # the programs are made
    right = pool._worker

    def interrupted(part):
        if part == 2:  # worker 1 has its job, and waits for the others
            raise KeyboardInterrupt
        return right(part)

    with monkeypatch.context() as patch:
        patch.setattr(pool, "_worker", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.gradients(X, Y)

    assert model.step(X, Y) == expected


def test_a_forked_child_does_not_wait_for_a_thread_that_it_has_not():
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork")
    model = make(plain=True)
    model._turn.acquire()
    try:
        child = os.fork()
        if child == 0:
            os._exit(0 if _is_free(model._turn) else 1)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        model._turn.release()


def _is_free(lock) -> bool:
    """Whether another thread could take it."""
    found: list[bool] = []
    other = threading.Thread(target=lambda: found.append(lock.acquire(timeout=1)))
    other.start()
    other.join()
    return found == [True]


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "pickle"]
)
@pytest.mark.parametrize("plain", [True, False])
def test_a_copy_goes_on_as_the_model_would(again, plain):
    model = make(plain=plain, optimizer=Adam(lr=0.01), seed=4)
    model.step(X, Y)

    other = again(model)

    assert other.step(X, Y) == model.step(X, Y)
    assert np.array_equal(other.forward(X), model.forward(X))


def test_damaged_machine_code_is_made_again(tmp_path):
    program = """
import sys
sys.path.insert(0, "tests")
from engines.test_cpu_model import X, Y, make
print(make("INPUT(12x12x3) -> FC(7)").step(X, Y))
"""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}

    def run() -> str:
        command = [sys.executable, "-c", program]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    first = run()
    kept = list(tmp_path.rglob("*.nbc"))
    for path in kept:
        path.write_bytes(path.read_bytes()[:100])

    assert len(kept) > 5
    assert run() == first


# --- methods ---


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("pointwise", "depthwise")])
def test_a_forced_method_gives_the_same_gradients(method):
    text = "INPUT(13x10x5) -> CONV(20) -> RELU -> CONV(12, P=((0,1),(2,0))) -> RELU -> FC(3)"
    x, y = RNG.standard_normal((4, 13, 10, 5)), RNG.integers(3, size=4)
    _, expected = make(text, methods=Methods(forced=("unfolded",))).gradients(x, y)

    _, found = make(text, methods=Methods(forced=(method,))).gradients(x, y)

    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=2e-5 * np.abs(value).max())


def test_what_was_measured_here_is_used(monkeypatch, tmp_path):
    kept = tmp_path / "methods.json"
    monkeypatch.setattr("tatami.plan.measured.methods_file", lambda: kept)
    network = find_network("INPUT(12x12x64) -> CONV(64)").build()
    ((layer, shape),) = [(node.layer, network.input_shapes(node)[0]) for node in network if node.inputs]
    key = signature(layer, shape, "forward", 4)
    assert Methods().choose(layer, shape, "forward", Sizes(4, 1, 4)) != "unfolded"
    kept.write_text(with_methods({key: "unfolded"}))

    model = make("INPUT(12x12x64) -> CONV(64)", batch=4, plain=True)

    assert model.methods.choose(layer, shape, "forward", Sizes(4, 1, 4)) == "unfolded"


def test_an_unknown_method():
    with pytest.raises(OptionError) as error:
        Methods(forced=("winograd",))
    assert str(error.value).startswith("unknown method of convolution; got winograd; expected winograd4, winograd2")


# --- inference ---


def test_inference_follows_the_weights():
    model = make()
    before = model.forward(X)
    model.step(X, Y)
    after = model.forward(X)
    assert not np.array_equal(before, after)
    other = make(seed=9)
    other.forward(X)
    other.load_state_dict(model.state_dict())
    assert np.array_equal(other.forward(X), after)


def test_plain_and_compiled_agree():
    plain, compiled = make(plain=True), make()
    for _ in range(3):
        assert plain.step(X, Y) == pytest.approx(compiled.step(X, Y), rel=1e-4)
    np.testing.assert_allclose(plain.forward(X), compiled.forward(X), atol=2e-4)


# --- errors ---


def test_a_loss_that_is_no_number_names_the_layer_and_changes_nothing():
    model = make()
    model.step(X, Y)
    broken = model.state_dict()
    broken["conv2.weight"][0, 0, 0, 0] = np.nan
    model.load_state_dict(broken)

    with pytest.raises(NumericError) as error:
        model.step(X, Y)

    message = "step 2: the loss is no number any more; got nan; NaN or infinity first in conv2"
    assert str(error.value).startswith(message)
    for name, value in model.state_dict().items():
        assert np.array_equal(value, broken[name], equal_nan=True), name
    assert model.training_state()["steps"] == 1


def test_the_layer_that_began_it_is_found_whatever_lies_in_the_arena():
    """Samples are copied into the joined map: a copy is as much a part of the pass as a kernel."""
    model = make("INPUT(12x12x3) -> CONCAT[ID | CONV(20)] -> CONV(20) -> FC(7)")
    model.gradients(X, Y)
    model.training.room.memory[:] = 255

    assert model.training.first_not_finite(X, model.threads) is None


# --- clipping, and steps of several parts ---


def test_a_step_that_is_clipped_or_goes_in_parts_allocates_no_array():
    model = make(batch=BATCH // 2, optimizer=SGD(lr=0.05, momentum=0.9, clip_norm=0.1))
    for _ in range(3):
        model.step(X, Y)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        model.step(X, Y)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 6144 < model.gradients_buffer.nbytes
    assert abs(after - before) < 2048


def test_the_sum_over_parts_takes_a_buffer_from_the_first_such_step_on():
    model = make("INPUT(12x12x3) -> CONV(20) -> RELU -> FC(7)", batch=8, plain=True)  # as the plan has it: it is tiny
    model.step(X[:8], Y[:8])
    before = model.memory()
    settings = StepSettings(batch=8, optimizer=model.optimizer)
    assert before["peak_bytes"] == make_plan(model.network, 8, model.optimizer).memory.peak_bytes

    model.step(X, Y)

    after = model.memory()
    assert after["gradients"] == 2 * before["gradients"] == 2 * model.gradients_buffer.nbytes
    foretold = plan_memory(model.network, layer_costs(model.network), replace(settings, accumulate=True))
    assert (after["gradients"], after["peak_bytes"]) == (foretold.gradients, foretold.peak_bytes)
    assert {key: after[key] for key in ("input", "weights", "optimizer", "activations", "workspace")} == {
        key: before[key] for key in ("input", "weights", "optimizer", "activations", "workspace")
    }


def test_dropout_of_the_samples_themselves():
    """No gradient passes there, but the mask is drawn all the same."""
    text = "INPUT(12x12x3) -> DROPOUT(0.2) -> CONV(20) -> RELU -> FC(7)"
    plain, compiled = make(text, plain=True), make(text)

    for _ in range(3):
        assert compiled.step(X, Y) == pytest.approx(plain.step(X, Y), rel=1e-5)
    assert plain.memory()["peak_bytes"] == make_plan(plain.network, BATCH, plain.optimizer).memory.peak_bytes
