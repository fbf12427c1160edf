"""The training loop, driven with a model that computes nothing: it notes what it is given and answers from a script."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tatami.data import Preprocess, Split
from tatami.errors import NumericError
from tatami.recipe import Constant, OneCycle, Schedule, StepDecay
from tatami.train import loop
from tatami.train.events import EpochEnded, Event, Stepped
from tatami.train.loop import Trainer, shuffled_batches, steps_per_epoch

# Sample i is the signal (i,); what the model sees of it is (i - 5) / 2.
SHIFTED = Preprocess("signal", (1, 1), 1.0, (5.0,), (2.0,))


@dataclass
class Scripted:
    """A model as far as the loop knows one."""

    batch: int
    losses: Iterator[float]
    validation: Iterator[float] = field(default_factory=lambda: iter(()))
    rates: list[float | None] = field(default_factory=list)
    batches: list[list[int]] = field(default_factory=list)

    def step(self, x: np.ndarray, y: np.ndarray, lr: float | None = None) -> float:
        numbers = x.ravel() * 2 + 5
        assert np.array_equal(y, numbers % 2), "samples and labels were parted"
        self.rates.append(lr)
        self.batches.append([int(number) for number in numbers])
        return next(self.losses)

    def score(self, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        return next(self.validation), np.eye(2)[y]  # all of them right


def samples(n: int) -> Split:
    return Split(np.arange(n, dtype=np.float32).reshape(n, 1, 1), np.arange(n, dtype=np.int64) % 2)


def drive(
    n: int = 5,
    batch: int = 3,
    losses: Iterable[float] | None = None,
    validation: Iterable[float] | None = None,
    **settings: Any,
) -> tuple[Scripted, Iterator[Event]]:
    """A scripted model and the events of its training on ``n`` samples, not begun yet."""
    endless = iter(lambda: 1.0, None)
    model = Scripted(batch, iter(losses) if losses is not None else endless, iter(validation or ()))
    held_out = None if validation is None else samples(2)
    stop = settings.pop("stop", lambda: False)
    given: dict[str, Any] = {"schedule": Constant(), "lr": 0.5, "epochs": 1, "seed": 0, "classes": 2, **settings}
    trainer = Trainer(model, samples(n), held_out, SHIFTED, ahead=0, **given)  # type: ignore[arg-type]
    return model, trainer.events(stop)


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the loop report each step."""
    monkeypatch.setattr(loop, "REPORT_EVERY", 0)


def of_epochs(events: Iterable[Event]) -> list[EpochEnded]:
    return [event for event in events if isinstance(event, EpochEnded)]


# --- the learning rate ---


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("schedule", [OneCycle(), StepDecay(), StepDecay(every=4)], ids=repr)
def test_the_learning_rate_follows_the_schedule_step_by_step(schedule: Schedule) -> None:
    model, events = drive(10, 3, schedule=schedule, lr=0.25, epochs=3)
    told = list(events)
    expected = [0.25 * schedule.factor(step, 12) for step in range(12)]
    assert len(set(expected)) > 2
    assert model.rates == expected
    assert [event.lr for event in told if isinstance(event, Stepped)] == expected
    assert [event.lr for event in of_epochs(told)] == expected[3::4]


# --- the batches ---


def test_each_epoch_is_another_order_of_all_samples() -> None:
    def orders(seed: int) -> list[list[int]]:
        model, events = drive(20, 6, seed=seed, epochs=4)
        list(events)
        taken = list(chain(*model.batches))
        return [taken[20 * epoch : 20 * epoch + 20] for epoch in range(4)]

    first = orders(seed=3)
    assert all(sorted(order) == list(range(20)) for order in first)
    assert all(a != b for i, a in enumerate(first) for b in first[:i])
    assert list(range(20)) not in first
    assert orders(seed=3) == first
    assert not any(a == b for a, b in zip(orders(seed=4), first, strict=True))


@pytest.mark.parametrize("batch", range(1, 9))
def test_batches_are_full_enough_and_never_too_large(batch: int) -> None:
    for n in range(1, 40):
        sizes = [len(indices) for indices in shuffled_batches(n, batch, 0, 1)]
        assert len(sizes) == steps_per_epoch(n, batch) == math.ceil(n / batch)
        assert sum(sizes) == n
        assert max(sizes) <= batch
        assert max(sizes) - min(sizes) <= 1
        # One sample alone has no variance. With batches of 3 or more it can always be kept with others.
        if n > 1 and (batch > 2 or (batch == 2 and n % 2 == 0)):
            assert min(sizes) > 1


