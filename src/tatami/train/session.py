"""A whole training: data and text in, a run directory out; and taking one up again where it stopped.

Everything that can be refused is refused before the run directory is made, or changed.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tatami.data import Dataset, Preprocess, Split, load
from tatami.data.augment import Augment, make_augment
from tatami.engines import Model, compile
from tatami.errors import DataError, NumericError, OptionError, RunError
from tatami.formats import atomic_write
from tatami.network import Fit, Network, Source, print_netfile, source_of_text
from tatami.network.layers import size_text
from tatami.plan import make_plan
from tatami.plan.machine import cpu_model, thread_count
from tatami.train.average import Average
from tatami.train.config import ResolvedConfig, TrainConfig
from tatami.train.defaults import for_network, held_out_share, resolve
from tatami.train.digest import digest
from tatami.train.events import Ended, EpochEnded, Event, Resumed, Started, Tested
from tatami.train.hold_out import hold_out
from tatami.train.interrupt import stop_on_interrupt
from tatami.train.loop import Trainer
from tatami.train.lr_find import RangeTest, find_lr
from tatami.train.metrics import evaluate, tested_event
from tatami.train.report import read_report
from tatami.train.run import REPORT, Checkpoint, Held, Identity, Run
from tatami.train.targets import Standard, Targets
from tatami.train.versions import versions
from tatami.views.report import report_html

Listener = Callable[[Event], None]

STARVING = 0.3
"""A share of waiting for data from which the user is told."""


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    Attributes:
        run: its directory.
        tested: the result; None when it was interrupted before the first epoch's end, and for a regression.
        interrupted: whether it was.
        loss: of the best weights on the samples of the test, or of the validation; None as for ``tested``.
    """

    run: Run
    tested: Tested | None
    interrupted: bool
    loss: float | None = None

    @property
    def report(self) -> Path:
        """The page that shows it."""
        return self.run.path / REPORT


@dataclass(frozen=True)
class Material:
    """What a training is made of, once data and settings have been read."""

    dataset: Dataset
    network: Network
    config: ResolvedConfig
    identity: Identity
    augment: Augment
    training: Split
    validation: Split | None


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
    material, held = _material(source, config)
    if config.lr == "auto":
        material = replace(material, config=replace(material.config, lr=_range_test(material).suggestion))
    settings, dataset = material.config, material.dataset
    model = _model(material)
    model.prepare()  # before anything is written, and while Ctrl-C leaves at once
    average = None if settings.ema is None else Average(settings.ema, model.state_dict())
    trainer = _trainer(material, model, average)
    run = Run.create(run_path, dataset.name, material.identity.network, settings, held)
    started = _started(source.name, material, trainer.steps)
    return _Session(run, material, trainer, listen).go([], started)


def range_test(source: Source, config: TrainConfig) -> RangeTest:
    """The learning-rate range test of a network on data: see :func:`tatami.train.lr_find.find_lr`.

    Raises:
        TatamiError: bad text, data or settings.
    """
    return _range_test(_material(source, config)[0])


def resume(path: Path, listen: Listener, epochs: int | None = None) -> Outcome:
    """Go on with a run as if it had never stopped, bit for bit; or give it more epochs.

    With other ``epochs`` the schedule is stretched over all of them: the learning rate goes on from where the step that
    has been reached lies in the longer schedule.

    Raises:
        RunError: no run, nothing saved yet, or nothing left to do.
        DataError: the data are no longer those of the run.
        OptionError: fewer epochs than are done.
    """
    run = Run(path)
    config, text = run.config(), run.network_text()
    point, held = run.checkpoint(), run.held()
    if epochs is not None and epochs < max(point.progress.epoch, 1):
        raise OptionError("fewer epochs than are done", got=epochs, expected=f"more than {point.progress.epoch}")
    notes = []
    if epochs is not None and epochs != config.epochs:
        notes.append(f"{epochs} epochs instead of {config.epochs}: the {config.schedule} schedule is stretched")
        config = replace(config, epochs=epochs)
    if config.engine == "cpu" and config.threads != thread_count():
        notes.append(f"{thread_count()} threads instead of {config.threads}: the same training, but not bit for bit")
    dataset = load(config.data, config.reading)
    if (len(dataset.train), digest(dataset.train)) != (held.samples, held.digest):
        raise DataError(
            "the data are no longer those of the run",
            where=config.data,
            got=f"{len(dataset.train):,} training samples of another content",
            expected=f"the {held.samples:,} samples that {path} began with",
        )
    material = _material_again(text, dataset, config, point, held)
    model = _model(material)
    model.prepare()
    model.load_state_dict(point.weights)
    model.load_training_state(point.optimizer)
    average = None
    if config.ema is not None:
        average = Average(config.ema, point.averages or point.weights)
    trainer = _trainer(material, model, average)
    trainer.start_at(point.progress)
    if trainer.is_done:
        raise RunError(
            "this run is finished",
            where=str(path),
            got=f"{point.progress.epoch} of {config.epochs} epochs",
            hint=f"--epochs {2 * config.epochs} gives it more",
        )
    events = run.forget_after(point.progress.step)
    run.rewrite(config)
    progress = point.progress
    resumed = Resumed(progress.epoch, progress.step, config.epochs, trainer.steps, notes)
    return _Session(run, material, trainer, listen).go(events, resumed)


