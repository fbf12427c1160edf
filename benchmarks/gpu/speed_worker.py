"""One side's training steps on host batches, in a process of its own. Prints one line of JSON.

The sides: ``tatami``, whose engine gives each step's loss back; ``by-hand``, a loop as a careful user of PyTorch would
write it, which reads no loss; ``by-hand-tuned``, the same with cuDNN trying its methods first; ``resident``, the same
as ``by-hand`` with batches that lie on the card already: the step alone, which is what a plan foretells.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from gpu_cases import CASES, GpuCase
from samples import make_batches
from torch.nn import functional
from translation import make_module

from tatami.engines import compile
from tatami.engines.initial import initial_weights
from tatami.recipe import SGD

SIDES = ("tatami", "by-hand", "by-hand-tuned", "resident")
LR = 1e-5  # small: what is measured is time, and the loss must stay a number
WARM_UP = 5
BLOCKS = 5  # each timed as a whole, as nothing is waited for within
BATCHES = 2

Step = Callable[[int], object]


def tatami_step(case: GpuCase, given: argparse.Namespace) -> Step:
    """Of tatami's engine, as `tatami train` takes it."""
    optimizer = SGD(lr=LR, momentum=0.9)
    model = compile(
        case.network(), "torch", batch=case.batch, optimizer=optimizer, seed=0, dtype=given.dtype, device=given.device
    )
    batches = make_batches(case, BATCHES)
    return lambda i: model.step(*batches[i % BATCHES])


def hand_written_step(case: GpuCase, given: argparse.Namespace) -> Step:
    """Channels last, autocast, the fused optimizer, pinned batches, and copies that nobody waits for."""
    device, on_card = torch.device(given.device), given.device == "cuda"
    torch.backends.cudnn.benchmark = given.side == "by-hand-tuned"
    torch.backends.cudnn.allow_tf32 = given.dtype == "bf16"  # in float32 tatami's products are exact to float32
    network = case.network()
    module = make_module(network, initial_weights(network, 0, np.dtype("float32")))
    module = module.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(module.parameters(), lr=LR, momentum=0.9, fused=True)

    def place(x: np.ndarray, y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        both = torch.from_numpy(x), torch.from_numpy(y)
        if on_card:
            both = both[0].pin_memory(), both[1].pin_memory()
        if given.side == "resident":
            both = both[0].to(device), both[1].to(device)
        return both[0].movedim(-1, 1), both[1]  # channels last in memory already

    batches = [place(*batch) for batch in make_batches(case, BATCHES)]

    def step(i: int) -> torch.Tensor:
        x, y = (tensor.to(device, non_blocking=True) for tensor in batches[i % BATCHES])
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=given.dtype == "bf16"):
            loss = functional.cross_entropy(module(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def measure(step: Step, seconds: float, wait: Callable[[], None]) -> dict:
    """Seconds a step, of blocks of steps that together take about so long."""
    for i in range(WARM_UP):
        step(i)
    wait()
    began = time.perf_counter()
    step(0)
    wait()
    count = max(1, int(seconds / BLOCKS / (time.perf_counter() - began)))
    found = []
    for _ in range(BLOCKS):
        began = time.perf_counter()
        for i in range(count):
            step(i)
        wait()
        found.append((time.perf_counter() - began) / count)
    return {"median": statistics.median(found), "least": min(found), "steps": BLOCKS * count}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("case", choices=CASES)
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--dtype", default="bf16", choices=("float32", "bf16"))
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    case = CASES[given.case].with_batch(given.batch).without_dropout()
    make = tatami_step if given.side == "tatami" else hand_written_step
    wait = torch.cuda.synchronize if given.device == "cuda" else lambda: None
    print(json.dumps(measure(make(case, given), given.seconds, wait)))


if __name__ == "__main__":
    main()
