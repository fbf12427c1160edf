"""A run directory -> the values of its report, read from its files alone."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from tatami.network import source_of_text
from tatami.plan import make_plan
from tatami.train.evaluation import from_tested, read_evaluation
from tatami.train.events import Ended, EpochEnded, Event, Resumed, Started, Stepped, Tested
from tatami.train.first_filters import first_filters
from tatami.train.run import BEST, Run, Trained
from tatami.views.chart import Curve
from tatami.views.evaluation import Evaluation
from tatami.views.evaluation_rows import summary
from tatami.views.numbers import duration
from tatami.views.report import Report


def read_report(run: Run) -> Report:
    """Collect what the report shows. A run that was never tested has no results yet.

    Raises:
        RunError: no run, or a damaged one.
    """
    events = run.events()
    text, config = run.network_text(), run.config()
    source = source_of_text(text)
    network = source.build()
    epochs = [e for e in events if isinstance(e, EpochEnded)]
    steps = [e for e in events if isinstance(e, Stepped)]
    started = next((e for e in events if isinstance(e, Started)), None)
    found = _evaluation(run, events, started)
    return Report(
        title=f"{started.network if started else source.name} on {config.data}",
        notation=text,
        plan=make_plan(network, config.batch, config.make_optimizer()),
        evaluation=found,
        filters=first_filters(run.path / BEST, network),
        facts=[*([] if found is None else summary(found)), *_timing(events)],
        curves=[
            Curve("training loss", [(e.step, e.loss) for e in steps] or [(e.step, e.train_loss) for e in epochs]),
            Curve("validation loss", [(e.step, e.validation_loss) for e in epochs if e.validation_loss is not None]),
        ],
        accuracy=Curve(
            "validation accuracy",
            [(e.step, e.validation_accuracy) for e in epochs if e.validation_accuracy is not None],
        ),
        rate=Curve("learning rate", [(e.step, e.lr) for e in steps] or [(e.step, e.lr) for e in epochs]),
        data=_data(started),
        notes=_notes(events),
        origin=_origin(started, config.seed),
        settings=[(name, str(value)) for name, value in vars(config).items()],
    )


def report_of(trained: Trained, name: str) -> Report:
    """The report of weights that came without their run: the network, and nothing of its training."""
    source = source_of_text(trained.identity.network)
    return Report(
        title=name,
        notation=trained.identity.network,
        plan=make_plan(trained.network),
        evaluation=None,
        facts=[("parameters", f"{sum(p.size for p in trained.network.parameters().values() if p.trainable):,}")],
        data=[("network", source.name)],
    )


def with_evaluation(report: Report, found: Evaluation, data: str, notes: list[str]) -> Report:
    """The report with the results on other data in place of its own."""
    return replace(
        report,
        title=f"{report.title}, evaluated on {data}",
        evaluation=found,
        facts=summary(found),
        data=[*report.data, ("evaluated on", f"{data}, {found.split}: {found.total:,} samples")],
        notes=[*report.notes, *notes],
    )


def _evaluation(run: Run, events: list[Event], started: Started | None) -> Evaluation | None:
    """What the run keeps of its test; of one that keeps nothing, what its events tell.

    A run that goes on has not been tested again yet: what it keeps is of weights that are no longer the best.
    """
    if any(isinstance(event, Ended) for event in events):
        found = read_evaluation(run.path)
        if found is not None:
            return found
    tested = next((e for e in reversed(events) if isinstance(e, Tested)), None)
    return from_tested(tested, started.classes) if tested and started else None


def _timing(events: list[Event]) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    ended = next((e for e in reversed(events) if isinstance(e, Ended)), None)
    speeds = [e.samples_per_second for e in events if isinstance(e, Stepped)]
    if ended:
        epochs = "1 epoch" if ended.epochs == 1 else f"{ended.epochs} epochs"
        facts.append(("training", f"{ended.reason}, {epochs} in {duration(ended.seconds)}"))
        facts.append(("best epoch", str(ended.best_epoch)))
    if speeds:
        facts.append(("training speed", f"{median(speeds):,.0f} samples a second"))
    return facts


def _data(started: Started | None) -> list[tuple[str, str]]:
    if started is None:
        return []
    kinds = started.targets or started.classes
    shown = ", ".join(kinds[:10]) + (", ..." if len(kinds) > 10 else "")
    return [
        ("data", started.data),
        ("samples", f"{started.kind_of_data}s of {'x'.join(map(str, started.sample))}"),
        ("training", f"{started.training_samples:,}"),
        ("validation", f"{started.validation_samples:,}"),
        ("test", f"{started.test_samples:,}"),
        (f"{len(kinds):,} {'targets' if started.targets else 'classes'}", shown),
    ]


def _notes(events: list[Event]) -> list[str]:
    """What the user should know, in the order in which it was told; what was told twice, once."""
    told = [note for event in events if isinstance(event, (Started, Resumed, Ended)) for note in event.notes]
    return list(dict.fromkeys(told))


def _origin(started: Started | None, seed: int) -> list[tuple[str, str]]:
    """What is needed to make it again. Runs of earlier versions do not tell all of it."""
    rows = [("seed", str(seed))]
    if started is None:
        return rows
    if started.command:
        rows.insert(0, ("command", started.command))
    rows += [(f"version of {name}", version) for name, version in started.versions.items()]
    if started.machine:
        rows.append(("machine", started.machine))
    if started.threads:
        rows.append(("threads", str(started.threads)))
    return [*rows, ("engine", started.engine), ("parameters", f"{started.params:,}")]
