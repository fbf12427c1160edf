"""Plain against residual networks of 8, 20 and 56 layers: training error, and gradients by layer."""

from __future__ import annotations

import math

import numpy as np

from tatami.lab.claim import Claim, Figures, Results, Size, Trial
from tatami.lab.intervals import interval, paired
from tatami.lab.training import Recipe, Training, begin, run
from tatami.views.experiment import Chart, Conclusion, Interval, Line, Quoted, Statement, Table

# The networks of He et al., section 4.2, with half their filters and a stride in the first layer: 6n + 2 layers in
# three stages, BN behind each CONV. The shortcuts that change the shape are 1x1 convolutions.
WIDTH = 8
KINDS = ("plain", "residual")
DEPTHS = (8, 20, 56)
FIRST_STRIDE, FULL_FIRST_STRIDE = 4, 2
STEPS, FULL_STEPS = 600, 3000
SEEN, SAMPLES = 2000, 64  # that the training error is of; that the gradients are of
# The paper's, for all: section 4.2. The schedule is shorter than its 64,000 steps.
OPTIMIZER, RATE, DECAY = "momentum", 0.1, 1e-4


def notation(kind: str, depth: int, stride: int) -> str:
    """A network of that many layers: CONVs of 3x3 and the FC."""
    stages = []
    for stage in range(3):
        width, first = WIDTH << stage, min(stage, 1) + 1
        blocks = [_block(kind, width, first if i == 0 else 1) for i in range((depth - 2) // 6)]
        stages.append(" -> ".join(blocks))
    return f"INPUT -> CONV({WIDTH}, 3, S={stride}) -> BN -> RELU -> {' -> '.join(stages)} -> GAP -> FC"


def _block(kind: str, width: int, stride: int) -> str:
    body = f"CONV({width}, 3, S={stride}, P=1) -> BN -> RELU -> CONV({width}, 3) -> BN"
    return f"RES[{body}] -> RELU" if kind == "residual" else f"{body} -> RELU"


def _group(kind: str, depth: int) -> str:
    return f"{kind}, {depth} layers"


def trials(size: Size) -> list[Trial]:
    """Both kinds, of all depths."""
    stride, steps = (FULL_FIRST_STRIDE, FULL_STEPS) if size.is_full else (FIRST_STRIDE, STEPS)
    return [
        Trial(_group(kind, depth), {"net": notation(kind, depth, stride), "depth": depth, "steps": steps}, seed)
        for seed in size.seeds_or(quick=5, full=10)
        for depth in DEPTHS
        for kind in KINDS
    ]


def measure(trial: Trial, data: str) -> Figures:
    """Gradients before training and behind it; training and test error."""
    settings = trial.settings
    recipe = Recipe(
        *(settings["net"], settings["steps"]), optimizer=OPTIMIZER, lr=RATE, weight_decay=DECAY, schedule="onecycle"
    )
    training = begin(recipe, data, trial.seed)
    before = gradient_norms(training)
    run(training)
    return {
        "gradients": before,
        "gradients_trained": None if training.diverged else gradient_norms(training),
        "train_error": 1 - training.accuracy(training.split, SEEN),
        "test_error": 1 - training.accuracy(),
        "diverged": training.diverged,
    }


def gradient_norms(training: Training) -> list[float]:
    """The length of the gradient of each 3x3 layer's weights (of 3 on signals), in order, on training samples."""
    gradients = training.model.gradients(*training.samples(training.split, SAMPLES))[1]
    shapes = training.network.parameters()
    return [
        math.sqrt(float(np.square(value.astype(np.float64)).sum()))
        for name, value in gradients.items()
        if shapes[name].role == "weight" and set(shapes[name].shape[:-2]) == {3}
    ]


def conclude(results: Results) -> Conclusion:
    """Errors and gradients are compared seed by seed."""
    least, middle, most = DEPTHS

    def worse(first: str, second: str) -> Interval:
        return paired(results.of(first, "train_error"), results.of(second, "train_error"))

    def falls(kind: str) -> list[float]:
        """By how many powers of ten the gradient of the first layer is over that of the last CONV."""
        tiny = float(np.finfo(np.float32).tiny)
        norms = results.of(_group(kind, most), "gradients")
        return [math.log10(max(of[0], tiny) / max(of[-1], tiny)) for of in norms]

    errors = tuple(
        (group, *(str(interval(results.of(group, key))) for key in ("train_error", "test_error")))
        for group in results.groups()
    )
    curves = tuple(
        Line(
            f"{kind}, {name}",
            tuple((float(depth), interval(results.of(_group(kind, depth), key))) for depth in DEPTHS),
        )
        for kind in KINDS
        for name, key in (("training", "train_error"), ("test", "test_error"))
    )
    untrained, trained = (
        tuple(Line(kind, _by_layer(results.of(_group(kind, most), key))) for kind in KINDS)
        for key in ("gradients", "gradients_trained")
    )
    plain, residual = (10 ** float(np.mean(falls(kind))) for kind in KINDS)
    return Conclusion(
        statements=(
            Statement(
                f"{most} plain layers have a higher training error than {middle}",
                worse(_group("plain", most), _group("plain", middle)),
            ),
            Statement(
                f"{most} plain layers have a higher training error than {least}",
                worse(_group("plain", most), _group("plain", least)),
            ),
            Statement(
                f"{most} residual layers have a training error of at most a hundredth above that of {least}",
                *(worse(_group("residual", most), _group("residual", least)), "below", 0.01),
            ),
            Statement(
                f"{most} residual layers have a lower training error than {most} plain ones",
                *(worse(_group("residual", most), _group("plain", most)), "below"),
            ),
            Statement(
                f"in {most} plain layers the gradient does not vanish: the first has over a tenth of the last one's",
                *(interval(falls("plain")), "above", -1, " decades"),
            ),
        ),
        tables=(Table("Errors", ("network", "training error", "test error"), errors),),
        charts=(
            Chart("Errors", "layers", "error", curves),
            Chart(f"Gradients of {most} layers, untrained", "layer", "length", untrained, log_y=True),
            Chart(f"Gradients of {most} layers, trained", "layer", "length", trained, log_y=True),
        ),
        quoted=(
            Quoted(
                f"training error of {most} plain layers against that of {middle}",
                "higher, on CIFAR-10",
                " and ".join(
                    f"{interval(results.of(_group('plain', depth), 'train_error')).mean:.3g}"
                    for depth in (most, middle)
                ),
                "He et al. 2015, figures 1 and 6",
            ),
            *(
                Quoted(
                    f"test error of {depth} residual layers, %",
                    f"{paper}, on CIFAR-10",
                    f"{100 * interval(results.of(_group('residual', depth), 'test_error')).mean:.2f}",
                    "He et al. 2015, table 6",
                )
                for depth, paper in ((middle, "8.75"), (most, "6.97"))
            ),
        ),
        cautions=(
            "Why deep plain networks are hard to train is not shown. He et al. hold vanishing gradients unlikely, as "
            "BN keeps signals alive both ways, and conjecture that they converge exponentially slowly (section 4.1).",
            f"Before training, the first layer's gradient is {plain:.3g} times that of the last CONV in {most} plain "
            f"layers, and {residual:.3g} times in residual ones. A "
            "ratio far over 1 is a gradient that grows on its way back, of which the paper does not speak.",
            "The networks have half the filters of the paper's, on small maps, and far fewer steps than its 64,000. "
            "All have the paper's learning rate, which was tuned for none of them.",
        ),
    )


def _by_layer(norms: list[list[float] | None]) -> tuple[tuple[float, Interval], ...]:
    """Over the seeds whose training did not diverge."""
    found = [of for of in norms if of is not None]
    return tuple((float(i), interval(of)) for i, of in enumerate(zip(*found, strict=True), 1))


CLAIM = Claim(
    name="residual",
    says="Plain networks of many layers reach a higher training error than those of few; with shortcuts they do not.",
    sources=("He, Zhang, Ren & Sun 2015, Deep Residual Learning for Image Recognition, sections 1, 4.1 and 4.2",),
    trials=trials,
    measure=measure,
    conclude=conclude,
)
