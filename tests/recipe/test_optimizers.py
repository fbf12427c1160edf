import pytest

from tatami.errors import OptionError
from tatami.recipe import SGD, Adam, AdamW, RMSProp, make_optimizer


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sgd", SGD()),
        ("SGD", SGD(0.01, 0.0, False, weight_decay=0.0)),
        ("momentum", SGD(momentum=0.9)),
        ("nesterov", SGD(momentum=0.9, nesterov=True)),
        ("rmsprop", RMSProp(1e-3, 0.99, 1e-8)),
        ("adam", Adam(1e-3, (0.9, 0.999), 1e-8, weight_decay=0.0)),
        ("AdamW", AdamW(weight_decay=0.01)),
    ],
)
def test_by_name(name, expected):
    assert make_optimizer(name) == expected
    assert type(make_optimizer(name)) is type(expected)


def test_by_name_with_options():
    assert make_optimizer("momentum", 0.5, weight_decay=0.1, momentum=0.8) == SGD(0.5, 0.8, weight_decay=0.1)
    assert make_optimizer("adamw", clip_norm=1) == AdamW(clip_norm=1.0)
    assert make_optimizer("rmsprop").clip_norm is None


def test_slots():
    assert SGD().slots == ()
    assert SGD(momentum=0.9).slots == ("velocity",)
    assert RMSProp().slots == ("mean_square",)
    assert Adam().slots == AdamW().slots == ("mean", "variance")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: make_optimizer("adm"),
            "unknown optimizer; got adm; expected sgd, momentum, nesterov, rmsprop, adam, adamw"
            " (hint: did you mean adam?)",
        ),
        (
            lambda: make_optimizer("adam", wight_decay=1),
            "adam: unknown option wight_decay; expected lr, weight_decay, clip_norm, betas, eps"
            " (hint: did you mean weight_decay?)",
        ),
        (lambda: make_optimizer("sgd", 0), "sgd: impossible lr; got 0; expected a positive number"),
        (lambda: SGD(float("nan")), "sgd: impossible lr; got nan; expected a positive number"),
        (lambda: SGD("0.1"), "sgd: impossible lr; got 0.1; expected a positive number"),
        (lambda: SGD(momentum=1), "sgd: impossible momentum; got 1; expected a number of at least 0 and under 1"),
        (lambda: SGD(nesterov=True), "sgd: nesterov needs momentum; got momentum 0; expected such as 0.9"),
        (lambda: AdamW(weight_decay=-1), "adamw: impossible weight_decay; got -1; expected a number of at least 0"),
        (lambda: Adam(betas=(0.9,)), "adam: impossible betas; got (0.9,); expected two, such as (0.9, 0.999)"),
        (lambda: Adam(betas=(0.9, 1.0)), "adam: impossible beta; got 1.0; expected a number of at least 0 and under 1"),
        (lambda: Adam(eps=0), "adam: impossible eps; got 0; expected a positive number"),
        (lambda: RMSProp(alpha=2), "rmsprop: impossible alpha; got 2; expected a number of at least 0 and under 1"),
        (lambda: RMSProp(eps=-1), "rmsprop: impossible eps; got -1; expected a positive number"),
        (lambda: SGD(clip_norm=0), "sgd: impossible clip_norm; got 0; expected a positive number"),
        (lambda: Adam(clip_norm=float("inf")), "adam: impossible clip_norm; got inf; expected a positive number"),
        (lambda: Adam(clip_norm=True), "adam: impossible clip_norm; got True; expected a positive number"),
    ],
)
def test_bad_values(make, text):
    with pytest.raises(OptionError) as error:
        make()

    assert str(error.value) == text
