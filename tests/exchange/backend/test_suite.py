"""Each case of ONNX's backend suite whose operators are claimed passes in every engine, or is excluded for a reason."""

import os
from collections import Counter
from pathlib import Path

import pytest
from marked import write_between

pytest.importorskip("onnx", reason="the package onnx is not installed; `make test-onnx` brings it")

from .exclusions import NAMES, REFUSALS
from .outcomes import outcome, outcomes
from .page import ENGINES, table
from .suite import cases, light_case, light_cases

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"


@pytest.fixture(params=ENGINES)
def engine(request):
    if request.param == "torch":
        pytest.importorskip("torch", reason="PyTorch is not installed; `make test-onnx` brings it")
    return request.param


def test_no_claimed_operator_has_a_failing_case(engine):
    found = outcomes(engine)
    assert {each.name: each.failure for each in found if each.failure} == {}
    passed = [each for each in found if not each.reason]
    assert len(passed) >= 150
    assert Counter(each.kind for each in passed).keys() >= {"node", "pytorch-converted", "pytorch-operator"}


def test_no_exclusion_is_stale():
    rules = {each.rule for each in outcomes("textbook") if each.rule}
    assert {*REFUSALS, *NAMES} == rules


def test_every_case_is_there_once():
    names = [(case.kind, case.name) for case in cases()]
    assert len(set(names)) == len(names) > 400


HEAVY = {"light_bvlc_alexnet", "light_vgg19", "light_zfnet512"}  # a hundred million weights, most of a minute


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in HEAVY else name for name in light_cases()]
)
@pytest.mark.parametrize("engine", ["cpu", "torch"], indirect=True)  # the textbook takes minutes for them
def test_whole_architectures(name, engine):
    found = outcome(light_case(name), engine)
    assert (found.failure, found.reason) == ("", "")


def test_the_page_says_what_the_suite_says():
    pytest.importorskip("torch", reason="the page tells of the torch engine, too")
    found = table()
    if os.environ.get("TATAMI_WRITE_PAGE"):
        write_between(PAGE, "the table", found)
    assert found in PAGE.read_text(encoding="utf-8"), "`make conformance` writes the page anew"
