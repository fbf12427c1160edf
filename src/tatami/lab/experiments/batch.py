"""Speed, memory and accuracy by batch size: should the batch be as large as fits?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from tatami.lab.claim import Claim, Figures, Results, Size, Trial
from tatami.lab.intervals import exact, interval, paired
from tatami.lab.training import Recipe, begin, data_of, fit
from tatami.plan import make_plan
from tatami.recipe import make_optimizer
from tatami.train.loop import steps_per_epoch
from tatami.views.experiment import Chart, Conclusion, Interval, Line, Quoted, Statement, Table
from tatami.views.numbers import bytes_text

NET = "INPUT -> [CONV(16, 3) -> RELU -> POOL]*2 -> FC"
OPTIMIZER = "momentum"
BATCHES, FULL_BATCHES = (8, 32, 128, 512), (8, 16, 32, 64, 128, 256, 512)
USUAL = 32  # with which the others are compared
LR = 0.02  # its best, of 0.0025 to 0.04, on other seeds
EPOCHS, FULL_EPOCHS = 4, 20
STEPS, FULL_STEPS = 300, 1500
SPEED = "speed and memory"
ENGINES = {"cpu": "tatami's CPU engine", "torch": "PyTorch on a GPU"}  # whose memory is planned
# What is kept equal, and what the learning rate of a batch is.
WAYS = {
    "equal epochs, rate unchanged": ("epochs", False),
    "equal epochs, rate scaled": ("epochs", True),
    "equal steps, rate unchanged": ("steps", False),
}
TIMED, WARM_UP = 0.5, 3  # seconds; steps before them
TOLERANCE = 0.01
BEND = 0.05
NEAR = 0.95


def trials(size: Size) -> list[Trial]:
    """Each batch's speed and memory, then its accuracy each way."""
    batches = FULL_BATCHES if size.is_full else BATCHES
    lengths = {"epochs": FULL_EPOCHS if size.is_full else EPOCHS, "steps": FULL_STEPS if size.is_full else STEPS}
    found = []
    for seed in size.seeds_or(quick=4, full=10):
        for batch in batches:
            found.append(Trial(f"{SPEED}, {batch}", {"net": NET, "batch": batch}, seed))
            for way, (kept, scaled) in WAYS.items():
                lr = LR * batch / USUAL if scaled else LR
                settings = {"net": NET, "batch": batch, "lr": lr, kept: lengths[kept]}
                found.append(Trial(f"{way}, {batch}", settings, seed))
    return found


def measure(trial: Trial, data: str) -> Figures:
    """Samples a second and bytes, or the test accuracy."""
    settings = trial.settings
    batch = settings["batch"]
    if "lr" not in settings:
        return _speed(Recipe(settings["net"], 1, batch, OPTIMIZER, LR), data, trial.seed)
    per_epoch = steps_per_epoch(len(data_of(data).train), batch)
    steps = settings["steps"] if "steps" in settings else settings["epochs"] * per_epoch
    training = fit(Recipe(settings["net"], steps, batch, OPTIMIZER, settings["lr"]), data, trial.seed)
    return {"accuracy": training.accuracy(), "steps": len(training.losses), "diverged": training.diverged}


def _speed(recipe: Recipe, data: str, seed: int) -> Figures:
    """Samples a second of training steps, the data ready; and the most memory of one, planned and measured."""
    training = begin(recipe, data, seed)
    batch, model = recipe.batch, training.model
    rows = np.arange(batch) % len(training.split)
    x, y = training.samples(training.split.take(rows))
    for _ in range(WARM_UP):
        model.step(x, y)
    seconds: list[float] = []
    while sum(seconds) < TIMED:
        began = time.perf_counter()
        model.step(x, y)
        seconds.append(time.perf_counter() - began)
    optimizer = make_optimizer(recipe.optimizer, recipe.lr)
    planned = {e: make_plan(training.network, batch, optimizer, engine=e).memory.peak_bytes for e in ENGINES}
    return {
        "speed": batch / float(np.median(seconds)),
        "planned": planned,
        "measured": model.memory()["peak_bytes"],
    }


def bend(points: Mapping[int, float]) -> float:
    """How far values lie off the line through the first and the last, at most, as a share of the value there."""
    (first, low), *_, (last, high) = points.items()
    line = {x: low + (high - low) * (x - first) / (last - first) for x in points}
    return max(abs(y - line[x]) / line[x] for x, y in points.items())


