"""Steps that are timed in processes of their own, peaks, and the verdict."""

import subprocess

import pytest

from tatami.errors import RunError
from tatami.lab.claim import Results, Size, Trial
from tatami.lab.experiments import hardware
from tatami.lab.experiments.hardware import CLAIM, NUMPY, thread_counts
from tatami.plan.devices import Device

SMALL = {"net": "INPUT(6x6x1) -> CONV(2) -> RELU -> FC(3)", "batch": 5, "seconds": 0.0, "threads": 1}


@pytest.fixture
def peak(monkeypatch):
    """A machine of 10^9 operations a second."""
    monkeypatch.setattr(hardware, "machine_device", lambda say: Device("made up", fp32_tflops=1e-3))
    hardware._peak.cache_clear()
    yield 1e9
    hardware._peak.cache_clear()


def test_threads():
    assert [thread_counts(n) for n in (1, 2, 3, 8, 12)] == [[1], [1, 2], [1, 2, 3], [1, 2, 4, 8], [1, 2, 4, 8, 12]]


def test_a_step_is_timed_in_a_process_with_its_own_number_of_threads(monkeypatch, peak):
    asked = []
    monkeypatch.setattr(subprocess, "run", lambda *args, env, **more: asked.append(env) or real(*args, env=env, **more))
    found = CLAIM.measure(Trial("a", {**SMALL, "engine": "cpu", "threads": 1}), "")

    # CONV: 6*6 positions, 3*3*2 weights, forward and for the weights; FC: 72*3, both and for its input.
    flops = 2 * 5 * (2 * 36 * 18 + 3 * 72 * 3)
    assert found["flops"] == pytest.approx(flops / found["seconds"])
    assert found["peak"] == peak
    assert 1e-6 < found["seconds"] < 10
    assert asked[0]["TATAMI_NUM_THREADS"] == "1"


real = subprocess.run


def test_a_step_that_fails_says_why():
    with pytest.raises(RunError) as error:
        hardware.in_a_process({**SMALL, "net": "INPUT(6x6x1) -> CONV(2) -> RELU -> FCC(3)", "engine": "cpu"})

    assert str(error.value).startswith("engine cpu: a step could not be measured; got ")
    assert "\n" not in str(error.value)


def test_every_step_is_timed_that_the_seconds_hold(monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(hardware, "perf_counter", lambda: next(ticks))  # a second for each step

    assert hardware.time_step({**SMALL, "engine": "textbook", "seconds": 4.5}) == 1
    assert next(ticks) == 2 * 5
    hardware.time_step({**SMALL, "engine": "textbook"})
    assert next(ticks) == 11 + 2 * hardware.LEAST_STEPS


def test_the_peak_of_a_card_is_its_data_sheets(peak):
    assert hardware._peak("Tesla T4", "float32") == pytest.approx(8.1e12)
    assert hardware._peak("NVIDIA A100-SXM4-40GB", "bf16") == pytest.approx(312e12)
    assert hardware._peak("Voodoo2", "float32") is None


def made_up(compiled, cores=4, gpu=None):
    """Steps of a second in NumPy, of ``compiled`` seconds on one thread, shorter on more; and on a GPU."""
    settings = {"net": hardware.NET, "batch": 64, "cores": cores}
    seconds = {NUMPY: 1.0, **{hardware._compiled(n): compiled / n for n in thread_counts(cores)}}
    if gpu:
        seconds["GPU"] = gpu
    return Results(
        [
            (Trial(group, settings, seed), {"seconds": s * (1 + 0.01 * seed), "flops": 1e9 / s, "peak": 1e10})
            for seed in range(3)
            for group, s in seconds.items()
        ]
    )


def test_the_verdict():
    fast, slow, gpu = (CLAIM.conclude(made_up(*a)) for a in ((0.1,), (8.0,), (0.1, 4, 0.05)))

    assert [s.holds for s in fast.statements] == [True, True]
    assert fast.statements[0].measured.mean == pytest.approx(40)
    assert [s.holds for s in slow.statements] == [False, True]
    assert [s.holds for s in gpu.statements] == [True, True, False]
    assert len(CLAIM.conclude(made_up(0.1, cores=1)).statements) == 1
    assert any("No GPU" in caution for caution in fast.cautions)
    assert not any("No GPU" in caution for caution in gpu.cautions)


def test_alexnet_takes_as_long_as_its_operations():
    (table,) = CLAIM.conclude(made_up(0.1)).tables
    numpy = table.rows[0]

    # 724 million MACs an image (Krizhevsky et al. 2012, with two groups), about thrice, at 10^9 operations a second
    assert float(numpy[-1].split()[0].replace(",", "")) == pytest.approx(
        2 * 3 * 724e6 * 1.2e6 * 90 / 1e9 / 86400, rel=0.06
    )
    assert numpy[4] == "10.0%"


def test_ways_without_and_with_pytorch(monkeypatch):
    monkeypatch.setattr(hardware.importlib.util, "find_spec", lambda name: None)
    assert {trial.settings["engine"] for trial in CLAIM.trials(Size(seeds=2))} == {"textbook", "cpu"}
    monkeypatch.undo()

    torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")
    assert hardware._ways(2)["PyTorch, CPU"]["device"] == "cpu"
    monkeypatch.setattr("tatami.engines.torch.device.find_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    ways = hardware._ways(2)
    assert ways["GPU"] == {"engine": "torch", "threads": 2, "device": "cuda", "card": "Tesla T4"}
    assert ways["GPU, bf16"]["dtype"] == "bf16"
