"""A whole training: data and text in, a run directory out; and taking one up again where it stopped.

Everything that can be refused is refused before the run directory is made, or changed.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from tatami.data import load
from tatami.engines.ranks import ALONE, Ranks
from tatami.errors import DataError, OptionError, RunError
from tatami.network import Source
from tatami.plan import make_plan
from tatami.plan.machine import cpu_model
from tatami.train.average import Average
from tatami.train.config import ResolvedConfig, TrainConfig
from tatami.train.config_file import read_resolved, to_toml
from tatami.train.digest import digest
from tatami.train.elsewhere import STAY, Elsewhere, moved
from tatami.train.events import Ended, Resumed, Started
from tatami.train.loop import Trainer
from tatami.train.lr_find import RangeTest, find_lr
from tatami.train.material import Material, material_again, new_material
from tatami.train.recording import Listener, Outcome, Watch, record, unwatched
from tatami.train.run import Checkpoint, Held, Run
from tatami.train.steering import Steer, onward
from tatami.train.together import at_once, by_the_first, in_turn
from tatami.train.versions import versions


def train(
    source: Source,
    config: TrainConfig,
    run_path: Path | None,
    listen: Listener,
    ranks: Ranks = ALONE,
    steer: Steer = onward,
    watch: Watch = unwatched,
) -> Outcome:
    """Train the network that ``source`` describes on ``config.data``.

    Args:
        source: the network; INPUT and last FC may be bare, the data then say.
        config: settings.
        run_path: a new directory, or None for the first free ``runs/<data>-<n>``.
        listen: is told every event, on rank 0.
        ranks: who trains together; they all call this.
        steer: pauses it or ends it early, besides signals.
        watch: looks at it between two steps, on rank 0.

    Raises:
        TatamiError: bad text, data or settings, before anything is written; NumericError later, when the loss is no
            number any more: the best weights so far remain.
        RankError: another rank has failed or is gone; what there is has been saved.
    """
    material, held = in_turn(ranks, lambda: new_material(source, config, ranks))
    material = at_once(ranks, lambda: _agreed(material, held))
    trainer, said = at_once(ranks, lambda: _new_trainer(material, finds_rate=config.lr == "auto"))
    material = replace(material, config=replace(material.config, lr=trainer.lr))

    def create() -> str:
        name, text = material.dataset.name, material.identity.network
        return str(Run.create(run_path, name, text, material.config, held).path)

    run = Run(Path(by_the_first(ranks, create)))
    started = _started(source.name, material, trainer.steps, said)
    with _locked(run, ranks):
        return record(run, material, trainer, listen, [], started, steer, watch)


def _agreed(material: Material, held: Held) -> Material:
    """The material with the settings of rank 0, which may have another number of threads.

    Raises:
        DataError: the ranks have not read the same data.
    """
    ranks = material.ranks
    if ranks.size == 1:
        return material
    texts, digests = zip(*ranks.exchange([to_toml(material.config), held.digest]), strict=True)
    if len(set(digests)) > 1:
        raise DataError(
            "the ranks do not read the same data",
            where=material.config.data,
            got=f"{len(set(digests))} different contents on {ranks.size} ranks",
            expected="the same files under this path on every host",
        )
    return replace(material, config=read_resolved(texts[0], "the settings of rank 0"))


def _new_trainer(material: Material, *, finds_rate: bool) -> tuple[Trainer, list[str]]:
    """A trainer, made ready while Ctrl-C leaves at once; and what is to be said of its learning rate."""
    said = []
    if material.ranks.size > 1:
        said.append(f"{material.ranks.size} ranks share each step")
    if finds_rate:
        found = _range_test(material)
        material = replace(material, config=replace(material.config, lr=found.suggestion))
        said.append(f"learning rate {found.suggestion:g}, by a range test")
    model = material.make_model()
    model.prepare()
    ema = material.config.ema
    return material.make_trainer(model, None if ema is None else Average(ema, model.state_dict())), said


@contextmanager
def _locked(run: Run, ranks: Ranks) -> Iterator[None]:
    """Keep other processes than the ranks from writing to the run: rank 0 has the lock.

    Raises:
        RunError: another process is writing to it.
    """
    with ExitStack() as held:
        by_the_first(ranks, lambda: held.enter_context(run.alone()))
        yield


def range_test(source: Source, config: TrainConfig) -> RangeTest:
    """The learning-rate range test of a network on data: see :func:`tatami.train.lr_find.find_lr`.

    Raises:
        TatamiError: bad text, data or settings.
    """
    return _range_test(new_material(source, config)[0])


def resume(
    path: Path,
    listen: Listener,
    epochs: int | None = None,
    elsewhere: Elsewhere = STAY,
    ranks: Ranks = ALONE,
    steer: Steer = onward,
    watch: Watch = unwatched,
) -> Outcome:
    """Go on with a run as if it had never stopped, bit for bit; or give it more epochs.

    With other ``epochs`` the schedule is stretched over all of them: the learning rate goes on from where the step that
    has been reached lies in the longer schedule. With another engine or another number of ranks it is the same
    training, but not bit for bit.

    Args:
        path: the run directory.
        listen: is told every event, on rank 0.
        epochs: in all.
        elsewhere: where it goes on.
        ranks: who trains together; they all call this, and see the same files.
        steer: pauses it or ends it early, besides signals.
        watch: looks at it between two steps, on rank 0.

    Raises:
        RunError: no run, nothing saved yet, nothing left to do, or another process is at it.
        DataError: the data are no longer those of the run.
        OptionError: fewer epochs than are done; an engine or a device that cannot go on with it.
        RankError: another rank has failed or is gone; what there is has been saved.
    """
    run = Run(path)
    config = at_once(ranks, run.config)
    with _locked(run, ranks):
        return _resume(run, config, listen, epochs, elsewhere, ranks, steer, watch)


def _resume(
    run: Run,
    config: ResolvedConfig,
    listen: Listener,
    epochs: int | None,
    elsewhere: Elsewhere,
    ranks: Ranks,
    steer: Steer,
    watch: Watch,
) -> Outcome:
    material, point, notes = in_turn(ranks, lambda: _material_again(run, config, epochs, elsewhere, ranks))
    trainer = at_once(ranks, lambda: _trainer_at(run, material, point))
    progress = point.progress

    def rewrite() -> None:
        run.forget_after(progress)
        run.rewrite(material.config)

    by_the_first(ranks, rewrite)
    resumed = Resumed(progress.epoch, progress.step, material.config.epochs, trainer.steps, notes)
    return record(run, material, trainer, listen, run.events(), resumed, steer, watch)


def _material_again(
    run: Run, config: ResolvedConfig, epochs: int | None, elsewhere: Elsewhere, ranks: Ranks
) -> tuple[Material, Checkpoint, list[str]]:
    """What a run goes on with, and what is to be said of the change."""
    path, text = run.path, run.network_text()
    point, held = run.checkpoint(), run.held()
    if epochs is not None and epochs < max(point.progress.epoch, 1):
        raise OptionError("fewer epochs than are done", got=epochs, expected=f"more than {point.progress.epoch}")
    notes = []
    if epochs is not None and epochs != config.epochs:
        notes.append(f"{epochs} epochs instead of {config.epochs}: the {config.schedule} schedule is stretched")
        if config.patience is not None:
            notes.append("patience is set aside")
        config = replace(config, epochs=epochs, patience=None)
    config, moves = moved(config, elsewhere, ranks.size)
    try:
        dataset = load(config.data, config.reading)
    except DataError as error:
        error.hint = error.hint or "the data's path is taken as it was when training began, from the same folder"
        raise
    if (len(dataset.train), digest(dataset)) != (held.samples, held.digest):
        raise DataError(
            "the data are no longer those of the run",
            where=config.data,
            got=f"{len(dataset.train):,} training samples, or others, of another content",
            expected=f"the {held.samples:,} samples that {path} began with",
        )
    return material_again(text, dataset, config, point, held, ranks), point, [*notes, *moves]


def _trainer_at(run: Run, material: Material, point: Checkpoint) -> Trainer:
    """The trainer at the step that was saved."""
    config = material.config
    model = material.make_model()
    model.prepare()
    model.load_state_dict(point.weights)
    model.load_training_state(point.optimizer)
    average = None if config.ema is None else Average(config.ema, point.averages or point.weights)
    trainer = material.make_trainer(model, average)
    trainer.start_at(point.progress)
    if trainer.is_done and any(isinstance(event, Ended) for event in run.events()):
        raise RunError(
            "this run is finished",
            where=str(run.path),
            got=f"{point.progress.epoch} of {config.epochs} epochs",
            hint=f"--epochs {max(2 * point.progress.epoch, config.epochs + 1)} gives it more",
        )
    return trainer


def _range_test(material: Material) -> RangeTest:
    return find_lr(material.make_trainer(material.make_model()))


def _started(name: str, material: Material, steps: int, said: list[str]) -> Started:
    dataset, config, network = material.dataset, material.config, material.network
    notes = [f"{cost.name}: {note}" for cost in make_plan(network).layers for note in cost.notes]
    if material.first is not None:
        notes.append(material.first.note)
    notes += [*said, *dataset.notes]
    notes += [str(problem) for problem in dataset.problems[:10]]
    if len(dataset.problems) > 10:
        notes.append(f"{len(dataset.problems) - 10} more problems: tatami data check {config.data}")
    notes.append(f"augmentation: {material.augment.describe()}")
    return Started(
        network=name,
        data=config.data,
        kind_of_data=dataset.kind,
        sample=list(dataset.sample_shape),
        engine=config.engine,
        params=sum(p.size for p in network.parameters().values() if p.trainable),
        classes=list(dataset.classes),
        training_samples=len(material.training),
        validation_samples=len(material.validation) if material.validation is not None else 0,
        test_samples=len(dataset.test) if dataset.test is not None and config.test else 0,
        epochs=config.epochs,
        steps=steps,
        notes=notes,
        targets=list(dataset.targets),
        command=shlex.join(["tatami", *sys.argv[1:]]),
        versions=versions(),
        machine=cpu_model(),
        threads=config.threads,
    )
