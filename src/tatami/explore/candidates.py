"""The members of a family that may be tried: those that keep the budget, each network once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from tatami.data import Dataset
from tatami.errors import OptionError
from tatami.network import Network, Source, find_network, free_names
from tatami.notation import ast, parse_value, print_text
from tatami.notation.tidy import tidy
from tatami.plan import Plan, make_plan
from tatami.plan.budget import read_assertion
from tatami.plan.family import family_choices, plan_family
from tatami.plan.figures import Figures, plan_figures
from tatami.plan.machine import THREADS
from tatami.train.config import ResolvedConfig
from tatami.train.material import fit_to_data

USUAL = {"N": range(4), "M": range(1, 4), "K": range(3)}
"""What the names of the memo's pattern stand for where the user says nothing."""


@dataclass(frozen=True)
class Candidate:
    """One member.

    Attributes:
        bindings: the values of the names that vary, as text.
        line: its notation, ready to train.
        params, macs: trainable parameters, and multiply-accumulates of a forward pass of one sample.
    """

    bindings: tuple[str, ...]
    line: str
    params: int
    macs: int


@dataclass(frozen=True)
class Candidates:
    """The members that may be tried, and what became of the others.

    Attributes:
        names: that vary; ``bindings`` are in their order.
        members: that may be tried, each network once.
        total: all members.
        dropped: over budget.
        impossible: that cannot be built; ``reason`` says why the first of them cannot.
        reason: see above.
    """

    names: tuple[str, ...]
    members: tuple[Candidate, ...]
    total: int
    dropped: int
    impossible: int
    reason: str = ""


def usual_choices(source: Source, given: Mapping[str, Sequence[ast.Value]]) -> dict[str, Sequence[ast.Value]]:
    """The choices given, and the usual ones for N, M and K where the text has them free."""
    usual = {
        name: [ast.Number(number) for number in values]
        for name, values in USUAL.items()
        if name not in given and free_names(source.program).get(name) == ()
    }
    return {**given, **usual}


def find_candidates(
    family: str,
    choices: Mapping[str, Sequence[str]],
    budgets: Sequence[str],
    dataset: Dataset,
    config: ResolvedConfig,
    mixes: bool = False,
) -> Candidates:
    """Plan all members, and keep those that can be built on these data and keep the budget.

    Args:
        family: notation, or a ``.net`` file.
        choices: values, as notation, by name.
        budgets: assertions.
        dataset: that they will be trained on.
        config: the training; memory is that of its steps.
        mixes: whether augmentation mixes labels, which then take more memory.

    Raises:
        TatamiError: bad text or settings, or no member is left.
    """
    source = find_network(family)
    values = {name: [parse_value(text) for text in texts] for name, texts in choices.items()}
    chosen = family_choices(source, usual_choices(source, values))
    found = plan_family(
        source,
        chosen,
        input_shape=None if source.has_shape else dataset.sample_shape,
        classes=dataset.outputs,
        fit=config.fit,
        batch=config.batch,
        planner=planner(config, mixes),
        budget=[read_assertion(text) for text in budgets],
    )
    members: dict[Network, Candidate] = {}
    for member in found.members:
        texts = {**dict(found.fixed), **dict(zip(found.names, member.bindings, strict=True))}
        bound = source.bind({name: parse_value(text) for name, text in texts.items()})
        network = fit_to_data(bound, dataset, config.fit)
        line = print_text(tidy(bound.program))
        figures = member.figures
        members.setdefault(network, Candidate(member.bindings, line, figures.params, figures.macs))
    if not members:
        raise OptionError(
            "no member of the family keeps the budget",
            got=f"{found.dropped:,} of {found.total:,} members are over it",
            expected="at least one within it",
            hint="tatami plan shows the figures of each member",
        )
    return Candidates(found.names, tuple(members.values()), found.total, found.dropped, found.impossible, found.reason)


def planner(config: ResolvedConfig, mixes: bool = False) -> Callable[[Network, int], Plan]:
    """Plans the steps of such a training."""
    engine = config.engine if config.engine in ("cpu", "torch") else "cpu"
    if engine == "torch" and config.device == "cpu":
        engine = "torch-cpu"
    return partial(
        make_plan,
        optimizer=config.make_optimizer(),
        engine=engine,
        dtype=config.dtype if engine != "cpu" else "float32",
        loss=config.training_loss(mixes),
    )


def planned_figures(line: str, dataset: Dataset, config: ResolvedConfig, mixes: bool = False) -> Figures:
    """All figures of one member, the peak of memory too, as they are foretold before it is trained."""
    network = fit_to_data(find_network(line), dataset, config.fit)
    return plan_figures(planner(config, mixes)(network, config.batch))


@contextmanager
def with_threads(threads: int) -> Iterator[None]:
    """Within the block, plans and trainings of this process are of so many threads."""
    before = os.environ.get(THREADS)
    os.environ[THREADS] = str(threads)
    try:
        yield
    finally:
        if before is None:
            del os.environ[THREADS]
        else:
            os.environ[THREADS] = before
