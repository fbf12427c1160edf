"""A comparison in words. Every sentence is computed from the figures, so it is true of any networks."""

from __future__ import annotations

from collections.abc import Sequence

from tatami.network.layers import size_text
from tatami.plan.compare import Comparison, Row
from tatami.views.numbers import bytes_text

# What each cost is called. FLOPs are 2 x MACs and bytes 4 x values: named once.
_COSTS = {"params": "parameters", "macs": "MACs", "activation_values": "activation values"}
_SAVED = {"params": "parameters", "macs": "MACs", "activation_values": "activation memory"}


def compare_words(comparison: Comparison) -> tuple[str, ...]:
    """What all networks share, each one against the first, and the extremes of memory."""
    others = range(1, len(comparison.names))
    return (*_shared(comparison), *(_against_first(comparison, i) for i in others), *_memory(comparison))


def _shared(comparison: Comparison) -> list[str]:
    if len(comparison.names) < 2:
        return []
    same = []
    outputs = [figures.output for figures in comparison.networks]
    if len(set(outputs)) == 1:
        same.append(f"output {size_text(outputs[0])}")
    fields = comparison.row("receptive_field")
    if not fields.differs and fields.values[0] is not None:
        same.append(f"receptive field {_field(fields, 0)}")
    who = "Both networks" if len(comparison.names) == 2 else f"All {len(comparison.names)} networks"
    return [f"{who} have the same {' and the same '.join(same)}."] if same else []


def _against_first(comparison: Comparison, i: int) -> str:
    facts = [
        f"{_number(row, i)} {noun}, not {_number(row, 0)}{_change(row, i)}"
        for name, noun in _COSTS.items()
        if (row := comparison.row(name)).values[i] != row.values[0]
    ]
    output, first_output = comparison.networks[i].output, comparison.networks[0].output
    if output != first_output:
        facts.append(f"an output of {size_text(output)}, not {size_text(first_output)}")
    fields = comparison.row("receptive_field")
    if fields.values[i] != fields.values[0]:
        facts.append(f"a receptive field of {_field(fields, i)}, not {_field(fields, 0)}")
    facts += [
        _more(comparison.row(name), i, *nouns)
        for name, *nouns in (
            ("depth", "layer of depth", "layers of depth"),
            ("nonlinearities", "non-linearity", "non-linearities"),
        )
        if comparison.row(name).values[i] != comparison.row(name).values[0]
    ]
    pair = f"{comparison.names[i]} against {comparison.names[0]}"
    return f"{pair}: {'; '.join(facts)}. {_verdict(comparison, i)}" if facts else f"{pair}: the same in every figure."


def _verdict(comparison: Comparison, i: int) -> str:
    rows = {noun: comparison.row(name) for name, noun in _SAVED.items()}
    less = [noun for noun, row in rows.items() if _as_int(row, i) < _as_int(row, 0)]
    more = [noun for noun, row in rows.items() if _as_int(row, i) > _as_int(row, 0)]
    same = _listed([noun for noun in rows if noun not in {*less, *more}])
    first, as_before = comparison.names[0], f", the same in {same}" if same else ""
    if less and more:
        return f"A trade-off: it saves {_listed(less)} and pays with more {_listed(more)}."
    if less:
        return f"Cheaper than {first} in {_listed(less)}{as_before}."
    if more:
        return f"Dearer than {first} in {_listed(more)}{as_before}."
    return f"It costs the same as {first}."


def _change(row: Row, i: int) -> str:
    """`` (43% fewer)`` or `` (2.26 times as many)``; nothing where there is no ratio."""
    ratio = row.ratios[i]
    if ratio is None:
        return ""
    if ratio >= 2:
        return f" ({ratio:.3g} times as many)" if ratio < 1000 else f" ({ratio:,.0f} times as many)"
    percent = round(100 * abs(ratio - 1))
    if percent == 100 and ratio < 1:
        return f" ({'none' if ratio == 0 else 'over 99% fewer'})"
    return f" ({percent or 'under 1'}% {'more' if ratio > 1 else 'fewer'})"


def _more(row: Row, i: int, one: str, many: str) -> str:
    difference = _as_int(row, i) - _as_int(row, 0)
    return f"{abs(difference):,} {one if abs(difference) == 1 else many} {'more' if difference > 0 else 'fewer'}"


def _field(row: Row, i: int) -> str:
    value = row.values[i]
    if isinstance(value, tuple):
        return size_text(value)
    return "no single size" if value is None else f"{value}"


def _number(row: Row, i: int) -> str:
    return f"{_as_int(row, i):,}"


def _as_int(row: Row, i: int) -> int:
    value = row.values[i]
    assert isinstance(value, int)  # these figures have one value
    return value


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _memory(comparison: Comparison) -> list[str]:
    """Which networks take the least and the most memory for a training step."""
    row = comparison.row("memory")
    if not row.differs:
        return []
    low, high = (_listed([comparison.names[i] for i in sorted(ends)]) for ends in (row.smallest, row.largest))
    return [
        f"A training step of batch {comparison.networks[0].batch} takes the least memory in {low} "
        f"({bytes_text(_as_int(row, min(row.smallest)))}), the most in {high} "
        f"({bytes_text(_as_int(row, min(row.largest)))})."
    ]
