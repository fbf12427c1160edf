"""How a run is trained: plain settings. Their defaults are found in :mod:`tatami.train.defaults`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from tatami.data import DataOptions
from tatami.network import Fit
from tatami.recipe import (
    CrossEntropy,
    Loss,
    MeanSquaredError,
    Optimizer,
    Schedule,
    make_loss,
    make_optimizer,
    make_schedule,
)

ClassWeight = Literal["none", "balanced"]


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a run. None stands for a default, or for a thing that is left out.

    Attributes:
        data: the source of the data, as given to ``tatami train``.
        net: the network, as given; empty where the caller holds it otherwise.
        engine: which engine computes: cpu unless given, and torch where several ranks train together.
        device: where the torch engine computes: cuda, cuda:1, mps or cpu; the first that there is unless given.
        dtype: float32, float64; of the torch engine also tf32 or bf16.
        sync_bn: whether BN takes its statistics over the samples of all ranks.
        capture: none, compile or graphs: how the torch engine runs the layers.
        epochs: passes over the training data.
        batch: samples that the engine takes at once, at most; of several ranks, all together.
        accumulate: how many batches make one step of gradient descent.
        optimizer: sgd, momentum, nesterov, rmsprop, adam or adamw.
        lr: its (highest) learning rate; ``auto``: by a range test.
        weight_decay: its weight decay.
        clip_norm: largest norm of all gradients together; longer ones are shortened.
        schedule: constant, step, cosine or onecycle.
        loss: cross-entropy, mse or hinge.
        smoothing: share of each label that is spread over all classes.
        class_weight: ``balanced`` weighs each class by the inverse of its share of the training samples.
        augment: none, light, strong, or auto.
        ema: decay of the moving average of the weights that is validated and kept as the best; None: none is kept.
        patience: epochs without a better validation loss after which training ends.
        init: he or xavier.
        weights: the file that first weights are taken from instead; those of a last FC of other classes are not.
        checkpoint: whether segments of layers run again rather than keep their activations: less memory, more time.
        validation: share of the training data held out to choose the best epoch.
        test: whether the result is taken on the test split; the validation samples stand in for it otherwise.
        seed: of initial weights, shuffling, augmentation, dropout and the validation split.
        fit: what to do where a size does not fit: crop, or error.
        save_every: seconds between two saves within an epoch.
        keep_epochs: how many epochs' ends are kept, spread over the training, to rewind to.
        reading: how the data are read.
    """

    data: str
    net: str = ""
    engine: str | None = None
    device: str | None = None
    dtype: str = "float32"
    sync_bn: bool = False
    capture: str = "none"
    epochs: int | None = None
    batch: int | None = None
    accumulate: int = 1
    optimizer: str = "adamw"
    lr: float | Literal["auto"] | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    schedule: str = "onecycle"
    loss: str | None = None
    smoothing: float = 0.0
    class_weight: ClassWeight = "none"
    augment: str = "auto"
    ema: float | None = None
    patience: int | None = None
    init: str = "he"
    weights: str | None = None
    checkpoint: bool = False
    validation: float | None = None
    test: bool = True
    seed: int = 0
    fit: Fit = "crop"
    save_every: float = 60.0
    keep_epochs: int = 0
    reading: DataOptions = field(default_factory=DataOptions)


@dataclass(frozen=True, kw_only=True)
class ResolvedConfig(TrainConfig):
    """Settings without open questions: what a run is trained by, and what it keeps.

    Attributes:
        threads, ranks: that shared the work: with another number a run goes on, but not bit for bit.
    """

    engine: str
    epochs: int
    batch: int
    lr: float
    weight_decay: float
    loss: str
    validation: float
    threads: int = 1
    ranks: int = 1

    @property
    def step_samples(self) -> int:
        """Samples in one step of gradient descent, at most."""
        return self.batch * self.accumulate

    def make_optimizer(self) -> Optimizer:
        """The optimizer that the settings name."""
        return make_optimizer(self.optimizer, self.lr, weight_decay=self.weight_decay, clip_norm=self.clip_norm)

    def make_loss(self) -> Loss:
        """The loss that the settings name, as predictions are judged by it."""
        return make_loss(self.loss)

    def training_loss(self, mixes: bool) -> Loss:
        """The loss as the engine takes it: on rows of targets where labels are weighed, smoothed or mixed."""
        loss = self.make_loss()
        if isinstance(loss, CrossEntropy) and self.needs_rows(mixes):
            return replace(loss, targets=True)
        return loss

    def needs_rows(self, mixes: bool) -> bool:
        """Whether each sample has a row of targets rather than a label."""
        return mixes or self.smoothing > 0 or self.class_weight != "none"

    def make_schedule(self) -> Schedule:
        """The schedule that the settings name."""
        return make_schedule(self.schedule)

    @property
    def is_regression(self) -> bool:
        """Whether the loss measures distances to targets."""
        return isinstance(self.make_loss(), MeanSquaredError)
