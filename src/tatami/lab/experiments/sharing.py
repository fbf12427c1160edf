"""What sharing weights saves: a convolution, and layers of as many outputs whose every output has weights of its own.

A locally connected layer sees the windows of the convolution, but has other weights at each position. It is trained as
a fully connected one whose weights outside the windows are set to zero after each step: what an optimizer does to a
weight by its own gradient alone, it does not to others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tatami.data import Split
from tatami.engines.base import Array
from tatami.lab.claim import Claim, Figures, Results, Size, Trial
from tatami.lab.intervals import exact, interval, paired
from tatami.lab.training import Recipe, Training, begin, data_of, run, test_of
from tatami.network import find_network
from tatami.network.layers import Conv, product
from tatami.plan import make_plan
from tatami.train.material import fit_to_data
from tatami.views.experiment import Chart, Conclusion, Interval, Line, Quoted, Statement, Table

SHARED, LOCAL, FULL = LAYERS = ("convolution", "locally connected", "fully connected")
NET = "INPUT -> POOL -> {layer} -> RELU -> FC"
CONV = "CONV(8, 5, P=valid)"
STEPS = 1200
IMAGES = (100, 300, 1000, 3000)
SHIFTS = (1, 2, 4)  # pixels; POOL makes two of them one
ALEXNET = "INPUT(227x227x3) -> CONV(96, 11, S=4, P=valid)"


def trials(size: Size) -> list[Trial]:
    """Each layer, trained on few images to many."""
    return [
        Trial(_group(layer, images), {"layer": layer, "images": images, "steps": STEPS}, seed)
        for seed in size.seeds_or(quick=5, full=20)
        for images in IMAGES
        for layer in LAYERS
    ]


def _group(layer: str, images: int) -> str:
    return f"{layer}, {images} images"


def measure(trial: Trial, data: str) -> Figures:
    """Parameters of the layer and of the network; accuracy, also on shifted test images."""
    training = fit_layer(trial.settings["layer"], trial.settings["images"], trial.settings["steps"], data, trial.seed)
    total = make_plan(training.network).totals.params
    own = sum(p.size for name, p in training.network.parameters().items() if name.startswith(_node(training)))
    if trial.settings["layer"] == LOCAL:
        outside = int((~windows(data)).sum())
        own, total = own - outside, total - outside
    test = test_of(training.dataset)
    return {
        "params": own,
        "total": total,
        "outputs": product(_convolution(data)[1]),
        "accuracy": training.accuracy(),
        "train_accuracy": training.accuracy(training.split, 1000),
        **{
            f"accuracy {pixels}": float(np.mean([training.accuracy(split) for split in shifted(test, pixels)]))
            for pixels in SHIFTS
        },
    }


def _node(training: Training) -> str:
    """The layer's name with a point: that of the first with weights."""
    return next(iter(training.network.parameters())).split(".")[0] + "."


def fit_layer(layer: str, images: int, steps: int, data: str, seed: int) -> Training:
    """A training of the network with this layer."""
    if layer == SHARED:
        return run(begin(Recipe(NET.format(layer=CONV), steps, samples=images), data, seed))
    outputs = product(_convolution(data)[1])
    training = begin(Recipe(NET.format(layer=f"FC({outputs})"), steps, samples=images), data, seed)
    if layer == FULL:
        return run(training)
    inside = windows(data)
    # He's first weights, for outputs that see a window rather than all inputs.
    keep_inside(training, inside, math.sqrt(len(inside) / inside[:, 0].sum()))
    return run(training, lambda training: keep_inside(training, inside))


def keep_inside(training: Training, inside: Array, scale: float = 1.0) -> None:
    """Set the layer's weights outside the windows to zero; multiply the others."""
    state = training.model.state_dict()
    state["fc1.weight"] *= (inside * scale).astype(state["fc1.weight"].dtype)
    training.model.load_state_dict(state)


def windows(data: str) -> Array:
    """Which inputs each output of the convolution sees: bool (inputs, outputs), both flattened."""
    inputs, outputs = _convolution(data)
    network = find_network(f"INPUT({'x'.join(map(str, inputs))}) -> {CONV}").build()
    (conv,) = (node.layer for node in network if isinstance(node.layer, Conv))
    axes = conv.window(inputs).axes
    inside = np.zeros((*inputs, *outputs), bool)
    for position in np.ndindex(*outputs[:-1]):
        seen = (slice(x * axis.stride, x * axis.stride + axis.extent) for x, axis in zip(position, axes, strict=True))
        inside[(*seen, slice(None), *position)] = True
    return inside.reshape(product(inputs), product(outputs))


