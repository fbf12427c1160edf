"""Dropout: the gap between training and test by rate and amount of data; what it averages; with max-norm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tatami.lab.claim import Claim, Figures, Results, Size, Trial
from tatami.lab.intervals import interval, paired
from tatami.lab.training import Array, Recipe, Training, begin, run, test_of
from tatami.views.experiment import Chart, Conclusion, Interval, Line, Quoted, Statement, Table

RATES, CHOSEN = (0.0, 0.25, 0.5, 0.75), 0.5
AMOUNTS, MIDDLE = (250, 1000, 5000), 1000
THINNED = 50
# The length that the weights into a unit may have. He's start with about sqrt(2), and these trainings leave them below
# the 3 to 4 that are usual (Srivastava et al., appendix A), which would change nothing.
NORM = 1.0
STEPS, FULL_STEPS = 600, 3000
# Nothing is dropped in its CONV, as it has few weights; fc1 is dropped, and fc2 reads it.
NET = "INPUT -> CONV(16, 5, S=2) -> RELU -> POOL -> FC(256) -> RELU -> DROPOUT({rate}) -> FC"
HIDDEN, READER = "fc1.weight", "fc2.weight"
VIEWS = {
    **{"one": "one thinned network", "averaged": f"the mean of {THINNED}", "test": "the scaled one"},
    "difference": "mean difference of the last two's probabilities",
}


def _group(rate: float, amount: int) -> str:
    return f"rate {rate:g}, {amount} samples"


CONSTRAINED = f"{_group(CHOSEN, MIDDLE)}, max-norm"


def trials(size: Size) -> list[Trial]:
    """All rates on all amounts of data; and max-norm."""
    steps = FULL_STEPS if size.is_full else STEPS
    found = []
    for seed in size.seeds_or(quick=5, full=10):
        for amount in AMOUNTS:
            for rate in RATES:
                settings = {"rate": rate, "amount": amount, "steps": steps}
                found.append(Trial(_group(rate, amount), settings, seed))
        settings = {"rate": CHOSEN, "amount": MIDDLE, "steps": steps, "norm": NORM}
        found.append(Trial(CONSTRAINED, settings, seed))
    return found


def measure(trial: Trial, data: str) -> Figures:
    """Accuracies in training and test; at the chosen rate also those of thinned networks."""
    settings = trial.settings
    rate = settings["rate"]
    recipe = Recipe(NET.format(rate=rate), settings["steps"], samples=settings["amount"])
    training = run(begin(recipe, data, trial.seed), Constraint(settings["norm"]) if "norm" in settings else None)
    train, test = training.accuracy(training.split), training.accuracy()
    found = {
        "train": train,
        "test": test,
        "gap": train - test,
        "norm": float(np.linalg.norm(training.model.state_dict()[HIDDEN], axis=0).max()),
    }
    return found if rate != CHOSEN else {**found, **thinned(training, rate)}


@dataclass(frozen=True)
class Constraint:
    """Max-norm: after each step, the weights into a hidden unit are scaled to length ``most`` where they are longer."""

    most: float

    def __call__(self, training: Training) -> None:
        state = training.model.state_dict()
        state[HIDDEN] = constrain(state[HIDDEN], self.most)
        training.model.load_state_dict(state)


def constrain(weights: Array, most: float) -> Array:
    """Weights (inputs, units), each unit's scaled to length ``most`` where they are longer."""
    lengths = np.linalg.norm(weights, axis=0)
    scaled: Array = weights * np.minimum(1, most / np.maximum(lengths, most))
    return scaled.astype(weights.dtype)


def thinned(training: Training, rate: float) -> Figures:
    """Accuracy of the mean of thinned networks' probabilities, how far it is from the whole one's, their mean accuracy.

    A thinned network is one that training might have drawn. As inference drops nothing, the rows of the weights that
    read a dropped unit are made zero, and the others divided by 1 - rate.
    """
    model, kept = training.model, training.model.state_dict()
    x, y = training.samples(test_of(training.dataset))
    rng = np.random.default_rng([training.seed, 50])
    total = np.zeros((len(x), model.network.output_shape[-1]))
    accuracies = []
    for _ in range(THINNED):
        mask = rng.random((len(kept[READER]), 1)) >= rate
        model.load_state_dict({**kept, READER: (kept[READER] * (mask / (1 - rate))).astype(kept[READER].dtype)})
        found = _probabilities(model.forward(x))
        total += found / THINNED
        accuracies.append(float((found.argmax(axis=1) == y).mean()))
    model.load_state_dict(kept)
    return {
        "averaged": float((total.argmax(axis=1) == y).mean()),
        "one": float(np.mean(accuracies)),
        "difference": float(np.abs(total - _probabilities(model.forward(x))).mean()),
    }


