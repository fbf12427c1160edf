"""Every member of a family of networks, with its figures: those that can be built and keep the budget."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tatami.errors import NetworkError, NotationError, OptionError
from tatami.network import Fit, Network, Source, free_names
from tatami.network.expand import need_bound
from tatami.network.layers import Shape
from tatami.notation import ast, print_value
from tatami.plan.budget import Assertion, check_budget
from tatami.plan.figures import Figure, Figures, plan_figures
from tatami.plan.plan import Plan, make_plan

Planner: TypeAlias = Callable[[Network, int], Plan]

MAX_MEMBERS = 100_000


@dataclass(frozen=True)
class Member:
    """One network of a family: the values of the names that vary, as text, and its figures."""

    bindings: tuple[str, ...]
    figures: Figures


@dataclass(frozen=True)
class FamilyPlan:
    """The members of a family.

    Attributes:
        names: the names that vary; each member's ``bindings`` are in their order.
        members: those that can be built and keep the budget, in the order of the choices, the last name fastest.
        dropped: how many break the budget.
        impossible: how many cannot be built, most often because a size does not fit.
        reason: why the first of them cannot; empty when all can.
        fixed: the names that have one value, and that value.
    """

    names: tuple[str, ...]
    members: tuple[Member, ...]
    dropped: int
    impossible: int
    reason: str = ""
    fixed: tuple[tuple[str, str], ...] = ()

    @property
    def total(self) -> int:
        """All members, the dropped and the impossible ones included."""
        return len(self.members) + self.dropped + self.impossible


def family_choices(source: Source, choices: Mapping[str, Sequence[ast.Value]]) -> dict[str, Sequence[ast.Value]]:
    """Values to try for every free name of ``source``, in its order; all of them for a ``?`` or ``{a|b}`` not bound.

    Raises:
        OptionError: a choice for a name that the text does not have, or of what a ``?`` or ``{a|b}`` cannot be.
        NotationError: a name other than that of a ``?`` or ``{a|b}`` has no choice.
    """
    free = free_names(source.program)
    own = {name: values for name, values in free.items() if values and name not in choices}
    chosen = {**choices, **own}
    bound = source.bind({name: values[0] for name, values in chosen.items()})
    need_bound(bound.program)
    for name, values in choices.items():
        for value in values[1:]:
            source.bind({name: value})  # refuses what an option or a choice cannot be
    return {name: chosen[name] for name in free}


def plan_family(
    source: Source,
    choices: Mapping[str, Sequence[ast.Value]],
    *,
    input_shape: Shape | None = None,
    classes: int | None = None,
    fit: Fit = "crop",
    batch: int = 1,
    planner: Planner = make_plan,
    budget: Sequence[Assertion] = (),
    peak: bool = False,
) -> FamilyPlan:
    """Plan every combination of ``choices``.

    Args:
        source: the pattern, read once.
        choices: values for every free name (:func:`family_choices`).
        input_shape: of a sample, instead of the text's own.
        classes: size of a bare last FC.
        fit: whether a size that does not fit is cropped or makes the member impossible.
        batch: samples in one step.
        planner: plans a network for so many samples; :func:`tatami.plan.make_plan` with the settings of one's own.
        budget: members that break one of these assertions are dropped, and counted.
        peak: whether to work out the peak of memory, which takes as long as all the rest; a budget on it implies this.

    Raises:
        OptionError: more than :data:`MAX_MEMBERS` members; nothing is built then.
        NotationError: no member at all can be built; the first one's reason.
    """
    count = math.prod(map(len, choices.values()))
    if count > MAX_MEMBERS:
        sizes = " x ".join(f"{len(values):,}" for values in choices.values())
        raise OptionError("too many members", got=f"{sizes} = {count:,}", expected=f"at most {MAX_MEMBERS:,}")
    varying = [name for name, values in choices.items() if len(values) > 1]
    fixed = {name: values[0] for name, values in choices.items() if len(values) == 1}
    peak = peak or any(assertion.figure.name == "memory" for assertion in budget)
    members: list[Member] = []
    dropped = impossible = 0
    first: NotationError | NetworkError | None = None
    reason = ""
    for values in itertools.product(*(choices[name] for name in varying)):
        texts = tuple(map(print_value, values))
        try:
            bindings = {**fixed, **dict(zip(varying, values, strict=True))}
            network = source.bind(bindings).build(input_shape, classes, fit=fit)
        except (NotationError, NetworkError) as error:
            impossible += 1
            if first is None:
                first, reason = error, f"{' '.join(map('='.join, zip(varying, texts, strict=True)))}: {error}"
            continue
        figures_at = _figures(network, planner, peak)
        figures = figures_at(batch)
        if all(verdict.holds for verdict in check_budget(budget, figures, figures_at)):
            members.append(Member(texts, figures))
        else:
            dropped += 1
    if first is not None and impossible == count:
        raise first
    kept = tuple((name, print_value(value)) for name, value in fixed.items())
    return FamilyPlan(tuple(varying), tuple(members), dropped, impossible, reason, kept)


def sort_members(members: Sequence[Member], figure: Figure, descending: bool = False) -> tuple[Member, ...]:
    """The members by one figure, smallest first; those without a single value last either way."""
    with_value = [member for member in members if figure.value(member.figures) is not None]
    without = [member for member in members if figure.value(member.figures) is None]
    return (*sorted(with_value, key=lambda m: tuple(_axes(figure, m)), reverse=descending), *without)


def _axes(figure: Figure, member: Member) -> Iterator[int]:
    value = figure.value(member.figures)
    yield from value if isinstance(value, tuple) else () if value is None else (value,)


def _figures(network: Network, planner: Planner, peak: bool) -> Callable[[int], Figures]:
    return lambda batch: plan_figures(planner(network, batch), peak)
