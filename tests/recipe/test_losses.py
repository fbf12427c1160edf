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


def test_which_losses_take_targets():
    takes = {loss: loss.takes_targets for loss in (CrossEntropy(), CrossEntropy(True), MeanSquaredError(), Hinge())}
    assert list(takes.values()) == [False, True, True, False]
    assert make_loss("cross-entropy") == CrossEntropy(targets=False)
    assert CrossEntropy(targets=True).name == "cross-entropy"
    with pytest.raises(OptionError, match="cross-entropy: impossible targets; got 'yes'; expected True or False"):
        CrossEntropy(targets="yes")
