"""A whole training: data and text in, a run directory out; and taking one up again where it stopped.

Everything that can be refused is refused before the run directory is made, or changed.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

from tatami.data import load
from tatami.errors import DataError, OptionError, RunError
from tatami.network import Source
from tatami.plan import make_plan
from tatami.plan.machine import cpu_model, thread_count
from tatami.train.average import Average
from tatami.train.config import ResolvedConfig, TrainConfig
from tatami.train.digest import digest
from tatami.train.events import Ended, Resumed, Started
from tatami.train.lr_find import RangeTest, find_lr
from tatami.train.material import Material, material_again, new_material
from tatami.train.recording import Listener, Outcome, record
from tatami.train.run import Run
from tatami.train.versions import versions


def train(source: Source, config: TrainConfig, run_path: Path | None, listen: Listener) -> Outcome:
    """Train the network that ``source`` describes on ``config.data``.

    Args:
        source: the network; INPUT and last FC may be bare, the data then say.
        config: settings.
        run_path: a new directory, or None for the first free ``runs/<data>-<n>``.
        listen: is told every event.

    Raises:
        TatamiError: bad text, data or settings, before anything is written; NumericError later, when the loss is no
            number any more: the best weights so far remain.
    """
    material, held = new_material(source, config)
    said = []
    if config.lr == "auto":
        found = _range_test(material)
        material = replace(material, config=replace(material.config, lr=found.suggestion))
        said.append(f"learning rate {found.suggestion:g}, by a range test")
    settings, dataset = material.config, material.dataset
    model = material.make_model()
    model.prepare()  # before anything is written, and while Ctrl-C leaves at once
    average = None if settings.ema is None else Average(settings.ema, model.state_dict())
    trainer = material.make_trainer(model, average)
    run = Run.create(run_path, dataset.name, material.identity.network, settings, held)
    started = _started(source.name, material, trainer.steps, said)
    with run.alone():
        return record(run, material, trainer, listen, [], started)


def range_test(source: Source, config: TrainConfig) -> RangeTest:
    """The learning-rate range test of a network on data: see :func:`tatami.train.lr_find.find_lr`.

    Raises:
        TatamiError: bad text, data or settings.
    """
    return _range_test(new_material(source, config)[0])


def resume(path: Path, listen: Listener, epochs: int | None = None) -> Outcome:
    """Go on with a run as if it had never stopped, bit for bit; or give it more epochs.

    With other ``epochs`` the schedule is stretched over all of them: the learning rate goes on from where the step that
    has been reached lies in the longer schedule.

    Raises:
        RunError: no run, nothing saved yet, nothing left to do, or another process is at it.
        DataError: the data are no longer those of the run.
        OptionError: fewer epochs than are done.
    """
    run = Run(path)
    config = run.config()
    with run.alone():
        return _resume(run, config, listen, epochs)


def _resume(run: Run, config: ResolvedConfig, listen: Listener, epochs: int | None) -> Outcome:
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
    if config.engine == "cpu" and config.threads != thread_count():
        notes.append(f"{thread_count()} threads instead of {config.threads}: the same training, but not bit for bit")
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
    material = material_again(text, dataset, config, point, held)
    model = material.make_model()
    model.prepare()
    model.load_state_dict(point.weights)
    model.load_training_state(point.optimizer)
    average = None
    if config.ema is not None:
        average = Average(config.ema, point.averages or point.weights)
    trainer = material.make_trainer(model, average)
    trainer.start_at(point.progress)
    if trainer.is_done and any(isinstance(event, Ended) for event in run.events()):
        raise RunError(
            "this run is finished",
            where=str(path),
            got=f"{point.progress.epoch} of {config.epochs} epochs",
            hint=f"--epochs {max(2 * point.progress.epoch, config.epochs + 1)} gives it more",
        )
    events = run.forget_after(point.progress)
    run.rewrite(config)
    progress = point.progress
    resumed = Resumed(progress.epoch, progress.step, config.epochs, trainer.steps, notes)
    return record(run, material, trainer, listen, events, resumed)


def _range_test(material: Material) -> RangeTest:
    return find_lr(material.make_trainer(material.make_model()))


def _started(name: str, material: Material, steps: int, said: list[str]) -> Started:
    dataset, config, network = material.dataset, material.config, material.network
    notes = [f"{cost.name}: {note}" for cost in make_plan(network).layers for note in cost.notes]
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
        test_samples=len(dataset.test) if dataset.test is not None else 0,
        epochs=config.epochs,
        steps=steps,
        notes=notes,
        targets=list(dataset.targets),
        command=shlex.join(["tatami", *sys.argv[1:]]),
        versions=versions(),
        machine=cpu_model(),
        threads=config.threads,
    )
