"""How long one training step takes: in plain NumPy, compiled for one core to all, and on a GPU.

Each time is measured in a process of its own, for engines read their number of threads when they start: this file, run
as a module, takes a step's settings as JSON and answers with its time.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from tatami.engines import compile
from tatami.engines.calibration import machine_device
from tatami.errors import OptionError, RunError, TatamiError
from tatami.lab.claim import Claim, Figures, Results, Size, Trial
from tatami.lab.intervals import interval
from tatami.network import find_network
from tatami.plan.card_names import matching_devices
from tatami.plan.machine import THREADS, core_count, cpu_model
from tatami.plan.tiny import step_size
from tatami.recipe import SGD
from tatami.views.experiment import Chart, Conclusion, Interval, Line, Quoted, Statement, Table

NET = "INPUT(32x32x3) -> [[CONV -> RELU]*2 -> POOL]*3 -> FC(128) -> RELU -> FC(10)"
BATCH = 64
NUMPY = "plain NumPy"
LEAST_STEPS, MOST_STEPS, SECONDS = 3, 500, 1.5  # that are timed; as many as go into the seconds, between these bounds
ALEXNET_IMAGES, ALEXNET_EPOCHS = 1_200_000, 90


def trials(size: Size) -> list[Trial]:
    """A step in each way that there is here, round after round, so that what else the machine does meets all alike."""
    net = {"net": NET, "batch": BATCH, "seconds": SECONDS, "machine": cpu_model(), "cores": core_count()}
    return [
        Trial(group, {**net, **way}, seed)
        for seed in size.seeds_or(quick=5, full=15)
        for group, way in _ways(core_count()).items()
    ]


def _ways(cores: int) -> dict[str, dict[str, Any]]:
    """The settings of a step, by the name of the group."""
    found: dict[str, dict[str, Any]] = {NUMPY: {"engine": "textbook", "threads": 1}}
    for threads in thread_counts(cores):
        found[_compiled(threads)] = {"engine": "cpu", "threads": threads}
    if importlib.util.find_spec("torch"):
        found["PyTorch, CPU"] = {"engine": "torch", "threads": cores, "device": "cpu"}
        from tatami.engines.torch.device import device_name, find_device

        device = find_device(None)
        if device.type != "cpu":
            gpu = {"engine": "torch", "threads": cores, "device": device.type, "card": device_name(device)}
            found["GPU"] = gpu
            if device.type == "cuda":
                found["GPU, bf16"] = {**gpu, "dtype": "bf16"}
    return found


def thread_counts(cores: int) -> list[int]:
    """1, 2, 4, 8 and so on, and all."""
    return sorted({*(1 << i for i in range(cores.bit_length()) if 1 << i <= cores), cores})


def _compiled(threads: int) -> str:
    return f"compiled, {threads} {'thread' if threads == 1 else 'threads'}"


def measure(trial: Trial, data: str) -> Figures:
    """Seconds of a step, its floating-point operations a second, and the device's peak of them."""
    settings = dict(trial.settings)
    seconds = in_a_process(settings)
    rate = 2 * step_size(find_network(settings["net"]).build(), settings["batch"])[0] / seconds
    return {"seconds": seconds, "flops": rate, "peak": _peak(settings.get("card"), settings.get("dtype", "float32"))}


def in_a_process(settings: dict[str, Any]) -> float:
    """Seconds of a step, measured by a new process with its own number of threads.

    Raises:
        RunError: the process failed.
    """
    environment = {**os.environ, THREADS: str(settings["threads"])}
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RunError("a step could not be measured", where=f"engine {settings['engine']}", got=said[-1])
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def time_step(settings: dict[str, Any]) -> float:
    """The median of the seconds that a training step takes, after two to warm up."""
    network, batch = find_network(settings["net"]).build(), settings["batch"]
    model = compile(
        network,
        settings["engine"],
        batch=batch,
        optimizer=SGD(lr=1e-3),
        dtype=settings.get("dtype", "float32"),
        device=settings.get("device"),
    )
    model.prepare()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, *network.input_shape), np.float32)
    y = rng.integers(0, network.output_shape[-1], batch)
    for _ in range(2):
        model.step(x, y)
    times: list[float] = []
    while len(times) < LEAST_STEPS or (sum(times) < settings["seconds"] and len(times) < MOST_STEPS):
        start = perf_counter()
        model.step(x, y)
        times.append(perf_counter() - start)
    return median(times)