def _convolution(data: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of the convolution's input and output."""
    network = fit_to_data(find_network(NET.format(layer=CONV)), data_of(data))
    (node,) = (node for node in network if isinstance(node.layer, Conv))
    (shape,) = network.input_shapes(node)
    return shape, node.shape


def shifted(split: Split, pixels: int) -> Iterator[Split]:
    """The samples moved by so many pixels, each way along each spatial axis; the border is repeated behind them."""
    x = np.asarray(split.x)
    for axis in range(1, x.ndim - 1):
        for before, after in ((pixels, 0), (0, pixels)):
            padded = np.pad(x, [(before, after) if i == axis else (0, 0) for i in range(x.ndim)], mode="edge")
            kept = slice(after, after + x.shape[axis])
            yield Split(padded[(*(slice(None),) * axis, kept)], split.y)


def conclude(results: Results) -> Conclusion:
    """Parameters are counted; accuracies are compared seed by seed."""
    few, many = IMAGES[0], IMAGES[-1]

    def figure(layer: str, key: str) -> float:
        return float(results.of(_group(layer, few), key)[0])

    def gain(other: str, images: int) -> list[float]:
        pairs = (results.of(_group(layer, images), "accuracy") for layer in (SHARED, other))
        return [a - b for a, b in zip(*pairs, strict=True)]

    def lost(layer: str, pixels: int) -> list[float]:
        pairs = (results.of(_group(layer, many), key) for key in ("accuracy", f"accuracy {pixels}"))
        return [a - b for a, b in zip(*pairs, strict=True)]

    def of(layer: str, images: int, key: str = "accuracy") -> Interval:
        return interval(results.of(_group(layer, images), key))

    return Conclusion(
        statements=(
            Statement(
                "a convolution has fewer parameters than a locally connected layer",
                exact(figure(SHARED, "params") - figure(LOCAL, "params")),
                "below",
            ),
            Statement(
                "that has fewer than a fully connected one",
                exact(figure(LOCAL, "params") - figure(FULL, "params")),
                "below",
            ),
            Statement(
                f"trained on {few} images, it classifies better than locally connected", interval(gain(LOCAL, few))
            ),
            Statement(f"trained on {few} images, it classifies better than fully connected", interval(gain(FULL, few))),
            Statement(
                f"its gain over locally connected is larger with {few} images than with {many}",
                paired(gain(LOCAL, few), gain(LOCAL, many)),
            ),
            *(
                Statement(
                    f"where test images are shifted by 2 pixels, it loses less accuracy than {other}",
                    paired(lost(SHARED, 2), lost(other, 2)),
                    "below",
                )
                for other in (LOCAL, FULL)
            ),
        ),
        tables=(
            Table(
                f"Layers with {figure(SHARED, 'outputs'):,.0f} outputs",
                ("layer", "parameters", "of the network"),
                tuple((layer, f"{figure(layer, 'params'):,.0f}", f"{figure(layer, 'total'):,.0f}") for layer in LAYERS),
            ),
            Table(
                "Test accuracy by training images",
                ("layer", *map(str, IMAGES)),
                tuple((layer, *(str(of(layer, images)) for images in IMAGES)) for layer in LAYERS),
            ),
            Table(
                f"Test accuracy by shift in pixels, trained on {many} images",
                ("layer", "0", *map(str, SHIFTS)),
                tuple(
                    (layer, *(str(of(layer, many, key)) for key in ("accuracy", *(f"accuracy {p}" for p in SHIFTS))))
                    for layer in LAYERS
                ),
            ),
        ),
        charts=(
            Chart(
                "Accuracy and amount of data",
                "training images",
                "test accuracy",
                tuple(Line(layer, tuple((float(n), of(layer, n)) for n in IMAGES)) for layer in LAYERS),
                log_x=True,
            ),
        ),
        quoted=(
            Quoted(
                "AlexNet's first layer: parameters, shared and unshared",
                "34,944 and 105,705,600",
                "{:,} and {:,}".format(*_alexnet()),
                "CS231n, section 'Parameter Sharing'",
            ),
        ),
        cautions=(
            "One layer was replaced, in a small network; all three were trained with the same optimizer, learning rate "
            "and steps.",
            "The last FC sees where each output stands, so the network is not made to ignore shifts; see `pooling`.",
        ),
    )


def _alexnet() -> tuple[int, int]:
    """Parameters of the layer, and of one with weights of their own for each output."""
    network = find_network(ALEXNET).build()
    weight, bias = (parameter.size for parameter in network.parameters().values())
    return weight + bias, product(network.output_shape) * (weight // bias + 1)


CLAIM = Claim(
    name="sharing",
    says="A convolution's few shared weights need less data than weights for each position, and stand shifts better.",
    sources=(
        "CS231n, Convolutional Networks, section 'Parameter Sharing'",
        "LeCun et al. 1989, Backpropagation Applied to Handwritten Zip Code Recognition, section 3",
    ),
    trials=trials,
    measure=measure,
    conclude=conclude,
)