class _Session:
    """Events on their way from the trainer to the run directory and the listener."""

    def __init__(self, run: Run, material: Material, trainer: Trainer, listen: Listener) -> None:
        self.run, self.material, self.trainer, self.listen = run, material, trainer, listen

    def go(self, before: list[Event], first: Event) -> Outcome:
        """Train to the end, test, and write the report."""
        trainer, run = self.trainer, self.run
        epochs = [event for event in before if isinstance(event, EpochEnded)]
        if isinstance(first, Resumed):
            for event in before:
                self.listen(event)
        self._tell(first)
        failure: NumericError | None = None
        saved = time.perf_counter()
        with stop_on_interrupt() as stop:
            try:
                for event in trainer.events(stop):
                    if isinstance(event, EpochEnded):
                        epochs.append(event)
                        self._save(is_best=event.is_best)
                        run.write_metrics(epochs)
                    elif time.perf_counter() - saved > self.material.config.save_every:
                        self._save(is_best=False)
                    else:
                        self._tell(event)
                        continue
                    saved = time.perf_counter()
                    self._tell(event)
            except NumericError as error:
                failure = error
            interrupted = stop() and not failure and not trainer.is_done
            if interrupted:
                self._save(is_best=not epochs)
        early = trainer.is_out_of_patience and trainer.progress.epoch < trainer.epochs
        reason = "failed" if failure else "interrupted" if interrupted else "early" if early else "finished"
        best = max((event.epoch for event in epochs if event.is_best), default=0)
        tested, loss = self._test() if epochs else (None, None)
        if tested is not None:
            self._tell(tested)
        self._tell(Ended(reason, len(epochs), best, trainer.progress.seconds))
        atomic_write(run.path / REPORT, report_html(read_report(run)))
        if failure:
            failure.hint = f"{failure.hint}; what there is lies in {run.path}"
            raise failure
        return Outcome(run, tested, interrupted, loss)

    def _tell(self, event: Event) -> None:
        self.run.append(event)
        self.listen(event)

    def _save(self, *, is_best: bool) -> None:
        trainer = self.trainer
        self.run.save(trainer.model, self.material.identity, trainer.progress, trainer.average, is_best=is_best)

    def _test(self) -> tuple[Tested | None, float]:
        """Evaluate the best weights on the test split, or on the held-out part where the data have none."""
        dataset, trainer = self.material.dataset, self.trainer
        trainer.model.load_state_dict(self.run.best_weights())
        standard = self.material.identity.standard
        split, name = trainer.validation, "validation"
        if dataset.test is not None:
            split, name = _standardised(dataset.test, standard), "test"
        if split is None:
            split, name = trainer.training, "training"
        if dataset.is_regression:
            return None, trainer.score(split)[0]
        found = evaluate(trainer.model, split, self.material.identity.preprocess, len(dataset.classes))
        return tested_event(found, name), found.loss


def _standardised(split: Split, standard: Standard | None) -> Split:
    return split if standard is None or split.y is None else replace(split, y=standard(split.y))


