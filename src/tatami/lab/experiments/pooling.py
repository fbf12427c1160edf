"""Shifted images: does pooling keep what a network says of them? And does a blur before the subsampling?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tatami.data import Split
from tatami.lab.claim import Claim, Figures, Results, Size, Trial
from tatami.lab.intervals import interval, paired
from tatami.lab.training import Array, Recipe, Training, fit, test_of
from tatami.views.experiment import Chart, Conclusion, Interval, Line, Quoted, Statement, Table

# Each is put behind two convolutions and halves the maps, but for "none", whose dilation gives it a like field.
BODY = (
    "INPUT -> CONV(16, 3, S={stride}) -> RELU{down} -> CONV(16, 3{second}) -> RELU{down} -> CONV(32, 3{third}) -> RELU"
)
WAYS: dict[str, Mapping[str, object]] = {
    "max pooling": {"down": " -> POOL"},
    "average pooling": {"down": " -> POOL(avg, 2)"},
    "strided convolution": {"stride": 2, "second": ", S=2"},
    "none": {"second": ", dilation=2", "third": ", dilation=4"},
    # A maximum at every place, then the binomial blur [1, 2, 1] / 4 with stride 2: two means of two.
    "blur pooling": {"down": " -> POOL(2, S=1, P=same) -> POOL(avg, 2, S=1, P=same) -> POOL(avg, 2)"},
}
# The memo's pattern ends in FC on the last maps, where each place has weights of its own; newer networks average first.
HEADS = {"FC": (" -> FC", 2e-3), "GAP": (" -> GAP -> FC", 1e-2)}
STEPS, FULL_STEPS = 400, 1500
SHIFTS = range(1, 9)
JUDGED = 4  # most digits have margins of so many pixels: up to here hardly any ink is lost
IMAGES, FULL_IMAGES = 500, 1000
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))
STAY = 0.9


def net(way: str, head: str) -> str:
    """A network in notation."""
    parts = {"stride": 1, "down": "", "second": "", "third": "", **WAYS[way]}
    return BODY.format(**parts) + HEADS[head][0]


def trials(size: Size) -> list[Trial]:
    """Each way of subsampling with each head."""
    steps, images = (FULL_STEPS, FULL_IMAGES) if size.is_full else (STEPS, IMAGES)
    return [
        Trial(f"{way}, {head}", {"net": net(way, head), "lr": lr, "steps": steps, "images": images}, seed)
        for seed in size.seeds_or(quick=4, full=10)
        for head, (_, lr) in HEADS.items()
        for way in WAYS
    ]


def measure(trial: Trial, data: str) -> Figures:
    """By size of the shift: how many predictions stay, how far scores move, and what of the images is lost."""
    recipe = Recipe(trial.settings["net"], trial.settings["steps"], lr=trial.settings["lr"])
    training = fit(recipe, data, trial.seed)
    x = np.asarray(test_of(training.dataset).x[: trial.settings["images"]])
    return {"accuracy": training.accuracy(), **consistency(training, x)}


def consistency(training: Training, x: Array) -> Figures:
    """Predictions for images x (N, H, W, C) and for the same shifted: lists by size of the shift, over 4 directions.

    ``same`` is the share of images whose predicted class stays, ``moved`` the total variation between the class
    probabilities before and after (0 to 1), ``lost`` the share of the content, as it differs from the background, that
    leaves the image.
    """
    before = _probabilities(training, x)
    content = _content(x)
    found: Figures = {"same": [], "moved": [], "lost": []}
    for pixels in SHIFTS:
        rows = []
        for down, right in DIRECTIONS:
            moved = shifted(x, down * pixels, right * pixels)
            after = _probabilities(training, moved)
            same = np.mean(after.argmax(axis=1) == before.argmax(axis=1))
            rows.append((same, np.abs(after - before).sum(axis=1).mean() / 2, 1 - _content(moved) / max(content, 1e-9)))
        for name, value in zip(found, np.mean(rows, axis=0), strict=True):
            found[name].append(float(value))
    return found


def shifted(x: Array, down: int, right: int) -> Array:
    """Images (N, H, W, C) moved by whole pixels; what comes in is each image's :func:`background`."""
    height, width = x.shape[1:3]
    moved = np.broadcast_to(background(x), x.shape).copy()
    to_rows, from_rows = _overlap(height, down)
    to_columns, from_columns = _overlap(width, right)
    moved[:, to_rows, to_columns] = x[:, from_rows, from_columns]
    return moved


def background(x: Array) -> Array:
    """The median of each image's outermost pixels, by channel: (N, 1, 1, C)."""
    edges = [x[:, 0], x[:, -1], x[:, 1:-1, 0], x[:, 1:-1, -1]]
    return np.asarray(np.median(np.concatenate(edges, axis=1), axis=1)[:, None, None].astype(x.dtype))


def _overlap(size: int, by: int) -> tuple[slice, slice]:
    """Where the pixels of an axis go, and where they come from."""
    kept = max(size - abs(by), 0)
    ahead, behind = slice(size - kept, size), slice(0, kept)
    return (ahead, behind) if by >= 0 else (behind, ahead)


