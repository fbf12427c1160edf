"""What a training is made of: data, network and settings read, checked against one another, and made into a trainer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tatami.data import Dataset, Preprocess, Split, load, refuse_unused
from tatami.data.augment import Augment, make_augment
from tatami.data.split import hold_out
from tatami.engines import Model, compile
from tatami.engines.ranks import ALONE, Ranks
from tatami.errors import DataError, OptionError
from tatami.network import Fit, Network, Source, print_netfile, source_of_text
from tatami.network.layers import size_text
from tatami.recipe import Hinge
from tatami.train.average import Average
from tatami.train.config import ResolvedConfig, TrainConfig
from tatami.train.defaults import check_steps, for_network, held_out_share, resolve
from tatami.train.digest import digest
from tatami.train.first_weights import FirstWeights, read_first_weights
from tatami.train.loop import Trainer
from tatami.train.run import Checkpoint, Held, Identity
from tatami.train.targets import Standard, Targets


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
    ranks: Ranks = ALONE
    first: FirstWeights | None = None

    def make_model(self) -> Model:
        """The network compiled, with its first weights; each rank's takes its part of a batch."""
        config = self.config
        model = compile(
            self.network,
            config.engine,
            batch=-(-config.batch // config.ranks),
            optimizer=config.make_optimizer(),
            loss=config.training_loss(self.augment.mixup > 0),
            seed=config.seed,
            init=config.init,
            checkpoint=config.checkpoint,
            dtype=config.dtype,
            device=self.ranks.device or config.device,
            sync_bn=config.sync_bn,
            capture=config.capture,
            ranks=config.ranks if config.engine == "torch" else 1,
        )
        if self.first is not None:
            model.load_state_dict({**model.state_dict(), **self.first.tensors})
        return model

    def make_trainer(self, model: Model, average: Average | None = None) -> Trainer:
        """What trains ``model``, from the first step."""
        config, standard, classes = self.config, self.identity.standard, len(self.dataset.classes)
        training = _standardised(self.training, standard)
        assert training.y is not None
        return Trainer(
            model,
            training,
            None if self.validation is None else _standardised(self.validation, standard),
            self.identity.preprocess,
            config.make_schedule(),
            config.lr,
            config.epochs,
            config.seed,
            classes,
            targets=Targets.of(training.y, config, classes, mixes=self.augment.mixup > 0),
            step_samples=config.step_samples,
            augment=self.augment,
            average=average,
            patience=config.patience,
            ranks=self.ranks,
        )


def _standardised(split: Split, standard: Standard | None) -> Split:
    return split if standard is None or split.y is None else replace(split, y=standard(split.y))


def new_material(source: Source, config: TrainConfig, ranks: Ranks = ALONE) -> tuple[Material, Held]:
    """Data, network and settings of a new training by ``ranks``, and what is held out.

    Raises:
        TatamiError: bad text, data or settings.
    """
    refuse_unused(config.data, config.reading)
    shape = source.build(None, 2, config.fit).input_shape if source.has_shape else None
    config = for_network(config, shape)
    dataset = load(config.data, config.reading)
    network = fit_to_data(source, dataset, config.fit)
    share = held_out_share(config, dataset)
    rows, held = hold_out(dataset.train, share, config.seed)
    training = dataset.train.take(rows)
    validation = dataset.train.take(held) if len(held) else dataset.validation
    settings = resolve(
        replace(config, validation=share),
        len(training),
        network,
        is_regression=dataset.is_regression,
        ranks=ranks.size,
    )
    check_steps(settings, len(training))
    augment = make_augment(settings.augment, dataset.kind, dataset.sample_shape, len(training))
    if augment.mixup and isinstance(settings.make_loss(), Hinge):
        raise OptionError("this augmentation blends labels, which the hinge loss cannot take", hint="--augment light")
    text = print_netfile(source.program, source.name, network.input_shape, dataset.outputs)
    standard = Standard.fit(dataset.targets, training.y) if dataset.is_regression and training.y is not None else None
    preprocess = Preprocess.fit(training.x, dataset.kind, pads=config.reading.length is not None)
    identity = Identity(text, dataset.classes, preprocess, settings.make_loss(), standard)
    first = None if config.weights is None else read_first_weights(config.weights, network, source.name)
    material = Material(dataset, network, settings, identity, augment, training, validation, ranks, first)
    return material, Held(tuple(int(row) for row in held), len(dataset.train), digest(dataset))


def material_again(
    text: str, dataset: Dataset, config: ResolvedConfig, point: Checkpoint, held: Held, ranks: Ranks
) -> Material:
    """The material of a run that was begun before: nothing is measured anew.

    Raises:
        OptionError: more ranks than a step has samples.
    """
    network = source_of_text(text).build()
    out = np.array(held.validation, np.int64)
    training = dataset.train.take(np.setdiff1d(np.arange(held.samples), out, assume_unique=True))
    validation = dataset.train.take(out) if len(out) else dataset.validation
    augment = make_augment(config.augment, dataset.kind, dataset.sample_shape, len(training))
    check_steps(config, len(training))
    return Material(dataset, network, config, point.identity, augment, training, validation, ranks)


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