def _material(source: Source, config: TrainConfig) -> tuple[Material, Held]:
    """Data, network and settings of a new training, and what is held out."""
    shape = source.build(None, 2, config.fit).input_shape if source.has_shape else None
    config = for_network(config, shape)
    dataset = load(config.data, config.reading)
    network = fit_to_data(source, dataset, config.fit)
    share = held_out_share(config, dataset)
    rows, held = hold_out(dataset.train, share, config.seed)
    training = dataset.train.take(rows)
    validation = dataset.train.take(held) if len(held) else dataset.validation
    settings = resolve(replace(config, validation=share), len(training), network, is_regression=dataset.is_regression)
    augment = make_augment(settings.augment, dataset.kind, dataset.sample_shape, len(training))
    text = print_netfile(source.program, source.name, network.input_shape, dataset.outputs)
    standard = Standard.fit(dataset.targets, training.y) if dataset.is_regression and training.y is not None else None
    preprocess = Preprocess.fit(training.x, dataset.kind)
    identity = Identity(text, dataset.classes, preprocess, settings.make_loss(), standard)
    material = Material(dataset, network, settings, identity, augment, training, validation)
    return material, Held(tuple(int(row) for row in held), len(dataset.train), digest(dataset.train))


def _material_again(text: str, dataset: Dataset, config: ResolvedConfig, point: Checkpoint, held: Held) -> Material:
    """The material of a run that was begun before: nothing is measured anew."""
    network = source_of_text(text).build()
    out = np.array(held.validation, np.int64)
    training = dataset.train.take(np.setdiff1d(np.arange(held.samples), out, assume_unique=True))
    validation = dataset.train.take(out) if len(out) else dataset.validation
    augment = make_augment(config.augment, dataset.kind, dataset.sample_shape, len(training))
    return Material(dataset, network, config, point.identity, augment, training, validation)


def _model(material: Material) -> Model:
    config = material.config
    return compile(
        material.network,
        config.engine,
        batch=config.batch,
        optimizer=config.make_optimizer(),
        loss=config.training_loss(material.augment.mixup > 0),
        seed=config.seed,
        init=config.init,
    )


def _trainer(material: Material, model: Model, average: Average | None = None) -> Trainer:
    config, standard, classes = material.config, material.identity.standard, len(material.dataset.classes)
    training = _standardised(material.training, standard)
    assert training.y is not None
    return Trainer(
        model,
        training,
        None if material.validation is None else _standardised(material.validation, standard),
        material.identity.preprocess,
        config.make_schedule(),
        config.lr,
        config.epochs,
        config.seed,
        classes,
        targets=Targets.of(training.y, config, classes, mixes=material.augment.mixup > 0),
        step_samples=config.step_samples,
        augment=material.augment,
        average=average,
        patience=config.patience,
    )


def _range_test(material: Material) -> RangeTest:
    return find_lr(_trainer(material, _model(material)))


def _started(name: str, material: Material, steps: int) -> Started:
    dataset, config, network = material.dataset, material.config, material.network
    notes = [f"{cost.name}: {note}" for cost in make_plan(network).layers for note in cost.notes]
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


def fit_to_data(source: Source, dataset: Dataset, fit: Fit = "crop") -> Network:
    """The network for this data set's samples and classes.

    Raises:
        DataError: the text says another shape or another number of classes; the hint says which would do.
    """
    shape, outputs = dataset.sample_shape, dataset.outputs
    network = source.build(None if source.has_shape else shape, outputs, fit)
    if network.input_shape != shape:
        raise DataError(
            "the data do not have the shape that the network expects",
            where=dataset.source,
            got=f"samples of {size_text(shape)}",
            expected=size_text(network.input_shape),
            hint=f"begin its text with INPUT({size_text(shape)}), or a bare INPUT, which takes its shape from the data",
        )
    if network.output_shape != (outputs,):
        what = "target" if dataset.is_regression else "class"
        raise DataError(
            "the network does not end in one score a class"
            if what == "class"
            else "the network does not end in one output a target",
            where=dataset.source,
            got=f"{size_text(network.output_shape)} outputs",
            expected=f"{outputs}, one for each of {outputs} {'classes' if what == 'class' else 'targets'}",
            hint=f"end with FC({outputs}), or a bare FC, which takes its size from the data",
        )
    return network
