"""What the layers of a network know of the classes, and how specific their units are: linear probes and top patches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tatami.engines import compile
from tatami.lab.claim import Claim, Figures, Results, Size, Trial
from tatami.lab.intervals import interval, paired
from tatami.lab.training import Array, Recipe, Training, fit, test_of
from tatami.network import Network
from tatami.network.layers import ReLU
from tatami.views.experiment import Chart, Conclusion, Line, Quoted, Statement, Table

# Equally wide throughout, so that each layer's probe has as many numbers to go by.
NET = "INPUT -> [CONV(32, 3) -> RELU -> POOL]*2 -> [CONV(32, 3) -> RELU]*3 -> GAP -> FC"
LR = 1e-2
TRAINED, UNTRAINED = "trained", "untrained"
STEPS, FULL_STEPS = 400, 2000
PROBED, FULL_PROBED = 2000, 5000
IMAGES = 1000
TOP = 9  # patches a unit, as Zeiler & Fergus show them
SHOWN = 3
BLOCK = 250


def trials(size: Size) -> list[Trial]:
    """The network after its training, and as it was before."""
    steps, probed = (FULL_STEPS, FULL_PROBED) if size.is_full else (STEPS, PROBED)
    return [
        Trial(group, {"net": NET, "steps": taken, "probed": probed, "images": IMAGES}, seed)
        for seed in size.seeds_or(quick=5, full=10)
        for group, taken in ((TRAINED, steps), (UNTRAINED, 0))
    ]


def measure(trial: Trial, data: str) -> Figures:
    """Layer by layer: the test accuracy of a probe, and how pure the units' top patches are."""
    settings = trial.settings
    training = fit(Recipe(settings["net"], settings["steps"], lr=LR), data, trial.seed)
    x, y = training.samples(training.split, settings["probed"])
    test_x, test_y = training.samples(test_of(training.dataset), settings["images"])
    found: Figures = {"accuracy": training.accuracy(), "probe": [], "purity": [], "silent": [], "units": []}
    for layer in layers_of(training.network):
        means, _ = summaries(training, layer, x)
        test_means, peaks = summaries(training, layer, test_x)
        found["probe"].append(probe(means, y, test_means, test_y))
        tops = [top for unit in peaks.T if (top := top_labels(unit, test_y))]
        found["purity"].append(float(np.mean([purity(top) for top in tops])) if tops else 0.0)
        found["silent"].append(peaks.shape[1] - len(tops))
        middle = max(0, len(tops) // 2 - SHOWN // 2)
        shown = sorted(tops, key=purity)[middle : middle + SHOWN]
        found["units"].append([[training.dataset.classes[label] for label in sorted(top)] for top in shown])
    draws = np.random.default_rng([trial.seed, 8])
    random = [purity(list(draws.choice(test_y, TOP, replace=False))) for _ in range(2000)]
    return {**found, "chance": float(np.mean(random))}


def layers_of(network: Network) -> list[str]:
    """The layers that are looked at: the output of each convolution, behind its RELU."""
    return [node.name for node in network if isinstance(node.layer, ReLU)]


def summaries(training: Training, layer: str, x: Array) -> tuple[Array, Array]:
    """The mean and the maximum of each map of a layer, for samples x: both (N, maps).

    The maximum's place is the unit's top patch of a sample.
    """
    network = training.network
    end = [node.name for node in network].index(layer) + 1
    part = Network(network.nodes[:end])
    model = compile(part, training.recipe.engine, batch=BLOCK)
    state = training.model.state_dict()
    model.load_state_dict({name: state[name] for name in part.parameters()})
    found = []
    for start in range(0, len(x), BLOCK):
        maps = model.forward(x[start : start + BLOCK])
        maps = maps.reshape(len(maps), -1, maps.shape[-1])
        found.append((maps.mean(axis=1), maps.max(axis=1)))
    means, peaks = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return means, peaks


def probe(x: Array, y: Array, test_x: Array, test_y: Array) -> float:
    """The test accuracy of multinomial logistic regression on standardised features (N, features)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000))
    return float(model.fit(x, y).score(test_x, test_y))


def top_labels(unit: Array, labels: Array) -> list[int]:
    """The classes of the images where a unit answers most; none for a unit that is silent on all but a few.

    Args:
        unit: its highest answer to each image, (N,).
        labels: of the images.
    """
    top = np.argsort(-unit, kind="stable")[:TOP]
    return [int(labels[i]) for i in top] if len(top) == TOP and unit[top[-1]] > 0 else []


def purity(labels: Sequence[int]) -> float:
    """The share of the most frequent class."""
    return Counter(labels).most_common(1)[0][1] / len(labels)


def conclude(results: Results) -> Conclusion:
    """Each seed's rise from the first layer to the last, beside that of the untrained network."""
    count = len(results.of(TRAINED, "probe")[0])
    layers = range(1, count + 1)

    def rises(group: str, figure: str) -> list[float]:
        return [float(values[-1] - values[0]) for values in results.of(group, figure)]

    def steps(group: str, figure: str) -> list[float]:
        return [float(np.diff(values).min()) for values in results.of(group, figure)]

    def line(group: str, figure: str) -> Line:
        values = np.array(results.of(group, figure), float)
        return Line(group, tuple((float(i), interval(list(values[:, i - 1]))) for i in layers))

    def cells(figure: str, group: str) -> list[str]:
        return [f"{point.mean:.1%}" for _, point in line(group, figure).points]

    trained = cells("probe", TRAINED)
    rows = [(f"probe, {group}", *cells("probe", group)) for group in (TRAINED, UNTRAINED)]
    rows += [(f"purity of the top {TOP}, {group}", *cells("purity", group)) for group in (TRAINED, UNTRAINED)]
    silent = np.mean(results.of(TRAINED, "silent"), axis=0)
    rows.append(("silent units, trained", *(f"{number:.1f}" for number in silent)))
    units = results.of(TRAINED, "units")[0]
    shown = [(f"layer {i}", "; ".join(" ".join(top) for top in units[i - 1])) for i in layers]
    chance = interval(results.of(TRAINED, "chance"))
    return Conclusion(
        statements=(
            Statement(
                "a linear probe is right more often on the last layer than on the first",
                interval(rises(TRAINED, "probe")),
            ),
            Statement(
                "each layer's probe is right more often than the one before it: the smallest rise",
                interval(steps(TRAINED, "probe")),
            ),
            Statement(
                "the rise is larger than in an untrained network",
                paired(rises(TRAINED, "probe"), rises(UNTRAINED, "probe")),
            ),
            Statement(
                "units become more specific: the top patches of the last layer's are purer than of the first's",
                interval(rises(TRAINED, "purity")),
            ),
            Statement(
                "this rise, too, is larger than in an untrained network",
                paired(rises(TRAINED, "purity"), rises(UNTRAINED, "purity")),
            ),
        ),
        tables=(
            Table("By layer: means over seeds", ("", *map(str, layers)), tuple(rows)),
            Table(f"Classes of the top {TOP} patches: units of median purity, first seed", ("", "units"), tuple(shown)),
        ),
        charts=(
            Chart("Linear probes", "layer", "test accuracy", (line(TRAINED, "probe"), line(UNTRAINED, "probe"))),
            Chart(
                f"Share of the most frequent class in a unit's top {TOP}",
                "layer",
                "share",
                (line(TRAINED, "purity"), line(UNTRAINED, "purity")),
            ),
        ),
        quoted=(
            Quoted(
                "linear separability by depth",
                "increases monotonically",
                ", ".join(trained),
                "Alain & Bengio 2016, abstract",
            ),
        ),
        cautions=(
            "A probe sees the mean of each of a layer's 32 maps, not where in the image: "
            "what a layer knows by place is not counted.",
            "Later layers see larger patches, a larger part of a digit, which alone makes units more specific: "
            "the untrained network, with the same fields, stands beside.",
            f"Nine images drawn at random have a purity of {chance.mean:.1%}. Units that answer fewer are left out.",
            "How well a probe does says what can be read from a layer, not what the network uses.",
        ),
    )


CLAIM = Claim(
    name="features",
    says="Stacked deep, convolutions extract features that are more and more abstract: specific to the classes.",
    sources=(
        "Alain & Bengio 2016, Understanding intermediate layers using linear classifier probes",
        "Zeiler & Fergus 2013, Visualizing and Understanding Convolutional Networks, section 4",
    ),
    trials=trials,
    measure=measure,
    conclude=conclude,
)
