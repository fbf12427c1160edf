"""What an experiment is: a claim, what is measured for it, and the rule that turns the measurements into a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tatami.views.experiment import Conclusion

Figures: TypeAlias = dict[str, Any]
"""What one trial measured: numbers and lists of numbers by name, as JSON has them."""


@dataclass(frozen=True)
class Size:
    """How much is measured: ``quick`` ends within three minutes on two cores.

    Attributes:
        is_full: whether it is the long form.
        seeds: how often what is random is drawn; 0 for the experiment's own number.
    """

    is_full: bool = False
    seeds: int = 0

    def seeds_or(self, quick: int, full: int) -> range:
        """The seeds, where the experiment's own numbers are these."""
        return range(self.seeds or (full if self.is_full else quick))


@dataclass(frozen=True)
class Trial:
    """One measurement.

    Attributes:
        group: what is compared with other groups, in words: ``one 7x7``.
        settings: all that it depends on besides the seed, as JSON has it.
        seed: of what is random.
    """

    group: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Results:
    """What was measured."""

    trials: Sequence[tuple[Trial, Figures]]

    def groups(self) -> list[str]:
        """In the order of the trials."""
        return list(dict.fromkeys(trial.group for trial, _ in self.trials))

    def of(self, group: str, figure: str) -> list[Any]:
        """A figure's values, by seed."""
        found = [(trial.seed, figures[figure]) for trial, figures in self.trials if trial.group == group]
        return [value for _, value in sorted(found, key=lambda pair: pair[0])]

    def settings(self, group: str) -> Mapping[str, Any]:
        """Those of a group's first trial."""
        return next(trial.settings for trial, _ in self.trials if trial.group == group)


@dataclass(frozen=True)
class Claim:
    """An experiment.

    Attributes:
        name: as ``tatami lab`` takes it.
        says: the claim, in a sentence.
        sources: papers and the like.
        trials: what is measured, for a size.
        measure: measures a trial on data: their source, as ``tatami train`` takes it. Runs in a process of its own,
            with one thread, unless ``times``; returns the same for the same trial.
        conclude: turns the results into statements, tables and charts.
        data: the source, unless the user names another; empty for an experiment that takes none.
        times: whether it measures time: its trials then run one after another, with all threads.
    """

    name: str
    says: str
    sources: tuple[str, ...]
    trials: Callable[[Size], list[Trial]]
    measure: Callable[[Trial, str], Figures]
    conclude: Callable[[Results], Conclusion]
    data: str = "sample:digits"
    times: bool = False
