"""A training on its way into its run directory: saved as it goes, tested at its end, with a report.

A process can be killed between any two lines here. The order is such that what is on the disk is always a run that can
go on: an epoch's event is written before its weights, and dropped again where they were not; the test is done again
unless ``ended`` is there, which is written last.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from tatami.errors import BAD_INPUT, NumericError, RankError
from tatami.formats import atomic_write
from tatami.train.evaluation import event_of, examine, write_evaluation
from tatami.train.events import Ended, EpochEnded, Event, Measured, Paused, Resumed, Tested
from tatami.train.interrupt import stop_on_interrupt
from tatami.train.loop import Trainer
from tatami.train.material import Material
from tatami.train.report import read_report
from tatami.train.rescue import mark, rescue
from tatami.train.rewind import keep
from tatami.train.run import REPORT, Run
from tatami.train.steering import Steer, Wish, onward
from tatami.views.evaluation import Evaluation
from tatami.views.report import report_html

Listener = Callable[[Event], None]

Watch = Callable[[Material, Trainer, bool], Iterable[Event]]
"""Looks at a training between two steps, on rank 0; what it returns is told. It changes nothing.

It is asked after every event; True says that this state is worth a look however long ago the last was: before the first
step, in a pause, after the last step.
"""

POLL = 0.02
"""Seconds between two questions in a pause."""

STARVING = 0.3
"""A share of waiting for data from which the user is told,"""

WORTH_SAYING = 2.0
"""unless it was for fewer seconds than this."""


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    Attributes:
        run: its directory.
        tested: the result; None when it was interrupted before the first epoch's end, and on ranks other than 0.
        interrupted: whether it was.
        loss: of the best weights on the samples of the result; None as for ``tested``.
    """

    run: Run
    tested: Tested | Measured | None
    interrupted: bool
    loss: float | None = None

    @property
    def report(self) -> Path:
        """The page that shows it."""
        return self.run.path / REPORT


def unwatched(material: Material, trainer: Trainer, due: bool) -> Iterable[Event]:
    """The :data:`Watch` of a training that tells no more than its own events."""
    return ()


def record(
    run: Run,
    material: Material,
    trainer: Trainer,
    listen: Listener,
    before: list[Event],
    first: Event,
    steer: Steer = onward,
    watch: Watch = unwatched,
) -> Outcome:
    """Train to the end, test, and write the report. Of several ranks all train, and rank 0 does the rest.

    Args:
        run: where to.
        material: what is trained on.
        trainer: at the step to begin with.
        listen: is told every event, on rank 0.
        before: what the run has told already.
        first: what it tells now.
        steer: pauses it or ends it early, besides signals.
        watch: looks at it.

    Raises:
        NumericError: the loss is no number any more; what there is has been saved, tested and reported.
        RunError: the disk does not take it.
        RankError: another rank is gone; what there is has been saved. Or rank 0 has failed.
    """
    return _Recording(run, material, trainer, listen, steer, watch).go(before, first)


