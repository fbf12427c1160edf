"""The memo's two lines against SciPy's correlation, the paddings, the short rule, and the verdict."""

import numpy as np
import pytest
from scipy.signal import correlate

from tatami.lab.claim import Results, Size, Trial
from tatami.lab.experiments import definition
from tatami.lab.experiments.definition import CLAIM, PADDINGS, RULE, Case, draw_case, same, short_rule


def plain(lengths, size, pads=None, **changed):
    axes = len(lengths)
    values = {"depth": 1, "filters": 1, "stride": (1,) * axes, "dilation": (1,) * axes, "groups": 1} | changed
    return Case(lengths, size=size, padding="valid", pads=pads or ((0, 0),) * axes, **values)


def convolve(X, W, b, case):
    return [definition.convolve(X, W, b, case, line) for line in definition.LINES[:2]]


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_both_lines_are_a_correlation(axes):
    rng = np.random.default_rng(axes)
    lengths, size = (7, 6, 5)[:axes], (3, 2, 4)[:axes]
    X, W, b = (rng.standard_normal(shape) for shape in ((*lengths, 2), (*size, 2, 3), (3,)))
    expected = np.stack([correlate(X, W[..., k], "valid", "direct")[..., 0] + b[k] for k in range(3)], axis=-1)

    for found in convolve(X, W, b, plain(lengths, size, depth=2, filters=3)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_padding_stride_dilation_and_groups_by_hand():
    X = np.array([[1.0, 10], [2, 20], [3, 30], [4, 40]])  # 4 positions, 2 channels
    W = np.array([[[1.0, 1]], [[2, 3]]])  # 2 wide, one channel a group, 2 filters
    case = plain((4,), (2,), ((1, 0),), depth=2, filters=2, stride=(2,), dilation=(2,), groups=2)

    # Padded 0 1 2 3 4: windows stand on positions (0, 2) and (2, 4).
    for found in convolve(X, W, np.array([0.5, 0]), case):
        assert found.tolist() == [[0 + 2 * 2 + 0.5, 0 + 3 * 20], [2 + 2 * 4 + 0.5, 20 + 3 * 40]]


@pytest.mark.parametrize(
    ("W", "F", "S", "expected"),
    [
        (5, 3, 1, (1, 1)),
        (13, 6, 5, (1, 2)),
        (4, 2, 1, (0, 1)),
        (6, 3, 2, (0, 1)),
        (5, 1, 3, (0, 0)),
        (224, 7, 2, (2, 3)),
    ],
)
def test_same_as_tensorflow_has_it(W, F, S, expected):
    assert same(W, F, S) == expected


@pytest.mark.parametrize("padding", PADDINGS)
def test_random_layers_have_the_sizes_that_the_notation_gives_them(padding):
    rng = np.random.default_rng(0)
    for axes in (1, 2, 3):
        for usual in (True, False):
            case = draw_case(rng, axes, padding, usual)
            conv = case.network().nodes[-1].layer
            assert (conv.kernel_size, conv.stride, conv.dilation) == (case.size, case.stride, case.dilation)
            assert conv.window((*case.lengths, case.depth)).padding == case.pads


def test_an_engine_that_errs_is_seen(monkeypatch):
    trial = Trial("2-D, P=same", {"axes": 2, "padding": "same", "cases": 2, "engines": ["textbook", "cpu in NumPy"]}, 0)
    right = CLAIM.measure(trial, "")
    make_model = definition.make_model
    monkeypatch.setattr(definition, "make_model", lambda *args: Wrong(make_model(*args)))
    wrong = CLAIM.measure(trial, "")

    assert right["wrong_sizes"] == 0
    assert max(right["error lines"], right["error textbook float64"], right["error cpu in NumPy float64"]) < 1e-14
    assert 1e-9 < right["error textbook float32"] < 1e-5
    assert wrong["error textbook float64"] > 1e-3


class Wrong:
    """A model whose output is off by a little."""

    def __init__(self, model):
        self.model = model

    def load_state_dict(self, state):
        self.model.load_state_dict(state)

    def forward(self, x):
        return 1.01 * self.model.forward(x)


def test_the_short_rule_counted_by_hand():
    # (W, F, S): size by P = ceil(F/2), by P = floor(F/2), and ceil(W/S)
    # (1,1,1) 3 1 1; (2,1,1) 4 2 2; (2,2,1) 3 3 2; (2,2,2) 2 2 1
    found = short_rule(2)

    assert (found["cases"], found["up"], found["down"], found["cases_at_one"]) == (4, 0, 2, 3)
    assert (found["odd_at_one"], found["wrong_odd_at_one"]) == (2, 0)


def made_up(error):
    trials = CLAIM.trials(Size(seeds=1))
    names = trials[0].settings["engines"]
    figures = {f"error {name} {dtype}": 1e-16 for name in names for dtype in definition.DTYPES}
    figures |= {"error lines": 1e-16, "wrong_sizes": 0, "cases": 4, f"error {names[0]} float64": error}
    return Results([(t, short_rule(5) if t.group == RULE else figures) for t in trials])


def test_the_verdict():
    holds = {s.text: s.holds for s in CLAIM.conclude(made_up(1e-16)).statements}
    errs = {s.text: s.holds for s in CLAIM.conclude(made_up(1e-3)).statements}

    assert [text for text, held in holds.items() if not held] == [
        "P = ceil(F/2) gives the size of `same`: no exception"
    ]
    assert [text for text in holds if holds[text] != errs[text]] == ["textbook computes them in float64"]
    assert CLAIM.conclude(made_up(1e-16)).verdict == "holds partly"


def test_without_pytorch_a_caution_says_so(monkeypatch):
    monkeypatch.setattr(definition.importlib.util, "find_spec", lambda name: None)

    assert "torch" not in definition.engines()
    assert any("PyTorch is not installed" in caution for caution in CLAIM.conclude(made_up(0.0)).cautions)
