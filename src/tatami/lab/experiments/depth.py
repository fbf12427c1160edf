"""One 7x7 layer against three of 3x3: the same field with fewer parameters, more bends, and more memory; and deeper."""

from __future__ import annotations

from tatami.lab.claim import Claim, Figures, Results, Size, Trial
from tatami.lab.intervals import exact, interval, paired
from tatami.lab.training import Recipe, fit
from tatami.network import find_network
from tatami.plan import make_plan
from tatami.plan.figures import plan_figures
from tatami.views.experiment import Chart, Conclusion, Interval, Line, Quoted, Statement, Table

# The memo's comparison, in the memo's words, at depth 3.
MEMO = {
    "one 7x7": "INPUT(32x32x3) -> CONV(3, 7, P=0) -> RELU",
    "three 3x3": "INPUT(32x32x3) -> [CONV(3, 3, P=0) -> RELU]*3",
}

# The same in networks that classify, behind one layer that halves the map. At 16 filters one 7x7 layer has the field of
# three 3x3 layers; with 12 it has 3% more parameters than they have, the last FC included.
STEM = "INPUT -> CONV(16, 3, S=2) -> RELU -> "
THREE = "3x3 three times"
BODIES = {
    "7x7, equal field": "CONV(16, 7) -> RELU -> POOL -> FC",
    "7x7, equal parameters": "CONV(12, 7) -> RELU -> POOL -> FC",
    THREE: "[CONV(16, 3) -> RELU]*3 -> POOL -> FC",
}
STEPS, FULL_STEPS = 500, 1500  # after 500, all know 0.97 and more of the training digits
DEPTHS, FULL_DEPTHS = (2, 5, 10, 20), (2, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20)


def _plain(depth: int) -> str:
    return f"{STEM}POOL -> [CONV(16, 3) -> RELU]*{depth - 1} -> FC"


def _plain_group(depth: int) -> str:
    return f"{depth} plain layers"


def trials(size: Size) -> list[Trial]:
    """The memo's two nets planned, the classifiers trained, and plain stacks of 2 to 20 layers."""
    steps = FULL_STEPS if size.is_full else STEPS
    found = [Trial(group, {"net": net}) for group, net in MEMO.items()]
    for seed in size.seeds_or(quick=5, full=10):
        for group, body in BODIES.items():
            found.append(Trial(group, {"net": STEM + body, "steps": steps}, seed))
        for depth in FULL_DEPTHS if size.is_full else DEPTHS:
            found.append(Trial(_plain_group(depth), {"net": _plain(depth), "steps": steps, "depth": depth}, seed))
    return found


def measure(trial: Trial, data: str) -> Figures:
    """What the net costs; and its accuracy, where it is to be trained."""
    if "steps" not in trial.settings:
        return _cost(trial.settings["net"], None)
    training = fit(Recipe(trial.settings["net"], trial.settings["steps"]), data, trial.seed)
    found = _cost(trial.settings["net"], training.network.input_shape)
    train = training.accuracy(training.split, 1000)
    return {**found, "accuracy": training.accuracy(), "train_accuracy": train, "diverged": training.diverged}


def _cost(text: str, shape: tuple[int, ...] | None) -> Figures:
    network = find_network(text).build(shape, 10)
    plan = make_plan(network, 64)
    figures = plan_figures(plan, peak=False)
    axes = figures.field.axes
    return {
        "params": figures.params,
        "macs": figures.macs,
        "values": figures.activation_values,
        "field": axes[0].size if axes else 0,
        "output": "x".join(map(str, figures.output)),
        "nonlinearities": figures.nonlinearities,
    }