# --- what is told ---


@pytest.mark.usefixtures("every_step")
def test_the_events_of_a_training() -> None:
    _, events = drive(5, 3, epochs=2, validation=[2.0, 1.0])
    told = list(events)
    assert [type(event) for event in told] == [Stepped, Stepped, EpochEnded] * 2
    assert [(e.epoch, e.step, e.steps) for e in told if isinstance(e, Stepped)] == [
        *[(1, 1, 4), (1, 2, 4)],
        *[(2, 3, 4), (2, 4, 4)],
    ]
    assert [(e.epoch, e.step, e.validation_loss, e.validation_accuracy) for e in of_epochs(told)] == [
        (1, 2, 2.0, 1.0),
        (2, 4, 1.0, 1.0),
    ]


def test_the_training_loss_is_the_mean_over_samples() -> None:
    model, events = drive(5, 3, losses=[1.0, 6.0, 0.5, 0.25], epochs=2)  # batches of 3 and of 2
    first, second = of_epochs(events)
    assert [len(batch) for batch in model.batches] == [3, 2, 3, 2]
    assert first.train_loss == (3 * 1.0 + 2 * 6.0) / 5
    assert second.train_loss == (3 * 0.5 + 2 * 0.25) / 5


@pytest.mark.usefixtures("every_step")
def test_the_loss_within_an_epoch_is_a_moving_mean_without_bias() -> None:
    """After k steps the loss of step i weighs 0.9**(k - i), and the weights are shared out over their sum."""
    losses = [4.0, 1.0, 2.0, 8.0, 0.5, 3.0]
    _, events = drive(5, 3, losses=losses, epochs=3)
    told = [event.loss for event in events if isinstance(event, Stepped)]
    for k in range(1, 7):
        weights = [0.9 ** (k - i) for i in range(1, k + 1)]
        assert told[k - 1] == pytest.approx(np.average(losses[:k], weights=weights), rel=1e-12)


def test_reports_within_an_epoch_are_spaced_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: clock.now))

    def losses() -> Iterator[float]:
        while True:
            clock.now += 0.0625  # a step of 2 samples; the second step passes the tenth of a second
            yield 1.0

    _, events = drive(10, 2, losses=losses(), epochs=1)
    told = list(events)
    assert [(e.step, e.samples_per_second) for e in told if isinstance(e, Stepped)] == [(2, 32), (4, 32), (5, 32)]
    assert [e.seconds for e in of_epochs(told)] == [5 * 0.0625]


@pytest.mark.parametrize(
    ("validation", "best"),
    [([3.0, 1.0, 2.0], [1, 1, 0]), ([1.0, 1.0, 0.5], [1, 0, 1]), ([1.0, 3.0, 2.0], [1, 0, 0]), (None, [1, 1, 1])],
)
def test_the_best_epoch_is_that_of_the_lowest_validation_loss(validation: list[float] | None, best: list[int]) -> None:
    _, events = drive(epochs=3, validation=validation)
    assert [event.is_best for event in of_epochs(events)] == [bool(is_best) for is_best in best]


# --- how it ends ---


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("after", [1, 2, 3, 5])
def test_stop_ends_after_the_step_in_hand(after: int) -> None:
    model: Scripted
    model, events = drive(5, 3, epochs=50, stop=lambda: len(model.batches) >= after)
    told = list(events)
    assert len(model.batches) == after
    assert len([event for event in told if isinstance(event, Stepped)]) == after - 1
    assert len(of_epochs(told)) == (after - 1) // 2  # two steps an epoch; one cut short does not count


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_validation_loss_that_is_no_number(loss: float) -> None:
    _, events = drive(epochs=3, validation=[1.0, loss, 1.0])
    told: list[Event] = []
    with pytest.raises(NumericError) as caught:
        told.extend(events)
    assert str(caught.value) == (
        f"epoch 2: the validation loss is no number any more; got {loss} (hint: a smaller learning rate)"
    )
    assert [event.epoch for event in of_epochs(told)] == [1]


def test_the_model_rests_between_events() -> None:
    """After an epoch's event no step is taken until the next event is asked for: the weights can be saved."""
    model, events = drive(epochs=2)
    assert [len(model.batches) for event in events if isinstance(event, EpochEnded)] == [2, 4]
