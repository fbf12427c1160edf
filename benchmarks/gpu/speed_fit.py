"""Foretold step times against measured ones, and what a plan assumes, fitted on some networks for use on the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gpu_cases import GpuCase
from scipy.optimize import least_squares

from tatami.plan.devices import Device, Dtype
from tatami.plan.efficiency import DATA_SHEET, Efficiency
from tatami.plan.time import foretell_time
from tatami.recipe import SGD

# Shares of peak and bandwidth, and seconds a kernel: beyond these, a fit would say nothing of the card.
LOWEST, HIGHEST = (0.02, 0.05, 5e-7), (1.0, 1.0, 1e-4)


@dataclass(frozen=True)
class Measured:
    """Seconds of a step of a case, with batches on the card."""

    case: GpuCase
    seconds: float


def foretold(case: GpuCase, device: Device, dtype: Dtype, efficiency: Efficiency = DATA_SHEET) -> float:
    """Seconds of a step as the plan says, with momentum."""
    return foretell_time(case.network(), device, case.batch, SGD(momentum=0.9), dtype, efficiency).seconds


def fit(found: Sequence[Measured], device: Device, dtype: Dtype) -> Efficiency | None:
    """What must be assumed for the times of the cases that calibrate; None of fewer than there are constants.

    Least squares of the logarithms of foretold / measured, so that a short step counts as much as a long one.
    """
    fitted = [one for one in found if one.case.calibrates]
    if len(fitted) < len(LOWEST):
        return None
    networks = [(one.case.network(), one.case.batch, one.seconds) for one in fitted]

    def errors(logarithms: Sequence[float]) -> list[float]:
        efficiency = assumed(*map(math.exp, logarithms))
        times = (foretell_time(n, device, b, SGD(momentum=0.9), dtype, efficiency).seconds for n, b, _ in networks)
        return [math.log(time / seconds) for time, (_, _, seconds) in zip(times, networks, strict=True)]

    begin = [math.log(value) for value in (DATA_SHEET.compute, DATA_SHEET.memory, DATA_SHEET.launch)]
    bounds = [[math.log(value) for value in edge] for edge in (LOWEST, HIGHEST)]
    # The time bends where another limit takes over, so the differences are taken over a wide step.
    solution = least_squares(errors, begin, bounds=bounds, diff_step=0.01, loss="soft_l1")
    return assumed(*map(math.exp, solution.x))


def assumed(compute: float, memory: float, launch: float) -> Efficiency:
    """These figures in the plan's form."""
    return Efficiency(compute, memory, "fitted", "fitted", launch, "fitted")