def _content(x: Array) -> float:
    return float(np.abs(x.astype(np.float64) - background(x)).sum())


def _probabilities(training: Training, x: Array) -> Array:
    scores = training.model.forward(training.samples(Split(x, np.zeros(len(x), np.int64)))[0]).astype(np.float64)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def conclude(results: Results) -> Conclusion:
    """Means over shifts of 1 to 4 pixels, compared seed by seed."""

    def mean_of(way: str, head: str, figure: str = "same") -> list[float]:
        return [float(np.mean(values[:JUDGED])) for values in results.of(f"{way}, {head}", figure)]

    def more(first: str, second: str, head: str, figure: str = "same") -> Interval:
        return paired(mean_of(first, head, figure), mean_of(second, head, figure))

    def at(way: str, head: str, pixels: int, figure: str = "same") -> Interval:
        return interval([values[pixels - 1] for values in results.of(f"{way}, {head}", figure)])

    far = f"at shifts of 1 to {JUDGED} pixels"
    tables = tuple(
        Table(
            f"Predictions that stay, before {head}, by pixels of the shift",
            ("", *WAYS),
            (
                *((f"{n}", *(f"{at(way, head, n).mean:.1%}" for way in WAYS)) for n in SHIFTS),
                ("accuracy", *(f"{interval(results.of(f'{way}, {head}', 'accuracy')).mean:.1%}" for way in WAYS)),
                ("scores moved", *(f"{interval(mean_of(way, head, 'moved')).mean:.3f}" for way in WAYS)),
            ),
        )
        for head in HEADS
    )
    lost = results.of("max pooling, FC", "lost")[0]
    zhang = "Zhang 2019, results published with its code, ImageNet"
    ours = f"{at('max pooling', 'FC', 1).mean:.1%} -> {at('blur pooling', 'FC', 1).mean:.1%} (FC, 1 pixel)"
    return Conclusion(
        statements=(
            Statement(f"max pooling is more consistent than no subsampling, {far}", more("max pooling", "none", "FC")),
            Statement(
                "max pooling is more consistent than strided convolution",
                more("max pooling", "strided convolution", "FC"),
            ),
            Statement(
                "average pooling is more consistent than strided convolution",
                more("average pooling", "strided convolution", "FC"),
            ),
            Statement(
                f"with max pooling, nine of ten predictions stay at a shift of {JUDGED}",
                at("max pooling", "FC", JUDGED),
                bound=STAY,
            ),
            Statement(
                "before GAP, max pooling is less consistent than no subsampling",
                more("max pooling", "none", "GAP"),
                "below",
            ),
            Statement("blur pooling is more consistent than max pooling", more("blur pooling", "max pooling", "FC")),
            Statement(
                "before GAP, blur pooling is more consistent than max pooling",
                more("blur pooling", "max pooling", "GAP"),
            ),
            Statement(
                "blur pooling's scores move less than max pooling's",
                more("blur pooling", "max pooling", "FC", "moved"),
                "below",
            ),
        ),
        tables=(
            *tables,
            Table(
                "What of the images' content leaves them",
                ("", *map(str, SHIFTS)),
                (("share, mean", *(f"{share:.1%}" for share in lost)),),
            ),
        ),
        charts=tuple(
            Chart(
                f"Predictions that stay, before {head}",
                "pixels of the shift",
                "share",
                tuple(Line(way, tuple((float(n), at(way, head, n)) for n in SHIFTS)) for way in WAYS),
            )
            for head in HEADS
        ),
        quoted=(
            Quoted("consistency, VGG-16: max pooling -> blur [1, 2, 1]", "88.52% -> 89.60%", ours, zhang),
            Quoted("the same, AlexNet", "78.18% -> 82.15%", ours, zhang),
        ),
        cautions=(
            "Moved by whole pixels; what comes in is the median of the image's edge, what goes out is lost: "
            "large shifts change the images themselves.",
            "Nothing was augmented: where objects stand in the middle, as the digits do, FC knows no other place. "
            "Training on shifted images makes predictions consistent, too.",
            "A more accurate network is more consistent whatever its layers; accuracies stand beside.",
            "Zhang's consistency is that of two random crops of an image, ours that of an image and its shift.",
            f"Scores move by the total variation of the class probabilities, 0 to 1, {far}.",
            "Without subsampling, FC has 16 times as many inputs. The fields differ, too: 18 pixels where maps are "
            "pooled, 15 with strided convolutions or none, 24 with a blur.",
        ),
    )


CLAIM = Claim(
    name="pooling",
    says="Pooling makes a network robust to shifts; but only partly: subsampling aliases, and a blur before it helps.",
    sources=(
        "CS231n, Convolutional Networks, section 'Pooling Layer'",
        "Zhang 2019, Making Convolutional Networks Shift-Invariant Again, sections 3 and 4",
    ),
    trials=trials,
    measure=measure,
    conclude=conclude,
)
