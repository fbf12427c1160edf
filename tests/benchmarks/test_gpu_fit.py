"""Constants are fitted on the networks that are marked, and on no other."""

from dataclasses import replace
from types import ModuleType

import pytest

from tatami.plan.devices import Device
from tatami.plan.efficiency import Efficiency
from tatami.plan.time import foretell_time
from tatami.recipe import SGD

MIB = 2**20
CARD = Device("card", bandwidth_gbs=1500, fp32_tflops=20, bf16_tflops=300)
TRUTH = Efficiency(0.45, 0.7, "", "", 6e-6, "")


@pytest.fixture
def fit(bench) -> ModuleType:
    return bench("memory_fit")


def rows(bench, changes: dict[int, dict[str, int]] | None = None) -> list:
    """Three marked rows and one that is not, in MiB: allocated, reserved, driver."""
    memory_fit, foretold = bench("memory_fit"), bench("foretold").Foretold
    measured = [(104, 118, 620), (207, 240, 760), (310, 352, 900), (400, 500, 1200)]
    return [
        memory_fit.Row(
            f"net {i}",
            i < 3,
            "float32",
            "momentum",
            32,
            foretold(*(n * MIB for n in (100 * (i + 1), 120 * (i + 1), 120 * (i + 1) + 600))),
            {name: n * MIB for name, n in zip(("allocated", "reserved", "driver"), figures, strict=True)}
            | (changes or {}).get(i, {}),
        )
        for i, figures in enumerate(measured)
    ]


def test_memory_constants_by_hand(bench, fit: ModuleType) -> None:
    constants = fit.calibrate(rows(bench))
    assert constants.outside == 548 * MIB  # 900 - 352, the most of 502, 520, 548
    assert constants.workspace == 7 * MIB  # the median of 4, 7, 10
    assert constants.margin == pytest.approx(0)  # 120, 240, 360 are enough
    tight = fit.calibrate(rows(bench, {1: {"reserved": 252 * MIB}}))
    assert tight.margin == pytest.approx(0.05)  # 240 were foretold
    row = rows(bench)[3]
    assert row.error("allocated") == 0
    assert constants.allocated(row) == pytest.approx(407 / 400 - 1)
    assert constants.driver(row) == pytest.approx((480 + 548) / 1200 - 1)
    assert tight.driver(row) == pytest.approx((480 * 1.05 + 548) / 1200 - 1)


def test_networks_without_a_mark_have_no_part_in_it(bench, fit: ModuleType) -> None:
    other = {3: {"allocated": 9, "reserved": 7 * MIB, "driver": 10**12}}
    assert fit.calibrate(rows(bench, other)) == fit.calibrate(rows(bench))
    assert fit.calibrate(rows(bench)[3:]) is None


def test_without_a_measurement_there_is_no_error(bench, fit: ModuleType) -> None:
    row = replace(rows(bench)[0], measured={"error": "out of memory"})
    assert row.error("allocated") is row.error("driver") is row.outside is None
    assert fit.calibrate([row]) is None
    assert fit.worst([None, 0.01, -0.03]) == -0.03
    assert fit.worst([None]) is None


def test_a_fit_finds_what_the_times_were_made_with(bench) -> None:
    """On three networks, and then foretells others that were made by the same rule."""
    speed, cases = bench("speed_fit"), bench("gpu_cases").NETWORKS

    def seconds(case) -> float:
        return foretell_time(case.network(), CARD, case.batch, SGD(momentum=0.9), "bf16", TRUTH).seconds

    names = ("lenet", "vgg16", "resnet18")
    chosen = [replace(cases[name], calibrates=True) for name in names]
    marked = [speed.Measured(case, seconds(case)) for case in chosen]
    others = [replace(cases[name], calibrates=False) for name in ("resnet50", "mobilenet_v2")]
    wrong = [speed.Measured(case, 100 * seconds(case)) for case in others]
    found = speed.fit(marked + wrong, CARD, "bf16")
    assert found == speed.fit(marked, CARD, "bf16")
    for case in others:
        assert speed.foretold(case, CARD, "bf16", found) == pytest.approx(seconds(case), rel=0.02)
        assert speed.foretold(case, CARD, "bf16") != pytest.approx(seconds(case), rel=0.1)
    assert found.launch == pytest.approx(TRUTH.launch, rel=0.02)


def test_no_fit_of_three_constants_on_two_networks(bench) -> None:
    speed, cases = bench("speed_fit"), bench("gpu_cases").TINY
    both = [speed.Measured(replace(case, calibrates=True), 1e-3) for case in cases.values()]
    assert speed.fit(both, CARD, "bf16") is None
