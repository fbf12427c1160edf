"""What an exploration found, as values; and which of its trials are on a Pareto front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tatami.views.numbers import bytes_text, duration, short


@dataclass(frozen=True)
class Tried:
    """A network that was trained.

    Attributes:
        number: of the trial.
        line: its notation.
        bindings: the values of the names that vary.
        run: its run directory.
        epochs: that it was trained for.
        score: on the validation samples: accuracy, or R2; None where it failed.
        loss, correct, total: there; ``correct`` is None of a regression.
        params, macs, memory: as planned: trainable parameters, MACs of a sample, bytes of a training step at its peak.
        seconds: of training, measured, an epoch.
        measured_params, measured_memory: what the trained network really has and takes; None where it is not measured.
        failure: why it failed.
    """

    number: int
    line: str
    bindings: tuple[str, ...]
    run: str
    epochs: int
    score: float | None
    loss: float | None
    correct: int | None
    total: int
    params: int
    macs: int
    memory: int
    seconds: float
    measured_params: int
    measured_memory: int | None
    failure: str = ""

    @property
    def is_as_planned(self) -> bool:
        """Whether parameters and memory, as far as they were measured, are those that were planned."""
        return self.params == self.measured_params and self.measured_memory in (None, self.memory)


@dataclass(frozen=True)
class Cost:
    """What a front weighs the score against."""

    name: str
    heading: str
    value: Callable[[Tried], float]
    text: Callable[[float], str]


COSTS = (
    Cost("params", "params", lambda tried: tried.params, short),
    Cost("macs", "MACs", lambda tried: tried.macs, short),
    Cost("memory", "memory", lambda tried: tried.memory, lambda value: bytes_text(int(value))),
    Cost("time", "s/epoch", lambda tried: tried.seconds, lambda value: f"{value:.2f}"),
)


@dataclass(frozen=True)
class FinalTest:
    """The one network that was held against the test split.

    Attributes:
        number: of its trial.
        text: the result in a line: ``test accuracy 0.9890 (989 of 1000)``.
        score, correct, total: as of :class:`Tried`.
        looks: how many networks of this exploration have been held against the test split, this one included.
    """

    number: int
    text: str
    score: float
    correct: int | None
    total: int
    looks: int = 1


@dataclass(frozen=True)
class Exploration:
    """What a search within budgets found.

    Attributes:
        family, data, budgets, names: what was searched; ``names`` vary.
        total, dropped, impossible, members: all combinations, those over budget, those that cannot be built, and the
            different networks that are left; ``reason`` says why the first of the impossible is so.
        reason: see above.
        metric: what the score is.
        epochs: of each rung.
        batch: samples in a step.
        trials: in the order of their beginning.
        seconds: that the search took.
        ended: why it ended.
        command: which trains a line on all training samples for as long as the longest trial; ``LINE`` stands for it.
        final: the run directory of the network that the search has come to: the best, trained once more where samples
            had been held out; empty where it has come to none.
        tested: its test; None where there is no test split, or nothing to test.
    """

    family: str
    data: str
    budgets: tuple[str, ...]
    names: tuple[str, ...]
    total: int
    dropped: int
    impossible: int
    members: int
    reason: str
    metric: str
    epochs: tuple[int, ...]
    batch: int
    trials: tuple[Tried, ...]
    seconds: float
    ended: str
    command: str
    final: str = ""
    tested: FinalTest | None = None

    @property
    def best(self) -> Tried | None:
        """The best of those that were trained longest: by score, then by loss."""
        scored = [tried for tried in self.trials if tried.score is not None]
        longest = max((tried.epochs for tried in scored), default=0)
        return max((tried for tried in scored if tried.epochs == longest), key=_rank, default=None)

    @property
    def as_planned(self) -> int:
        """How many trials have the figures that were planned."""
        return sum(tried.is_as_planned for tried in self.measured)

    @property
    def measured(self) -> tuple[Tried, ...]:
        """The trials that have not failed."""
        return tuple(tried for tried in self.trials if not tried.failure)


def _rank(tried: Tried) -> tuple[float, float, int]:
    return tried.score or 0.0, -(tried.loss or 0.0), -tried.number


def front(trials: Sequence[Tried], cost: Cost) -> tuple[Tried, ...]:
    """The Pareto front: the trials than which no other is at least as good at no more cost, and better in one of both.

    Ascending in cost and in score. Of equals in both, the first is kept.
    """
    found: list[Tried] = []
    scored = [tried for tried in trials if tried.score is not None]
    for tried in sorted(scored, key=lambda t: (cost.value(t), -(t.score or 0.0), t.number)):
        if not found or (tried.score or 0.0) > (found[-1].score or 0.0):
            found.append(tried)
    return tuple(found)


def rows(found: Exploration) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings, and a row a trial that is on any front, ascending in parameters.

    A cost on whose front the trial is has a star; the best has the word.
    """
    on = {cost.name: {tried.number for tried in front(found.trials, cost)} for cost in COSTS}
    shown = [tried for tried in found.trials if any(tried.number in numbers for numbers in on.values())]
    headings = (*found.names, *(cost.heading for cost in COSTS), "epochs", found.metric, "")
    return headings, [
        (
            *tried.bindings,
            *(cost.text(cost.value(tried)) + ("*" if tried.number in on[cost.name] else " ") for cost in COSTS),
            f"{tried.epochs}",
            f"{tried.score:.4f}",
            "best" * (tried is found.best),
        )
        for tried in sorted(shown, key=lambda t: (t.params, t.number))
    ]


def summary(found: Exploration) -> list[str]:
    """What there was to try, what was tried, and whether plans came true; a sentence a line."""
    said = [f"*: on the Pareto front of validation {found.metric} against this"]
    said.append(f"{found.members:,} networks to try, of {found.total:,} members")
    if found.dropped:
        said.append(f"{found.dropped:,} members over budget: {', '.join(found.budgets)}")
    if found.impossible:
        said.append(f"{found.impossible:,} cannot be built; the first: {found.reason}")
    counts = {epochs: sum(t.epochs >= epochs for t in found.trials) for epochs in found.epochs}
    climbed = ", ".join(f"{count:,} for {epochs}" for epochs, count in counts.items())
    said.append(f"{len(found.trials):,} trained in {duration(found.seconds)} (epochs: {climbed}); {found.ended}")
    failed = [tried for tried in found.trials if tried.failure]
    if failed:
        said.append(f"{len(failed):,} failed; the first: {failed[0].line}: {failed[0].failure}")
    if found.measured:
        said.append(
            f"planned figures equal the measured in {found.as_planned:,} of {len(found.measured):,} trials: "
            f"parameters, and the peak of memory of a step of {found.batch}"
        )
    return said


def best_lines(found: Exploration) -> list[str]:
    """The best network, and what the test split says of it, apart from what chose it."""
    best = found.best
    if best is None:
        return ["no network was trained"]
    loss = "" if best.loss is None else f", loss {best.loss:.4f}"
    said = [
        f"best of those trained longest: validation {found.metric} {best.score:.4f}{loss}, {best.params:,} parameters",
        found.command.replace("LINE", best.line),
    ]
    if found.final not in ("", best.run):
        said.append(f"trained so once more, on the samples too that it was chosen by: {found.final}")
    if found.tested is None:
        return [*said, "not tested: only the samples that it was chosen by have judged it"]
    looks = found.tested.looks
    seen = "which no choice has seen" if looks == 1 else f"which {looks} networks of this search were held against"
    return [*said, f"on the test split, {seen}:", found.tested.text]
