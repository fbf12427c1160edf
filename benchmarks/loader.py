"""How many samples a second the loader prepares, beside what the CPU engine takes: RESULTS-loader.md.

Run by `make bench-loader`; some minutes. The loader alone and the training are measured in processes of their own. A
training is fed one and the same batch, which costs nothing to prepare, and then what the loader makes while the
engine computes, on the same processors; `waited` is the share of that time in which the engine had no batch.

    python benchmarks/loader.py photos --seconds 2
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tatami.data import Kind, Preprocess, Split
from tatami.data.augment import make_augment
from tatami.data.loader import Batch, Loader

RESULTS = Path(__file__).parent / "RESULTS-loader.md"
PRESETS = ("none", "light", "strong")
LENET = "INPUT(28x28x1) -> CONV(20, 5, P=valid) -> POOL -> CONV(50, 5, P=valid) -> POOL -> FC(500) -> RELU -> FC(10)"
ENOUGH = 3  # times the engine's appetite


@dataclass(frozen=True)
class Case:
    title: str
    kind: Kind
    shape: tuple[int, ...]
    net: str
    network: str
    batch: int = 128
    samples: int = 8192

    def data(self) -> Split:
        rng = np.random.default_rng(0)
        shape = (self.samples, *self.shape)
        if self.kind == "image":
            x = rng.integers(0, 256, shape, dtype=np.uint8)
        else:
            x = rng.normal(size=shape).astype(np.float32)
        return Split(x, rng.integers(0, 10, self.samples))

    def loader(self, preset: str) -> Loader:
        split = self.data()
        augment = make_augment(preset, self.kind, self.shape, self.samples)
        return Loader(split, Preprocess.fit(split.x[:1000], self.kind), augment, seed=0)


CASES = {
    "digits": Case("28x28x1, as MNIST", "image", (28, 28, 1), LENET, "LeNet"),
    "photos": Case("32x32x3, as CIFAR-10", "image", (32, 32, 3), "resnet20", "ResNet-20"),
    "signals": Case("150x1, as GunPoint", "signal", (150, 1), "fcn", "FCN"),
}


def endless(case: Case, loader: Loader) -> Iterator[Batch]:
    epoch = 0
    while True:
        epoch += 1
        order = np.random.default_rng(epoch).permutation(case.samples)
        yield from loader.batches(np.split(order, case.samples // case.batch), epoch)


def measure_loader(case: Case, seconds: float) -> dict[str, float]:
    """Samples a second of each preset, with nobody else at work."""
    found = {}
    for preset in PRESETS:
        batches = endless(case, case.loader(preset))
        for _ in range(4):
            next(batches)
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            count += len(next(batches).indices)
        found[preset] = count / (time.perf_counter() - began)
        batches.close()
    return found


def measure_training(case: Case, seconds: float) -> dict[str, list[float]]:
    """Samples a second and the share of the time that was waited: fed one batch, then by the loader."""
    from tatami.engines import compile
    from tatami.network import find_network
    from tatami.recipe import SGD

    network = find_network(case.net).build(None if case.kind == "image" else case.shape, 10)
    model = compile(network, "cpu", batch=case.batch, optimizer=SGD(lr=1e-4, momentum=0.9), seed=0)
    model.prepare()
    y = case.data().y
    assert y is not None
    first = next(case.loader("none").batches([np.arange(case.batch)], 1))

    def speed(batches: Iterator[Batch], loader: Loader | None) -> list[float]:
        for _ in range(3):
            batch = next(batches)
            model.step(batch.x, y[batch.indices])
        waited = loader.waited if loader else 0.0
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            batch = next(batches)
            model.step(batch.x, y[batch.indices])
            count += len(batch.indices)
        passed = time.perf_counter() - began
        return [count / passed, (loader.waited - waited) / passed if loader else 0.0]

    found = {"one batch": speed(iter(lambda: first, None), None)}
    for preset in PRESETS:
        loader = case.loader(preset)
        batches = endless(case, loader)
        found[preset] = speed(batches, loader)
        batches.close()
    return found


def in_process(part: str, name: str, seconds: float) -> dict:
    command = [sys.executable, __file__, name, "--part", part, "--seconds", str(seconds)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)


def table(found: dict[str, tuple[dict, dict]]) -> list[str]:
    lines = [
        "| data | network | augmentation | loader alone, samples/s | of one batch, samples/s | times enough "
        "| by the loader, samples/s | waited |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (alone, training) in found.items():
        case, appetite = CASES[name], training["one batch"][0]
        for preset in PRESETS:
            fed, waited = training[preset]
            lines.append(
                f"| {case.title} | {case.network} | {preset} | {alone[preset]:,.0f} | {appetite:,.0f} "
                f"| {alone[preset] / appetite:.1f} | {fed:,.0f} | {waited:.1%} |"
            )
    slow = [
        f"{name} {preset}"
        for name, (alone, training) in found.items()
        for preset in ("none", "light")
        if alone[preset] < ENOUGH * training["one batch"][0]
    ]
    verdict = f"missed by {', '.join(slow)}" if slow else "met"
    return [*lines, "", f"Aim, without augmentation and with `light`: {ENOUGH} times what training takes. {verdict}."]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all unless given")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--part", choices=("loader", "training"), help="measure this here and print JSON")
    given = parser.parse_args()
    unknown = [name for name in given.cases if name not in CASES]
    if unknown:
        parser.error(f"no such case: {unknown[0]}; there are {', '.join(CASES)}")
    names = given.cases or list(CASES)
    if given.part:
        measure = measure_loader if given.part == "loader" else measure_training
        print(json.dumps(measure(CASES[names[0]], given.seconds)))
        return
    found = {name: tuple(in_process(part, name, given.seconds) for part in ("loader", "training")) for name in names}
    page = [
        "# The loader beside the CPU engine",
        "",
        f"Batches of 128, {os.cpu_count()} processors, one thread of the loader. Pictures are decoded once, before the "
        "first epoch.",
        "",
        *table(found),
        "",
    ]
    RESULTS.write_text("\n".join(page), encoding="utf-8")
    print("\n".join(page))


if __name__ == "__main__":
    main()
