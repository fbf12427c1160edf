import math

import pytest

from tatami.errors import OptionError
from tatami.recipe import Constant, Cosine, OneCycle, StepDecay, make_schedule


def factors(schedule, steps):
    return [schedule.factor(step, steps) for step in range(steps)]


def test_by_name():
    names = ("constant", "step", "cosine", "OneCycle")
    assert [make_schedule(name) for name in names] == [Constant(), StepDecay(1 / 3, 0.1), Cosine(), OneCycle()]
    with pytest.raises(OptionError) as error:
        make_schedule("cosin")
    assert str(error.value) == (
        "unknown schedule; got cosin; expected constant, step, cosine, onecycle (hint: did you mean cosine?)"
    )


def test_constant():
    assert factors(Constant(), 3) == [1, 1, 1]


def test_steps_after_a_share_or_a_number():
    assert factors(StepDecay(), 9) == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01])
    assert factors(StepDecay(2, 0.5), 5) == [1, 1, 0.5, 0.5, 0.25]
    assert all(StepDecay().factor(n // 3, n) == pytest.approx(0.1) for n in range(3, 3000, 3))


def test_cosine_with_a_linear_rise():
    assert factors(Cosine(), 4) == pytest.approx([1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2])
    assert factors(Cosine(0.5), 8) == pytest.approx([0.25, 0.5, 0.75, 1, *factors(Cosine(), 4)])


def test_one_cycle_as_pytorch():
    # OneCycleLR(max_lr=1, total_steps=11, pct_start=0.4545, div_factor=25): the top at step 0.4545 * 11 - 1 = 4
    found = factors(OneCycle(warmup=5 / 11, start=1 / 25, end=0.01), 11)

    assert found[0] == pytest.approx(1 / 25)
    assert found[2] == pytest.approx((1 + 1 / 25) / 2)
    assert found[4] == pytest.approx(1)
    assert found[7] == pytest.approx((1 + 0.01) / 2)
    assert found[10] == pytest.approx(0.01)


@pytest.mark.parametrize("schedule", [Constant(), StepDecay(), Cosine(0.3), OneCycle(), OneCycle(warmup=0)], ids=str)
@pytest.mark.parametrize("steps", [1, 2, 3, 100])
def test_factors_lie_between_0_and_1_for_any_length(schedule, steps):
    assert all(0 <= factor <= 1 for factor in factors(schedule, steps))
    assert max(factors(schedule, steps)) > 0.3


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: StepDecay(1.5), "step: impossible every; got 1.5; expected a share under 1 or a number of steps"),
        (lambda: StepDecay(0), "step: impossible every; got 0; expected a share under 1 or a number of steps"),
        (lambda: StepDecay(-2), "step: impossible every; got -2; expected a share under 1 or a number of steps"),
        (lambda: StepDecay(gamma=0), "step: impossible gamma; got 0; expected a positive number"),
        (lambda: Cosine(1), "cosine: impossible warmup; got 1; expected a number of at least 0 and under 1"),
        (lambda: OneCycle(-0.1), "onecycle: impossible warmup; got -0.1; expected a number of at least 0 and under 1"),
        (lambda: OneCycle(start=0), "onecycle: impossible start; got 0; expected a positive number"),
        (lambda: OneCycle(end=0), "onecycle: impossible end; got 0; expected a positive number"),
    ],
)
def test_bad_values(make, text):
    with pytest.raises(OptionError) as error:
        make()

    assert str(error.value) == text