class _Recording:
    """Events on their way from the trainer to the run directory and the listener."""

    def __init__(
        self, run: Run, material: Material, trainer: Trainer, listen: Listener, steer: Steer, watch: Watch
    ) -> None:
        self.run, self.material, self.trainer, self.listen = run, material, trainer, listen
        self.steer, self.watch = steer, watch
        self.ranks, self.leads = trainer.ranks, trainer.ranks.rank == 0
        self.wish = Wish.GO  # of this rank
        self.stopped = False  # whether any rank was told to stop, which all of them know
        self.saved = time.perf_counter()

    def go(self, before: list[Event], first: Event) -> Outcome:
        trainer, run = self.trainer, self.run
        epochs = [event for event in before if isinstance(event, EpochEnded)]
        marked = self.ranks.exchange(mark(run))[0]
        if isinstance(first, Resumed) and self.leads:
            for event in before:
                self.listen(event)
        self._tell(first)
        failure: NumericError | None = None
        with ExitStack() as signals:
            asked = signals.enter_context(stop_on_interrupt(self.ranks.size))
            try:
                try:
                    self._train(asked, epochs)
                except NumericError as error:
                    failure = error
                interrupted = self.stopped and not failure and not trainer.is_done
                if interrupted:
                    self._save(is_best=not epochs)
                if self.ranks.size == 1:
                    signals.close()
                failed = not self.leads and self.ranks.exchange(False)[0]  # others wait until rank 0 has tested
            except RankError as lost:
                raise rescue(run, marked, trainer, self.material.identity, epochs, lost) from lost
            if failed:
                raise RankError("rank 0 has failed", said=True, code=BAD_INPUT)
            return self._end(epochs, interrupted, failure) if self.leads else Outcome(run, None, interrupted)

    def _end(self, epochs: list[EpochEnded], interrupted: bool, failure: NumericError | None) -> Outcome:
        """Test the best weights, and write the report."""
        trainer, run = self.trainer, self.run
        tested: Tested | Measured | None = None
        found = self._examine() if epochs else None
        if found is not None and math.isfinite(found.loss):
            write_evaluation(run.path, found)
            tested = event_of(found)
            self._tell(tested)
        elif found is not None and failure is None:
            failure = NumericError(
                f"the {found.split} loss is no number",
                where=str(run.path),
                got=found.loss,
                hint="a smaller learning rate",
            )
        early = trainer.is_out_of_patience and trainer.progress.epoch < trainer.epochs
        reason = "failed" if failure else "interrupted" if interrupted else "early" if early else "finished"
        best = max((event.epoch for event in epochs if event.is_best), default=0)
        self._tell(Ended(reason, len(epochs), best, trainer.progress.seconds, self._starved()))
        atomic_write(run.path / REPORT, report_html(read_report(run)))
        with suppress(RankError):  # whoever is gone now is not missed
            self.ranks.exchange(failure is not None)
        if failure:
            failure.hint = f"{failure.hint}; what there is lies in {run.path}"
            raise failure
        return Outcome(run, tested, interrupted, tested.loss if tested else None)

    def _train(self, asked: Callable[[], bool], epochs: list[EpochEnded]) -> None:
        """Every step that is left; epochs are added to ``epochs`` as they end.

        For a pause the trainer is left after the step in hand, as for a stop, and taken up again behind it.
        """

        def ask() -> Wish:
            return Wish.STOP if asked() else self.steer()

        def halts() -> bool:
            self.wish = ask()
            return self.ranks.any(self.wish is not Wish.GO)

        self._look(due=True)
        while not self.trainer.is_done and self._goes_on(ask):
            for event in self.trainer.events(halts):
                if isinstance(event, EpochEnded):
                    epochs.append(event)
                if self.leads:
                    self._keep(event, epochs)
                    self._look()
        self._look(due=True)

    def _goes_on(self, ask: Steer) -> bool:
        """Whether there is a next step, once no rank wishes a pause any more."""
        if self.wish is not Wish.STOP:
            self.wish = ask()
        rests = False
        while (wish := Wish(max(self.ranks.exchange(self.wish)))) is Wish.PAUSE:
            if not rests:
                self._rest()
                rests = True
            time.sleep(POLL)
            self.wish = ask()
        self.stopped = wish is Wish.STOP
        return not self.stopped

    def _rest(self) -> None:
        trainer = self.trainer
        self._look(due=True)
        self._save(is_best=False)
        self._tell(Paused(trainer.progress.epoch + 1, trainer.progress.step, trainer.steps, trainer.loss, trainer.rate))

    def _keep(self, event: Event, epochs: list[EpochEnded]) -> None:
        """An event that the trainer told, and its state where an epoch has ended or much would be lost."""
        config = self.material.config
        self.run.append(event)
        if isinstance(event, EpochEnded):
            self._save(is_best=event.is_best)
            keep(self.run, event.epoch, config.keep_epochs)
            self.run.write_metrics(epochs)
        elif time.perf_counter() - self.saved > config.save_every:
            self._save(is_best=False)
        self.listen(event)

    def _look(self, *, due: bool = False) -> None:
        if self.leads:
            for event in self.watch(self.material, self.trainer, due):
                self._tell(event)

    def _tell(self, event: Event) -> None:
        if not self.leads:
            return
        self.run.append(event)
        self.listen(event)

    def _save(self, *, is_best: bool) -> None:
        if not self.leads:
            return
        trainer = self.trainer
        self.run.save(trainer.model, self.material.identity, trainer.progress, trainer.average, is_best=is_best)
        self.saved = time.perf_counter()

    def _examine(self) -> Evaluation:
        """The best weights on the test split, or on the held-out part where there is none, or it stays unseen."""
        material, model = self.material, self.trainer.model
        model.load_state_dict(self.run.best_weights())
        split, name = material.dataset.test if material.config.test else None, "test"
        if split is None:
            split, name = material.validation, "validation"
        if split is None:
            split, name = material.training, "training"
        return examine(model, material.identity, split, name)

    def _starved(self) -> list[str]:
        """What to say when the engine waited for data for a good part of the time."""
        trainer, config = self.trainer, self.material.config
        if trainer.starved < STARVING or trainer.waited < WORTH_SAYING:
            return []
        lighter = "" if config.augment == "none" else f" or less than --augment {config.augment}"
        return [
            f"the engine waited {trainer.starved:.0%} of the time for data: reading and augmentation are slower than "
            f"this network; smaller samples{lighter} would train faster"
        ]
