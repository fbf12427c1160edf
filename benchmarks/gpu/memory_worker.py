"""Training steps of tatami's torch engine in a process of its own: what do they take, and do they fit?

Prints one line of JSON. ``fits`` is false where the card had no more to give; any other failure ends the process.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from gpu_card import taken
from gpu_cases import CASES, GpuCase

from tatami.engines import compile
from tatami.recipe import SGD, Adam

WARM_UP, STEPS = 2, 3
OPTIMIZERS = {"momentum": SGD(lr=1e-4, momentum=0.9), "adam": Adam(lr=1e-5)}


def make_step(case: GpuCase, given: argparse.Namespace):
    """The model, and a step of it on samples of noise."""
    network = case.network()
    optimizer = OPTIMIZERS[given.optimizer]
    model = compile(
        network, "torch", batch=given.batch, optimizer=optimizer, seed=0, dtype=given.dtype, device=given.device
    )
    rng = np.random.default_rng(0)
    x = rng.standard_normal((given.batch, *network.input_shape), np.float32)
    y = rng.integers(0, network.output_shape[-1], given.batch)
    return model, lambda: model.step(x, y)


def on_card(case: GpuCase, given: argparse.Namespace) -> dict:
    import torch

    if given.limit:
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, given.limit / total))
    try:
        _, step = make_step(case, given)
        for _ in range(WARM_UP):
            step()
        torch.cuda.synchronize()
        first = torch.cuda.max_memory_reserved()
        torch.cuda.reset_peak_memory_stats()
        for _ in range(STEPS):
            step()
        torch.cuda.synchronize()
    except Exception as error:
        if not had_no_more(error):
            raise
        return {"fits": False}
    # The allocator gives nothing back as long as there is some left, so what is taken now is what was taken at most.
    return {
        "fits": True,
        "allocated": torch.cuda.max_memory_allocated(),
        "reserved": max(first, torch.cuda.max_memory_reserved()),
        "driver": taken(given.uuid),
    }


def on_processor(case: GpuCase, given: argparse.Namespace) -> dict:
    """The same steps, and as much of the measurement as there is without a card: the bytes of their tensors."""
    model, step = make_step(case, given)
    for _ in range(STEPS):
        step()
    peak = model.memory()["peak_bytes"]
    return {"fits": not given.limit or peak <= given.limit, "allocated": peak, "reserved": None, "driver": None}


def had_no_more(error: BaseException | None) -> bool:
    """Whether it was the card's memory that was wanting: the allocator's error, or a library's that asked by itself."""
    while error is not None:
        text = str(error)
        if type(error).__name__ == "OutOfMemoryError" or "CUDA out of memory" in text or "ALLOC_FAILED" in text:
            return True
        error = error.__cause__ or error.__context__
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="momentum")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--limit", type=int, default=0, help="bytes that the allocator may take; all unless given")
    parser.add_argument("--uuid", default="", help="of the card")
    given = parser.parse_args()
    measure = on_card if given.device == "cuda" else on_processor
    print(json.dumps(measure(CASES[given.case], given)))


if __name__ == "__main__":
    main()
