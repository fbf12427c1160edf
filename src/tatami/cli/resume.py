"""``tatami resume``: go on with a run that was stopped, or give it more epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tatami.cli.options import Format, FormatOption
from tatami.cli.place import DeviceOption, DtypeOption, EngineOption, all_ranks
from tatami.cli.train import show_outcome


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs in all: more than the run had, or as many unless given.")
    ] = None,
    from_epoch: Annotated[
        int | None,
        typer.Option(min=1, help="Begin behind this epoch, which was kept (train --keep-epochs), in a new run."),
    ] = None,
    engine: EngineOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Go on with a run as if it had never stopped, bit for bit; with --epochs, for longer than it was meant to.

    On another engine, or with another number of ranks, it is the same training, but not bit for bit.
    """
    from tatami.cli.progress import Progress
    from tatami.train import Run, resume
    from tatami.train.elsewhere import Elsewhere
    from tatami.train.rewind import rewind
    from tatami.train.together import by_the_first

    with all_ranks(device) as ranks:
        if from_epoch is not None:
            run = Path(by_the_first(ranks, lambda: str(rewind(Run(run), from_epoch).path)))
        with Progress() as progress:
            outcome = resume(run, progress.tell, epochs, Elsewhere(engine, device, dtype), ranks)
        show_outcome(outcome, format, ranks.rank)
