"""Consistency under shifts: the shift, the blur in notation, the figures, and the rule of the verdict."""

import numpy as np
import pytest
from scipy import ndimage

from tatami.engines import compile
from tatami.lab import Size
from tatami.lab.claim import Results, Trial
from tatami.lab.experiments.pooling import (
    HEADS,
    SHIFTS,
    WAYS,
    background,
    conclude,
    consistency,
    measure,
    net,
    shifted,
    trials,
)
from tatami.lab.training import Recipe, begin, fit
from tatami.network import find_network
from tatami.plan import make_plan


@pytest.mark.parametrize(("down", "right"), [(0, 2), (0, -3), (4, 0), (-1, 0), (2, -1), (9, 0)])
def test_a_shift_is_that_of_scipy_onto_the_background(down, right):
    x = np.random.default_rng(0).normal(size=(3, 6, 7, 2)).astype(np.float32)
    found = shifted(x, down, right)

    for image, moved, fill in zip(x, found, background(x)[:, 0, 0], strict=True):
        for c in range(2):
            wanted = ndimage.shift(image[..., c], (down, right), order=0, cval=fill[c])
            assert np.array_equal(moved[..., c], wanted)


def test_the_background_is_the_edge_not_the_content():
    x = np.full((1, 5, 5, 1), 7, np.uint8)
    x[:, 1:4, 1:4] = 200
    x[:, 0, 0] = 90

    assert background(x).item() == 7


def test_blur_pooling_in_notation_is_a_maximum_then_a_binomial_blur_with_stride_2():
    line = f"INPUT(8x8x2){WAYS['blur pooling']['down']}"
    x = np.random.default_rng(1).normal(size=(2, 8, 8, 2)).astype(np.float32)
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="edge")
    top = np.max([padded[:, i : i + 8, j : j + 8] for i in (0, 1) for j in (0, 1)], axis=0)
    top = np.pad(top, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="edge")
    weights = np.array([1, 2, 1]) / 4
    wanted = sum(weights[i] * weights[j] * top[:, i : i + 7 : 2, j : j + 7 : 2] for i in range(3) for j in range(3))

    model = compile(find_network(line).build(), "textbook", batch=2)
    assert model.forward(x) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("head", HEADS)
def test_the_networks_are_comparable(head):
    plans = {way: make_plan(find_network(net(way, head)).build((28, 28, 1), 10), 1) for way in WAYS}
    fields = {way: plan.totals.field.axes[0].size for way, plan in plans.items()}

    pooled = dict.fromkeys(("max pooling", "average pooling"), 18)
    assert fields == {**pooled, "strided convolution": 15, "none": 15, "blur pooling": 24}
    if head == "GAP":
        assert len({plan.totals.params for plan in plans.values()}) == 1


class _BrightestColumn:
    """A model that names the column where the most ink is, by scores."""

    def forward(self, x):
        return x.sum(axis=(1, 3))


def test_consistency_against_hand_arithmetic():
    training = begin(Recipe("INPUT -> GAP -> FC", 1, samples=64), "sample:digits", 0)
    training.model = _BrightestColumn()
    x = np.zeros((1, 28, 28, 1), np.uint8)
    x[0, 14, 4] = 255  # ink in column 4: five pixels to the left of it, counting itself, it leaves
    found = consistency(training, x)

    # Up and down the column stays, to the left and right it does not.
    assert found["same"][:4] == [0.5] * 4
    assert found["lost"] == [0.0] * 4 + [0.25] * 4


def test_a_network_that_sees_only_the_mean_does_not_mind_shifts():
    training = fit(Recipe("INPUT -> GAP -> FC", 3, samples=64), "sample:digits", 0)
    x = np.zeros((2, 28, 28, 1), np.uint8)
    x[:, 12:16, 12:15] = 130
    found = consistency(training, x)

    assert found["same"] == [1.0] * len(SHIFTS)
    assert found["moved"] == pytest.approx([0.0] * len(SHIFTS), abs=1e-6)
    assert found["lost"] == [0.0] * len(SHIFTS)


def test_a_tiny_trial():
    settings = {"net": net("max pooling", "FC"), "lr": 2e-3, "steps": 4, "images": 20}
    found = measure(Trial("max pooling, FC", settings, 0), "sample:digits")

    assert {len(found[name]) for name in ("same", "moved", "lost")} == {len(SHIFTS)}
    assert found["lost"] == sorted(found["lost"])
    assert all(0 <= value <= 1 for value in found["same"] + found["moved"])


GOOD = {
    "FC": {"max pooling": 0.96, "average pooling": 0.97, "strided convolution": 0.8, "none": 0.8, "blur pooling": 0.98},
    "GAP": {"max pooling": 0.9, "average pooling": 0.9, "strided convolution": 0.8, "none": 0.99, "blur pooling": 0.95},
}


def _made_up(same):
    rng = np.random.default_rng(0)
    made = []
    for trial in trials(Size()):
        way, head = trial.group.rsplit(", ", 1)
        level = same[head][way] + rng.normal(0, 1e-3)
        figures = {"accuracy": 0.97, "same": [level] * 8, "moved": [1 - level] * 8, "lost": [0.0] * 8}
        made.append((trial, figures))
    return Results(made)


def test_the_verdict_where_all_is_as_claimed():
    assert conclude(_made_up(GOOD)).verdict == "holds"


def test_the_verdict_where_nothing_is():
    upside_down = {head: {way: 1 - value for way, value in ways.items()} for head, ways in GOOD.items()}

    assert conclude(_made_up(upside_down)).verdict == "does not hold here"


def test_the_verdict_where_the_blur_does_not_help():
    found = conclude(_made_up({head: {**ways, "blur pooling": 0.5} for head, ways in GOOD.items()}))

    assert found.verdict == "holds partly"
    assert [s.text for s in found.statements if s.holds is False] == [
        "blur pooling is more consistent than max pooling",
        "before GAP, blur pooling is more consistent than max pooling",
        "blur pooling's scores move less than max pooling's",
    ]
