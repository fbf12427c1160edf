"""Occlusion: Captum's published values, a definition in plain loops, and what does not fit."""

import numpy as np
import pytest

from tatami.errors import OptionError
from tatami.inspect.occlusion import occlusion
from tatami.inspect.passes import scores

from .captum import IMAGE, TENSORS, TEXT

SIGNAL = "INPUT(3x1) -> FC(3) -> FC(4) -> RELU -> FC(2)"
SIGNAL_TENSORS = {
    "fc1_weight": np.eye(3),
    "fc1_bias": np.zeros(3),
    "fc2_weight": np.ones((3, 4)),
    "fc2_bias": [-10, 1, 1, 1],
    "fc3_weight": np.ones((4, 2)),
    "fc3_bias": [-1, 1],
}


@pytest.mark.parametrize(
    ("x", "options", "expected"),
    [
        ([20, 50, 30], {"window": 1}, [80, 200, 120]),
        ([20, 50, 30], {"window": 2, "stride": 1, "baseline": 10}, [200, 220, 240]),
        ([20, 50, 30], {"window": 2, "stride": 2}, [280, 280, 120]),
        ([2, 10, 3], {"window": 1}, [8, 35, 12]),
    ],
)
def test_captums_published_values_of_a_signal(make_subject, x, options, expected):
    """Its tests/attr/test_occlusion.py, BasicModel_MultiLayer."""
    subject = make_subject(SIGNAL, **SIGNAL_TENSORS)
    found = occlusion(subject, np.reshape(x, (1, 3, 1)), 0, **options)
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"window": 4, "baseline": 1}, np.full((4, 4), 67)),
        ({"window": 4, "baseline": IMAGE}, np.full((4, 4), 13)),
        (
            {"window": (2, 3), "stride": (2, 1), "baseline": 1},
            [[17, 17, 17, 17], [17, 17, 17, 17], [64, 65.5, 65.5, 67], [64, 65.5, 65.5, 67]],
        ),
        (
            {"window": (1, 2), "stride": (1, 2), "baseline": IMAGE},
            [[3, 3, 3, 3], [3, 3, 3, 3], [3, 3, 3, 3], [0, 0, 0, 0]],
        ),
    ],
)
def test_captums_published_values_of_an_image(make_subject, options, expected):
    """Its network sums two images; hiding the one leaves the other, which is the baseline here."""
    subject = make_subject(TEXT, **TENSORS)
    np.testing.assert_allclose(occlusion(subject, IMAGE + 1, 0, **options)[0], expected, rtol=1e-6)


def test_each_position_gets_the_mean_loss_of_the_windows_that_hid_it(make_subject, samples):
    subject = make_subject("INPUT(7x6x2) -> CONV(3) -> TANH -> POOL -> FC(3) -> SOFTMAX")
    x, targets = samples(subject), [2, 0, 1]
    found = occlusion(subject, x, targets, (3, 2), (2, 2), baseline=0.5)
    for i, target in enumerate(targets):
        losses = [[[] for _ in range(6)] for _ in range(7)]
        for top in range(0, 5, 2):
            for left in range(0, 5, 2):
                hidden = x[i].copy()
                hidden[top : top + 3, left : left + 2] = 0.5
                loss = (scores(subject, x[i : i + 1]) - scores(subject, hidden[None]))[0, target]
                for row in range(top, top + 3):
                    for column in range(left, left + 2):
                        losses[row][column].append(loss)
        np.testing.assert_allclose(found[i], [[np.mean(cell) for cell in row] for row in losses], atol=1e-5)


def test_the_last_window_is_cut_off_where_the_stride_does_not_fit(make_subject):
    subject = make_subject("INPUT(5x1) -> FC(1)", fc1_weight=[1, 2, 4, 8, 16], fc1_bias=[0])
    found = occlusion(subject, np.ones((1, 5, 1)), 0, 2, 2)
    np.testing.assert_array_equal(found[0], [3, 3, 12, 12, 16])


def test_more_windows_than_go_through_at_once(make_subject):
    subject = make_subject("INPUT(100x1) -> FC(1)", fc1_weight=np.arange(100), fc1_bias=[0])
    np.testing.assert_allclose(occlusion(subject, np.ones((1, 100, 1)), 0, 1, 1)[0], np.arange(100), atol=1e-2)


def test_a_quarter_of_each_axis_unless_given(make_subject, samples):
    subject = make_subject("INPUT(8x5x1) -> CONV(2) -> FC(2)")
    x = samples(subject)
    np.testing.assert_array_equal(occlusion(subject, x, 0), occlusion(subject, x, 0, (2, 2), (1, 1)))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"window": 5},
            "window: the window does not fit; got 5; expected whole numbers from 1 to 4x4, the size of the input; one "
            "for all axes, or one each",
        ),
        (
            {"window": (1, 2, 3)},
            "window: the window does not fit; got (1, 2, 3); expected whole numbers from 1 to 4x4, the size of the "
            "input; one for all axes, or one each",
        ),
        (
            {"window": (2, 3), "stride": 3},
            "stride: the stride does not fit; got 3; expected whole numbers from 1 to 2x3, the size of the window; one "
            "for all axes, or one each",
        ),
        (
            {"window": 2.5},
            "window: the window does not fit; got 2.5; expected whole numbers from 1 to 4x4, the size of the input; "
            "one for all axes, or one each",
        ),
        (
            {"window": 2, "baseline": np.zeros(3)},
            "baseline: the baseline does not fit the samples; got float64 (3,); expected a number, or an array that "
            "fits (1, 4, 4, 1)",
        ),
    ],
)
def test_windows_that_do_not_fit(make_subject, options, problem):
    with pytest.raises(OptionError) as caught:
        occlusion(make_subject(TEXT, **TENSORS), IMAGE, 0, **options)
    assert str(caught.value) == problem


def test_a_vector_has_nothing_to_slide_over(make_subject):
    with pytest.raises(OptionError, match="input: this layer has no positions; got a plain vector of 3"):
        occlusion(make_subject("INPUT(3) -> FC(2)"), np.zeros((1, 3)), 0)