@cache
def _peak(card: str | None, dtype: str) -> float | None:
    """Floating-point operations a second: of a card by its data sheet, of this machine as measured; None if unknown."""
    if card is None:
        return machine_device(lambda line: None).peak()
    try:
        peaks = {device.peak("bf16" if dtype == "bf16" else "float32") for device in matching_devices(card)}
    except OptionError:
        return None
    return peaks.pop() if len(peaks) == 1 else None


def conclude(results: Results) -> Conclusion:
    """Ratios of times, round by round."""
    groups = results.groups()
    cores = results.settings(NUMPY)["cores"]
    all_cores = _compiled(cores)

    def times_as_fast(fast: str, slow: str) -> Interval:
        pairs = zip(results.of(slow, "seconds"), results.of(fast, "seconds"), strict=True)
        return interval([a / b for a, b in pairs])

    def statement(text: str, fast: str, slow: str) -> Statement:
        return Statement(text, times_as_fast(fast, slow), bound=1.0, unit=" times as fast")

    statements = [statement("code made for the processor, on all its cores, is faster than NumPy", all_cores, NUMPY)]
    if cores > 1:
        statements.append(statement("all cores are faster than one", all_cores, _compiled(1)))
    if "GPU" in groups:
        statements.append(statement("the GPU is faster than all cores", "GPU", all_cores))
    work = 2 * ALEXNET_IMAGES * ALEXNET_EPOCHS * step_size(find_network("alexnet2012").build(), 1)[0]
    rates = {group: interval(results.of(group, "flops")).mean for group in groups}
    rows = []
    for group in groups:
        peak = results.of(group, "peak")[0]
        milliseconds = interval([1e3 * seconds for seconds in results.of(group, "seconds")])
        rows.append(
            (
                group,
                str(milliseconds),
                "1" if group == NUMPY else str(times_as_fast(group, NUMPY)),
                f"{rates[group] / 1e9:,.1f}",
                "not known" if peak is None else f"{rates[group] / peak:.1%}",
                _days(work / rates[group]),
            )
        )
    threads = {count: _compiled(count) for count in thread_counts(cores)}
    points = tuple(
        (float(count), interval([1 / seconds for seconds in results.of(group, "seconds")]))
        for count, group in threads.items()
    )
    fastest = max(rates, key=lambda group: rates[group])
    return Conclusion(
        statements=tuple(statements),
        tables=(
            Table(
                f"A training step of {results.settings(NUMPY)['batch']} images of 32x32x3",
                ("way", "ms", "times as fast", "GFLOP/s", "of the peak", "AlexNet, 90 epochs"),
                tuple(rows),
            ),
        ),
        charts=(Chart("Compiled code by threads", "threads", "steps a second", (Line("CPU engine", points),)),),
        quoted=(
            Quoted(
                "AlexNet's training: 90 epochs of 1.2 million images",
                "5 to 6 days on two GTX 580",
                f"{_days(work / rates[fastest])} ({fastest}), if its layers ran at the rate measured here",
                "Krizhevsky et al. 2012, sections 1 and 5",
            ),
        ),
        cautions=(
            "NumPy and compiled code on one thread run on the same hardware: that ratio is owed to the code.",
            "FLOPs are those of the definition, both passes; Winograd's way needs fewer, so its share of the peak is "
            "larger than its arithmetic. The peak of the CPU is that of matrix products on all cores, as measured; a "
            "card's is its data sheet's.",
            *(() if "GPU" in groups else ("No GPU was found, so what the memo says of GPUs is not tested here.",)),
        ),
    )


def _days(seconds: float) -> str:
    return f"{seconds / 86400:,.2g} days" if seconds < 864_000 else f"{seconds / 86400:,.0f} days"


CLAIM = Claim(
    name="hardware",
    says="Hardware made training feasible: used fully, it takes the same step in a fraction of the time.",
    sources=(
        "Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks, sections 1 and 5",
        "Raina et al. 2009, Large-scale Deep Unsupervised Learning using Graphics Processors",
    ),
    trials=trials,
    measure=measure,
    conclude=conclude,
    data="",
    times=True,
)

if __name__ == "__main__":
    try:
        print(json.dumps({"seconds": time_step(json.load(sys.stdin))}))
    except TatamiError as error:
        sys.exit(str(error))
