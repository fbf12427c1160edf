"""How far an exploration is: a line a trial, and a bar of the time. All on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from tatami.explore.halving import FINAL
from tatami.explore.search import Moment
from tatami.explore.settings import Settings
from tatami.views.numbers import duration


class Progress:
    """A listener for :func:`tatami.explore.explore`."""

    def __init__(self, settings: Settings, console: Console | None = None) -> None:
        self.settings = settings
        self.console = console or Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[left]}"))
        # Off a terminal there is no bar, and a blank line would be left of it.
        self.bar = Bar(*columns, console=self.console, transient=True, disable=not self.console.is_interactive)
        self.task = self.bar.add_task("planning", total=settings.seconds, left="")

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def tell(self, moment: Moment) -> None:
        """Show one moment."""
        left = max(moment.left, 0.0)
        self.bar.update(
            self.task,
            description=f"{moment.journal.trials} trials, {moment.running} running",
            completed=self.settings.seconds - left,
            left=f"{duration(left)} left",
        )
        if moment.job is None or moment.result is None:
            return
        result = moment.result
        said = f"failed: {result.failure}" if result.failure else f"{result.score:.4f}  {result.params:,} parameters"
        if moment.job.rung == FINAL and not result.failure:
            said = "trained once more, on all training samples"  # its score is on those: it judges nothing
        self.console.print(f"trial {moment.job.trial:>3}, {result.epochs:>3} epochs: {said}", highlight=False)