def conclude(results: Results) -> Conclusion:
    """Counts are exact; accuracies are compared seed by seed."""
    seven, three = MEMO
    rows = []
    for name, key in (("parameters", "params"), ("MACs", "macs"), ("values of all maps", "values")):
        rows.append((name, *(f"{results.of(group, key)[0]:,}" for group in MEMO)))
    rows.append(("output", *(results.of(group, "output")[0] for group in MEMO)))
    rows.append(("receptive field", *(str(results.of(group, "field")[0]) for group in MEMO)))
    rows.append(("non-linearities", *(str(results.of(group, "nonlinearities")[0]) for group in MEMO)))

    def count(key: str) -> float:
        return float(results.of(three, key)[0] - results.of(seven, key)[0])

    def better(first: str, second: str) -> Interval:
        return paired(results.of(first, "accuracy"), results.of(second, "accuracy"))

    wide, narrow, _ = BODIES
    plain = [group for group in results.groups() if group.endswith("plain layers")]
    accuracy = [
        (g, f"{results.of(g, 'params')[0]:,}", str(results.of(g, "field")[0]), str(interval(results.of(g, "accuracy"))))
        for g in [*BODIES, *plain]
    ]
    lines = tuple(
        Line(
            name, tuple((float(results.settings(group)["depth"]), interval(results.of(group, key))) for group in plain)
        )
        for name, key in (("test", "accuracy"), ("training", "train_accuracy"))
    )
    test_gain, train_gain = (
        paired(results.of(_plain_group(20), key), results.of(_plain_group(10), key))
        for key in ("accuracy", "train_accuracy")
    )
    return Conclusion(
        statements=(
            Statement("three 3x3 layers have fewer parameters than one 7x7", exact(count("params")), "below"),
            Statement("their outputs have one size", exact(abs(_sizes_differ(results))), "below", 0.5),
            Statement("they have more non-linearities", exact(count("nonlinearities"))),
            Statement("they need more memory for maps", exact(count("values")), unit=" values"),
            Statement("at an equal field they classify better than one 7x7 of equal width", better(THREE, wide)),
            Statement("at equal parameters they classify better", better(THREE, narrow)),
            Statement("5 plain layers classify better than 2", better(_plain_group(5), _plain_group(2))),
        ),
        tables=(
            Table("A 32x32x3 input, depth 3", ("", *MEMO), tuple(rows)),
            Table("Test accuracy of classifiers", ("network", "parameters", "field", "accuracy"), tuple(accuracy)),
        ),
        charts=(Chart("Plain stacks", "layers", "accuracy", lines),),
        quoted=(
            Quoted("parameters, one 7x7 and three 3x3", "444 and 252", _both(results, "params"), "the memo"),
            Quoted("output of both", "26x26", _both(results, "output"), "the memo"),
            Quoted(
                "parameters without biases, C channels",
                "49 C^2 and 27 C^2",
                f"{_without_biases(7, 1)} and {_without_biases(3, 3)} at C = 3",
                "VGG, section 2.3",
            ),
        ),
        cautions=(
            f"Whether more layers go on helping is no part of the claim: 20 plain ones less 10 make {test_gain} of "
            f"test accuracy and {train_gain} of training accuracy. The claim `residual` goes into it.",
            "The classifiers' accuracies are those of small images and short trainings.",
        ),
    )


def _both(results: Results, key: str) -> str:
    return " and ".join(
        f"{results.of(group, key)[0]:,}" if key == "params" else results.of(group, key)[0] for group in MEMO
    )


def _without_biases(size: int, layers: int, depth: int = 3) -> int:
    net = f"INPUT(32x32x{depth}) -> [CONV({depth}, {size}, bias=no)]*{layers}"
    return make_plan(find_network(net).build()).totals.params


def _sizes_differ(results: Results) -> float:
    return float(len({results.of(group, "output")[0] for group in MEMO}) - 1)


CLAIM = Claim(
    name="depth",
    says="Three 3x3 layers see what one 7x7 sees, with fewer parameters, more non-linearities, and more memory.",
    sources=(
        "CS231n, Convolutional Networks, section 'Prefer a stack of small filter CONV to one large receptive field'",
        "Simonyan & Zisserman 2014, Very Deep Convolutional Networks, section 2.3",
    ),
    trials=trials,
    measure=measure,
    conclude=conclude,
)
