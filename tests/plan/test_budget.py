"""Assertions: reading, units, verdicts, and the texts of every refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.errors import OptionError, TatamiError
from tatami.network import Network, find_network
from tatami.plan import make_plan
from tatami.plan.budget import Verdict, check_budget, read_assertion
from tatami.plan.figures import Figures, plan_figures


def verdicts_of(net: str, *texts: str, batch: int = 1) -> tuple[Verdict, ...]:
    network: Network = find_network(net).build()

    def at(n: int) -> Figures:
        return plan_figures(make_plan(network, n))

    return check_budget(map(read_assertion, texts), at(batch), at)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("params < 5M", 5_000_000),
        ("params<5,000,000", 5_000_000),
        ("params <= 5_000", 5_000),
        ("macs < 1.5G", 1_500_000_000),
        ("macs < 0.1G", 100_000_000),  # exact: 0.1 is no binary fraction
        ("flops < 2e9", 2_000_000_000),
        ("params > 3k", 3_000),
        ("params < 1T", 10**12),
        ("memory < 8GB", 8 * 10**9),
        ("memory < 8GiB", 8 * 2**30),
        ("memory(batch=64) < 7.5 GiB", 15 * 2**29),
        ("weights < 12kB", 12_000),
        ("activations( batch = 2 ) < 12 KiB", 12 * 1024),
        ("weights == 24B", 24),
    ],
)
def test_values_and_units_are_exact(text: str, limit: int) -> None:
    assert read_assertion(text).limit == limit


def test_a_failing_figure_is_told_with_its_number() -> None:
    (failed,) = verdicts_of("vgg16", "params < 5M")
    assert not failed.holds
    assert str(failed) == "params is 138,357,544, which is not < 5,000,000"


def test_every_operator_at_its_edge() -> None:
    operators = ("<", "<=", ">", ">=", "==")
    verdicts = verdicts_of("lenet5", *(f"params {operator} 61706" for operator in operators))
    outcomes = {str(verdict.assertion): verdict.holds for verdict in verdicts}
    assert outcomes == {
        "params < 61706": False,
        "params <= 61706": True,
        "params > 61706": False,
        "params >= 61706": True,
        "params == 61706": True,
    }


def test_memory_of_another_batch_than_the_plans() -> None:
    texts = ("textbook_memory < 1MB", "textbook_memory(batch=64) < 1MB", "memory < 1MB", "memory(batch=64) < 1MB")
    alone, textbook, peak_alone, peak = verdicts_of("lenet5", *texts)
    network = find_network("lenet5").build()
    assert alone.value == 2 * 4 * 9_118  # values of 4 bytes, twice
    assert peak_alone.value == make_plan(network, 1).memory.peak_bytes
    assert peak.value == make_plan(network, 64).memory.peak_bytes
    assert str(textbook) == "textbook_memory(batch=64) is 4,668,416 bytes, which is not < 1,000,000 bytes"


def test_a_field_must_hold_along_every_axis() -> None:
    (verdict,) = verdicts_of("INPUT(9x9x1) -> CONV(1, 3x5)", "receptive_field >= 4")
    assert str(verdict) == "receptive_field is 3x5, which is not >= 4 along every axis"


def test_a_field_without_a_single_size_fails() -> None:
    (verdict,) = verdicts_of("INPUT(9x9x1) -> ADD[CONV(1, 2) | ID]", "receptive_field >= 1")
    assert not verdict.holds
    assert str(verdict) == "receptive_field has no single value, so it cannot be >= 1"


SHAPE = "expected FIGURE OPERATOR VALUE, such as 'params < 5M' or 'memory(batch=64) < 8GB'"
BAD = [
    ("params", f"unreadable assertion; got params; {SHAPE}"),
    ("params = 3", f"unreadable assertion; got params = 3; {SHAPE} (hint: operators are < <= > >= ==)"),
    ("params < -3", f"unreadable assertion; got params < -3; {SHAPE}"),
    ("params < 1,5", f"unreadable assertion; got params < 1,5; {SHAPE}"),  # no decimal comma, read as 15
    ("__import__('os') < 1", "unknown figure; got __import__"),
    ("params < 2**64", f"unreadable assertion; got params < 2**64; {SHAPE}"),
    ("parms < 3", "did you mean params?"),
    ("params < 5MB", "params is a count; got params < 5MB; expected no unit, or k, M, G, T"),
    ("params < 5m", "did you mean M?"),
    ("memory < 8", "memory is in bytes; got memory < 8; expected kB, MB, GB, TB (powers of 10) or KiB, MiB, GiB, TiB"),
    ("memory < 8", "say the unit, as in 8GB"),
    ("memory < 8G", "did you mean GB?"),
    ("memory < 8gb", "did you mean GB?"),
    ("params(batch=2) < 3", "params does not depend on anything in brackets"),
    ("weights(batch=2) < 3kB", "weights does not depend on anything in brackets"),
    ("memory(x=3) < 8GB", "unreadable assertion; got memory(x=3) < 8GB; expected memory(batch=64)"),
    ("memory(batch=0) < 8GB", "expected memory(batch=64)"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[f"{text}|{message[-12:]}" for text, message in BAD])
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        read_assertion(text)
    assert message in str(caught.value)


@given(st.text(max_size=40) | st.from_regex(r"[a-z(=)]{0,9} ?[<>=]{0,2} ?[0-9.,e_]{0,9}[a-zA-Z]{0,3}", fullmatch=True))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assertion = read_assertion(text)
    except TatamiError:
        return
    assert read_assertion(str(assertion)) == assertion
