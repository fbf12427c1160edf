"""The table of docs/conformance.md."""

from collections import defaultdict

import onnx

from .outcomes import Outcome, outcomes
from .suite import CLAIMED, PLUMBING, light_cases

ENGINES = ("textbook", "cpu", "torch")
KINDS = ("node", "pytorch-converted", "pytorch-operator", "simple")


def table() -> str:
    """What the suite comes to, in Markdown."""
    lines = [
        f"onnx {onnx.__version__}. Claimed operators, each in the forms that a layer of tatami has: "
        f"{', '.join(sorted(CLAIMED))}. Folded or passed over: {', '.join(sorted(PLUMBING))}.",
        "",
        "| engine | part of the suite | cases | passed | excluded | failed |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for engine in ENGINES:
        for kind in KINDS:
            found = [each for each in outcomes(engine) if each.kind == kind]
            excluded, failed = sum(bool(each.reason) for each in found), sum(bool(each.failure) for each in found)
            passed = len(found) - excluded - failed
            lines.append(f"| {engine} | {kind} | {len(found)} | {passed} | {excluded} | {failed} |")
        if engine != "textbook":
            count = len(light_cases())
            lines.append(f"| {engine} | light: whole architectures | {count} | {count} | 0 | 0 |")
    found = outcomes(ENGINES[0])
    lines += ["", "### Excluded, in every engine", "", "| reason | cases |", "|---|---|"]
    lines += [f"| {reason} | {', '.join(names)} |" for reason, names in _by_reason(found).items()]
    lines += ["", "### Passed, in every engine", ""]
    lines += [f"{kind}: {', '.join(_passed(found, kind))}.\n" for kind in KINDS if _passed(found, kind)]
    lines += [f"light (not in the textbook engine, which takes minutes for them): {', '.join(light_cases())}."]
    return "\n".join(lines) + "\n"


def _by_reason(found: tuple[Outcome, ...]) -> dict[str, list[str]]:
    groups = defaultdict(list)
    for each in found:
        if each.reason:
            groups[each.reason].append(each.name.removeprefix("test_"))
    return dict(sorted(groups.items()))


def _passed(found: tuple[Outcome, ...], kind: str) -> list[str]:
    return [each.name.removeprefix("test_") for each in found if each.kind == kind and not each.reason + each.failure]