def conclude(results: Results) -> Conclusion:
    """The largest batch beside the usual one, seed by seed; memory as planned."""
    batches = [int(results.settings(group)["batch"]) for group in results.groups() if group.startswith(SPEED)]
    smallest, largest = batches[0], batches[-1]

    def of(way: str, batch: int, figure: str = "accuracy") -> list[float]:
        return [float(value) for value in results.of(f"{way}, {batch}", figure)]

    def beside(way: str) -> Interval:
        return paired(of(way, largest), of(way, USUAL))

    unchanged, scaled, steps = WAYS
    speed = {batch: interval(of(SPEED, batch, "speed")) for batch in batches}
    planned = {e: {batch: results.of(f"{SPEED}, {batch}", "planned")[0][e] for batch in batches} for e in ENGINES}
    best = max(point.mean for point in speed.values())
    near = next(batch for batch in batches if speed[batch].mean >= NEAR * best)
    gains = [
        min(after / before for before, after in pairwise(values))
        for values in zip(*(of(SPEED, batch, "speed") for batch in batches), strict=True)
    ]
    rows = tuple(
        (
            f"{batch}",
            f"{speed[batch].mean:,.0f}",
            *(bytes_text(planned[e][batch]) for e in ENGINES),
            *(_accuracy(of(way, batch), of(way, batch, "steps"), of(way, batch, "diverged")) for way in WAYS),
        )
        for batch in batches
    )
    lines = tuple(Line(way, tuple((float(b), interval(of(way, b))) for b in batches)) for way in WAYS)
    errors = [1 - interval(of(unchanged, USUAL)).mean, 1 - interval(of(scaled, largest)).mean]
    return Conclusion(
        statements=(
            Statement(
                f"batches of {largest} train more samples a second than batches of {smallest}",
                paired(of(SPEED, largest, "speed"), of(SPEED, smallest, "speed")),
                unit=" samples/s",
            ),
            Statement("each larger batch trains more: the smallest gain", interval(gains), bound=1, unit=" times"),
            *(
                Statement(
                    f"memory grows linearly, in {name}: the farthest off a line", exact(bend(planned[e])), "below", BEND
                )
                for e, name in ENGINES.items()
            ),
            Statement(
                f"at equal epochs, with the rate unchanged, {largest} is as accurate as {USUAL}, to a point",
                beside(unchanged),
                bound=-TOLERANCE,
            ),
            Statement("at equal epochs, with the rate scaled by the batch, it is", beside(scaled), bound=-TOLERANCE),
            Statement("scaling the rate makes it more accurate", paired(of(scaled, largest), of(unchanged, largest))),
            Statement(
                "at equal steps, with the rate unchanged, it is as accurate, to a point",
                beside(steps),
                bound=-TOLERANCE,
            ),
        ),
        tables=(
            Table(
                "Test accuracies, with the steps that were taken in brackets",
                ("batch", "samples/s", *(f"memory, {e}" for e in ENGINES), *WAYS),
                rows,
            ),
        ),
        charts=(
            Chart("Accuracy", "batch", "test accuracy", lines, log_x=True),
            Chart(
                "Throughput",
                "batch",
                "samples a second",
                (Line("training", tuple((float(b), speed[b]) for b in batches)),),
                log_x=True,
            ),
            Chart(
                "Memory of a training step",
                "batch",
                "bytes",
                tuple(
                    Line(name, tuple((float(b), exact(planned[e][b])) for b in batches)) for e, name in ENGINES.items()
                ),
                log_x=True,
                log_y=True,
            ),
        ),
        quoted=(
            Quoted(
                "error at the usual batch -> at the largest, rate scaled, after a warm-up",
                "23.60% (256) -> 23.74% (8192), ResNet-50",
                f"{errors[0]:.2%} ({USUAL}) -> {errors[1]:.2%} ({largest})",
                "Goyal et al. 2017, table 1",
            ),
        ),
        cautions=(
            f"Batches of {near} reach {NEAR:.0%} of the highest throughput here; another machine, a GPU above all, "
            "needs larger ones.",
            f"At equal steps a batch of {largest} sees {largest // USUAL} times the samples of one of {USUAL}: "
            "what it gains is paid for.",
            f"The rate, {LR:g}, is the best for a batch of {USUAL}; no other had one tuned for it. There is no batch "
            "norm, which lets networks bear higher rates: those of Goyal et al. have it.",
            "Short trainings: large batches, which take few steps in an epoch, suffer more than in long ones.",
        ),
    )


def _accuracy(accuracies: list[float], steps: list[float], diverged: list[float]) -> str:
    ended = f", {sum(diverged):.0f} diverged" if any(diverged) else ""
    return f"{interval(accuracies).mean:.1%} ({max(steps):,.0f}{ended})"


CLAIM = Claim(
    name="batch",
    says="The batch should be as large as fits in memory.",
    sources=(
        "CS231n, Convolutional Networks, section 'Computational Considerations'",
        "Goyal et al. 2017, Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour, section 2",
        "Keskar et al. 2016, On Large-Batch Training for Deep Learning, section 2",
    ),
    trials=trials,
    measure=measure,
    conclude=conclude,
    times=True,
)
