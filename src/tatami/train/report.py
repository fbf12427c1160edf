"""A run directory -> the values of its report, read from its files alone."""

from __future__ import annotations

from tatami.network import source_of_text
from tatami.plan import make_plan
from tatami.train.events import Ended, EpochEnded, Started, Stepped, Tested
from tatami.train.run import NETWORK, Run
from tatami.views.chart import Curve
from tatami.views.report import Report


def read_report(run: Run) -> Report:
    """Collect what the report shows."""
    events = run.events()
    text = (run.path / NETWORK).read_text(encoding="utf-8")
    config = run.config()
    source = source_of_text(text)
    epochs = [e for e in events if isinstance(e, EpochEnded)]
    steps = [e for e in events if isinstance(e, Stepped)]
    started = next((e for e in events if isinstance(e, Started)), None)
    tested = next((e for e in reversed(events) if isinstance(e, Tested)), None)
    ended = next((e for e in reversed(events) if isinstance(e, Ended)), None)
    return Report(
        title=f"{started.network if started else source.name} on {config.data}",
        notation=text,
        plan=make_plan(source.build(), config.batch, config.make_optimizer()),
        settings=[(name, str(value)) for name, value in vars(config).items()],
        facts=_facts(started, ended, tested),
        curves=[
            Curve("training loss", [(e.step, e.loss) for e in steps] or [(e.step, e.train_loss) for e in epochs]),
            Curve("validation loss", [(e.step, e.validation_loss) for e in epochs if e.validation_loss is not None]),
        ],
        accuracy=Curve(
            "validation accuracy",
            [(e.step, e.validation_accuracy) for e in epochs if e.validation_accuracy is not None],
        ),
        classes=started.classes if started else [],
        confusion=tested.confusion if tested else [],
    )


def _facts(started: Started | None, ended: Ended | None, tested: Tested | None) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if tested:
        result = f"{tested.accuracy:.4f} ({tested.correct:,} of {tested.total:,})"
        facts.append((f"{tested.split} accuracy", result))
        facts.append((f"{tested.split} loss", f"{tested.loss:.4f}"))
    if ended:
        facts.append(("training", f"{ended.reason}, {ended.epochs} epochs in {ended.seconds:.1f} s"))
        facts.append(("best epoch", str(ended.best_epoch)))
    if started:
        held_out = f"{started.validation_samples:,} for validation, {started.test_samples:,} for the test"
        facts.append(("samples", f"{started.training_samples:,} for training, {held_out}"))
        facts.append(("parameters", f"{started.params:,}"))
    return facts