def _probabilities(scores: Array) -> Array:
    """Their softmax, (N, classes)."""
    powers = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    found: Array = powers / powers.sum(axis=1, keepdims=True)
    return found


def conclude(results: Results) -> Conclusion:
    """With the chosen rate against without, seed by seed: same samples, same first weights."""

    def change(figure: str, amount: int) -> Interval:
        return paired(results.of(_group(CHOSEN, amount), figure), results.of(_group(0, amount), figure))

    def within(first: str, second: str) -> Interval:
        return paired(results.of(_group(CHOSEN, MIDDLE), first), results.of(_group(CHOSEN, MIDDLE), second))

    def error(group: str) -> float:
        return 100 - 100 * interval(results.of(group, "test")).mean

    rows = tuple(
        (group, *(str(interval(results.of(group, key))) for key in ("train", "test", "gap")))
        for group in results.groups()
    )
    views = tuple(
        (str(amount), *(str(interval(results.of(_group(CHOSEN, amount), key))) for key in VIEWS)) for amount in AMOUNTS
    )
    lines = tuple(
        Line(f"rate {rate:g}", tuple((float(n), interval(results.of(_group(rate, n), "gap"))) for n in AMOUNTS))
        for rate in RATES
    )
    free, held = (interval(results.of(group, "norm")) for group in (_group(CHOSEN, MIDDLE), CONSTRAINED))
    return Conclusion(
        statements=(
            *(
                Statement(f"at {n} samples a rate of {CHOSEN:g} narrows the gap", change("gap", n), "below")
                for n in AMOUNTS
            ),
            *(Statement(f"at {n} samples it raises the test accuracy", change("test", n)) for n in AMOUNTS),
            Statement(f"the mean of {THINNED} thinned networks classifies better than one", within("averaged", "one")),
            Statement(
                f"the scaled network is at most a hundredth worse than the mean of {THINNED}",
                *(within("test", "averaged"), "above", -0.01),
            ),
            Statement(
                "max-norm raises the test accuracy further",
                paired(results.of(CONSTRAINED, "test"), results.of(_group(CHOSEN, MIDDLE), "test")),
            ),
        ),
        tables=(
            Table("Accuracy", ("", "training", "test", "gap"), rows),
            Table(
                f"Test accuracy at rate {CHOSEN:g}",
                ("samples", *VIEWS.values()),
                views,
            ),
        ),
        charts=(Chart("Training less test accuracy", "training samples", "gap", lines, log_x=True),),
        quoted=(
            Quoted(
                "test error without and with dropout, %",
                "1.60 (logistic, 800 units a layer) and 1.25 (ReLU, 1024), on MNIST",
                f"{error(_group(0, AMOUNTS[-1])):.2f} and {error(_group(CHOSEN, AMOUNTS[-1])):.2f}",
                "Srivastava et al. 2014, table 2",
            ),
            Quoted(
                "gain from dropout by amount of data",
                "none at 100 and 500 samples, then it grows up to a point and declines",
                ", ".join(f"{100 * change('test', n).mean:+.2f} points at {n}" for n in AMOUNTS),
                "Srivastava et al. 2014, section 7.4",
            ),
            Quoted(
                "thinned networks whose mean is as good as the scaled one",
                "about 50",
                f"{THINNED}: {100 * within('averaged', 'test').mean:+.2f} points of accuracy against it",
                "Srivastava et al. 2014, section 7.5",
            ),
        ),
        cautions=(
            "All rates have the same units and steps. The paper makes dropped layers wider and trains them longer "
            "(appendix A): a narrower gap with a lower training accuracy may be no gain.",
            f"Where max-norm is not applied, the longest weights into a unit have length {free}; where it is, {held}.",
            "Behind the layer that is dropped there is one more, and a softmax: the scaled network is then exactly the "
            "geometric mean of all thinned ones; with more layers it is a mean only nearly.",
        ),
    )


CLAIM = Claim(
    name="dropout",
    says="Dropout narrows the gap between training and test; the whole network stands for the mean of thinned ones.",
    sources=(
        "Srivastava et al. 2014, Dropout: A Simple Way to Prevent Neural Networks from Overfitting, "
        "sections 5.1, 7.4 and 7.5",
    ),
    trials=trials,
    measure=measure,
    conclude=conclude,
)
