"""One side of one case in a process of its own: measures and prints one line of JSON.

python worker.py training lenet torch-eager --seconds 2
python worker.py start vgg_style tatami
python worker.py peak "" numpy
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time

STARTED = "BENCH_STARTED"  # the variable with the moment at which the process was started, by time.time()
WARM_UP = 2


def make_side(name: str, engine: str):
    """Import what this side needs, and nothing of the others."""
    if name == "tatami":
        from tatami_side import TatamiSide

        return TatamiSide(engine)
    if name == "onnxruntime":
        from onnx_side import OnnxSide

        return OnnxSide()
    from torch_side import TorchSide

    return TorchSide(name.removeprefix("torch-"))


def training(case, side, seconds: float, least: int) -> dict:
    """Steps after a warm-up: seconds of each, the losses from the first on, and the resident memory."""
    import resident
    from cases import LOSS_STEPS, SMALL
    from samples import make_batches

    batches = [side.place(*batch) for batch in make_batches(case)]
    side.trainer(SMALL)(*side.place(*make_batches(SMALL, 1)[0]))  # what libraries load when they first compute is there
    before = resident.settled()
    step, losses = side.trainer(case), []

    def do() -> float:
        start = time.perf_counter()
        losses.append(step(*batches[len(losses) % len(batches)]))
        return time.perf_counter() - start

    first, second = (do() for _ in range(WARM_UP))
    resident.settled()
    resident.forget_peak()
    least = max(case.steps, least - WARM_UP)
    times = [do() for _ in range(max(least, min(200, int(seconds / second))))]
    peak = resident.peak()
    memory = {"resident": before, "peak": peak}
    return {"first": first, **summary(times), "losses": losses[:LOSS_STEPS], **memory}


def inference(case, side, seconds: float, least: int) -> dict:
    """Calls after a warm-up, and what the network says of the first batch."""
    from samples import make_batches

    batches = [side.place(*batch)[0] for batch in make_batches(case, 2)]
    forward = side.predictor(case)

    def do(i: int) -> float:
        start = time.perf_counter()
        forward(batches[i % 2])
        return time.perf_counter() - start

    scores = forward(batches[0])[0].tolist()
    second = min(do(i) for i in range(WARM_UP))
    times = [do(i) for i in range(max(case.steps, least, min(500, int(seconds / second))))]
    return {**summary(times), "scores": scores}


def start(case, side, seconds: float, least: int) -> dict:
    """Seconds from the start of the process to the end of the first training step."""
    from samples import make_batches

    batch = side.place(*make_batches(case, 1)[0])
    side.trainer(case)(*batch)
    return {"median": time.time() - float(os.environ[STARTED])}


def peak(library: str) -> dict:
    """Matrix products in float32 on all cores, in 10^9 floating-point operations a second: the machine's limit."""
    import numpy as np

    size, repeats = 2048, 9
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size), np.float32) for _ in range(2))
    c = np.empty_like(a)
    multiply = np.matmul
    if library != "numpy":
        import torch

        a, b, c, multiply = *map(torch.from_numpy, (a, b, c)), torch.mm
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        multiply(a, b, out=c)
        times.append(time.perf_counter() - begin)
    return {"gflops": 2 * size**3 / 1e9 / min(times)}


def summary(times: list[float]) -> dict:
    return {"median": statistics.median(times), "least": min(times), "steps": len(times)}


def versions() -> dict:
    names = {"torch": "__version__", "onnxruntime": "__version__", "numba": "__version__", "numpy": "__version__"}
    return {name: str(getattr(sys.modules[name], key)) for name, key in names.items() if name in sys.modules}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=("training", "inference", "start", "peak"))
    parser.add_argument("case")
    parser.add_argument("side", help="tatami, torch-eager, torch-channels-last, torch-compile or onnxruntime")
    parser.add_argument("--engine", default="cpu", help="tatami's engine")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long to measure, about")
    parser.add_argument("--least", type=int, default=0, help="fewest steps, the warm-up included")
    given = parser.parse_args()
    if given.part == "peak":
        found = peak(given.side)
    else:
        side = make_side(given.side, given.engine)
        from cases import CASES

        case = CASES[given.part][given.case]
        found = globals()[given.part](case, side, given.seconds, given.least)
    print(json.dumps(found | {"versions": versions()}))


if __name__ == "__main__":
    main()
