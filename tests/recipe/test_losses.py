import pytest

from tatami.errors import OptionError
from tatami.recipe import CrossEntropy, Hinge, MeanSquaredError, make_loss


def test_by_name():
    assert [make_loss(name) for name in ("cross-entropy", "MSE", "hinge")] == [
        CrossEntropy(),
        MeanSquaredError(),
        Hinge(margin=1.0),
    ]


def test_bad_values():
    with pytest.raises(OptionError) as error:
        make_loss("crossentropy")
    assert str(error.value) == (
        "unknown loss; got crossentropy; expected cross-entropy, mse, hinge (hint: did you mean cross-entropy?)"
    )
    with pytest.raises(OptionError, match="hinge: impossible margin; got 0; expected a positive number"):
        Hinge(0)
