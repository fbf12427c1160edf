"""A step of PyTorch on a GPU as the allocator sees it: what is asked for and freed, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tatami.network import Network
from tatami.network.layers import Dense
from tatami.plan.constant import Constant, constant_tensors
from tatami.plan.cuda.allocator import Event
from tatami.plan.memory import StepSettings, step_schedule
from tatami.plan.steps import Schedule, Step

STEPS = 2  # behind the first the pools have their holes, and the second finds them


@dataclass(frozen=True)
class Running:
    """A training, or an inference, that goes on from step to step.

    Attributes:
        constants: what is there before the first step.
        schedule: of one step.
        workspaces: bytes that cuBLAS takes when it is first called, and keeps, by the number of the step's operator.
    """

    constants: tuple[Constant, ...]
    schedule: Schedule
    workspaces: Mapping[int, tuple[str, int]]

    def events(self, batch: int) -> Iterator[Event]:
        """What is asked for and freed in some steps of ``batch`` samples, from the program's start."""
        for tensor in self.constants:
            yield tensor.name, tensor.size
        sizes = {name: buffer.size(batch) for name, buffer in self.schedule.buffers.items()}
        for number in range(STEPS):
            for at, (made, freed) in enumerate(self._changes):
                if number == 0 and at in self.workspaces:
                    yield self.workspaces[at]
                for name in made:
                    yield name, sizes[name]
                for name in freed:
                    yield name, None

    def step_of(self, event: int) -> Step:
        """The schedule's step in which an event takes place; the first one's for what was there before."""
        left = event - len(self.constants)
        for number in range(STEPS):
            for at, (made, freed) in enumerate(self._changes):
                left -= len(made) + len(freed) + (number == 0 and at in self.workspaces)
                if left < 0:
                    return self.schedule.steps[at]
        return self.schedule.steps[0]

    @cached_property
    def _changes(self) -> list[tuple[list[str], list[str]]]:
        return _changes(self.schedule)


def running(network: Network, settings: StepSettings, workspace: int) -> Running:
    """The steps that the settings ask for, with a ``workspace`` of so many bytes for each of cuBLAS's handles."""
    schedule = step_schedule(network, settings)
    dense = {node.name for node in network if isinstance(node.layer, Dense)}
    first: dict[int, tuple[str, int]] = {}
    for phase, name in (("forward", "cuBLAS forward"), ("backward", "cuBLAS backward")):
        at = next((i for i, step in enumerate(schedule.steps) if step.phase == phase and step.node in dense), None)
        if at is not None:
            first[at] = (name, workspace)
    constants = constant_tensors(network, settings.optimizer if settings.training else None)
    return Running(tuple(constants), schedule, first)


def _changes(schedule: Schedule) -> list[tuple[list[str], list[str]]]:
    """The buffers that are made, and those that are freed, in each step."""
    changes: list[tuple[list[str], list[str]]] = [([], []) for _ in schedule.steps]
    for name, buffer in schedule.buffers.items():
        changes[buffer.first][0].append(name)
        changes[buffer.last][1].append(name)
    return changes
