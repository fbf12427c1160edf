"""The events of a run as a progress bar with the time left, and one line an epoch. All on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from tatami.train.events import Ended, EpochEnded, Event, Resumed, Started, Stepped

MAX_LINES = 20  # of many epochs, only every few have a line


class Progress:
    """A listener for :func:`tatami.train.train`. Lines go to ``console``; ``bar`` says whether there is a bar too."""

    def __init__(self, console: Console | None = None, bar: bool = True) -> None:
        self.console = console or Console(stderr=True)
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f} steps"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not bar,
        )
        self.task = self.bar.add_task("starting", total=None, start=False, visible=False)
        self.epochs, self.every = 0, 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar.live.is_started:  # otherwise stopping would print an empty line
            self.bar.stop()

    def tell(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Resumed():
                self.console.print(f"resumed after {event.step} of {event.steps} steps", highlight=False)
                for note in event.notes:
                    self.console.print(f"note: {note}", highlight=False)
                self.epochs, self.every = event.epochs, -(-event.epochs // MAX_LINES)
                self.bar.update(self.task, total=event.steps, completed=event.step)
            case Started():
                self.epochs, self.every = event.epochs, -(-event.epochs // MAX_LINES)
                held = f"{event.validation_samples:,} validation, {event.test_samples:,} test"
                shape = "x".join(map(str, event.sample))
                self.console.print(
                    f"{event.network} on {event.data}: {event.params:,} parameters, engine {event.engine}\n"
                    f"{event.training_samples:,} {event.kind_of_data}s of {shape} to train on ({held}), "
                    f"{_outputs(event)}, {event.epochs} epoch{'s' * (event.epochs > 1)}",
                    highlight=False,
                )
                for note in event.notes:
                    self.console.print(f"note: {note}", highlight=False)
                self.bar.start()
                self.bar.start_task(self.task)
                self.bar.update(self.task, total=event.steps, visible=True)
            case Stepped():
                description = f"epoch {event.epoch}/{self.epochs}  loss {event.loss:.4f}"
                self.bar.update(self.task, completed=event.step, description=description)
            case Ended():
                for note in event.notes:
                    self.console.print(f"note: {note}", highlight=False)
            case EpochEnded() if event.epoch % self.every == 0 or event.epoch == self.epochs:
                self.console.print(self.epoch_line(event), highlight=False)

    def epoch_line(self, event: EpochEnded) -> str:
        """One line about an epoch."""
        line = f"epoch {event.epoch:>{len(str(self.epochs))}}/{self.epochs}  loss {event.train_loss:.4f}"
        if event.validation_loss is not None:
            line += f"  validation loss {event.validation_loss:.4f}"
        if event.validation_accuracy is not None:
            line += f", accuracy {event.validation_accuracy:.4f}"
        return f"{line}  {event.seconds:.1f} s"


def _outputs(event: Started) -> str:
    """``10 classes``, or ``1 target`` of a regression."""
    if event.targets:
        return f"{len(event.targets)} target{'s' * (len(event.targets) > 1)}"
    return f"{len(event.classes)} classes"
