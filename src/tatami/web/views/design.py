"""Design: what a line costs, while it is typed.

``plan`` answers at once. ``memory`` and ``misfit``, which take longer for a deep network, are asked when the line has
come to rest.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from typing import Any

from starlette.routing import Route

from tatami.errors import TatamiError
from tatami.network import Network, find_network, zoo
from tatami.network.layers import size_text
from tatami.notation import ast, print_text
from tatami.plan import Plan, StepSettings, make_plan
from tatami.plan.batch import largest_batch
from tatami.plan.card_names import find_device
from tatami.plan.devices import parse_memory
from tatami.recipe import make_optimizer
from tatami.views.drawing import network_svg
from tatami.views.numbers import bytes_text, percent, short
from tatami.views.plan_rows import HEADINGS, WIDE_HEADINGS, field_text, layer_row, wide_row
from tatami.web.design_misfit import find_misfit
from tatami.web.design_numbers import numbers_in
from tatami.web.design_words import words
from tatami.web.failures import failure_json
from tatami.web.line import Line, Reading, read_line, read_shape
from tatami.web.routes import get, post
from tatami.web.session import Session

THIS_MACHINE = "cpu"
MOST_ROWS = 600  # of layers, as many as a page shows at ease


@dataclass(frozen=True)
class Drawn(Line):
    """A line to plan, and how wide its drawing may be, in pixels."""

    width: float = 900


@dataclass(frozen=True)
class Step(Line):
    """A line, and the step whose memory is asked for.

    Attributes:
        batch: samples in it.
        optimizer: whose state is counted.
        training: False for inference.
        card: a card of the catalogue; empty for this machine.
        memory: that there is, ``24GB``, instead of the card's own; without either no largest batch is sought.
        dtype: float32, tf32 or bf16.
    """

    batch: int = 1
    optimizer: str = "sgd"
    training: bool = True
    card: str = ""
    memory: str = ""
    dtype: str = "float32"


def routes(session: Session) -> list[Route]:
    """The paths of this view."""
    return [
        get("/api/design/words", lambda asked: words()),
        post("/api/design/plan", Drawn, plan_answer),
        post("/api/design/memory", Step, memory_answer),
        post("/api/design/misfit", Line, misfit_answer),
    ]


def plan_answer(asked: Drawn) -> dict[str, Any]:
    """What is known of a line without a step: free names, numbers, drawing, layers, totals, what does not fit.

    A line under the hands of somebody who types is wrong most of the time: that is no failed request. The answer then
    has ``error``, as :func:`tatami.web.failures.failure_json` makes it, and the parts that could be made all the same.
    """
    is_zoo = zoo.is_name(asked.text)
    answer: dict[str, Any] = {
        "error": None,
        "numbers": [] if is_zoo else [asdict(number) for number in numbers_in(asked.text)],
        "free": [],
    }
    try:
        reading = _read(*_key(asked))
        answer["free"] = [asdict(each) for each in reading.free]
        network = _built(*_key(asked))
        plan = make_plan(network)
        answer |= _figures(plan)
        answer["drawing"] = network_svg(plan, min(max(asked.width, 300), 4000), alone=False)
        answer["zoo"] = _written_out(asked.text, network) if is_zoo else None
    except TatamiError as error:
        answer |= failure_json(error)
    return answer


def _figures(plan: Plan) -> dict[str, Any]:
    totals = plan.totals
    field = "no single one" if totals.field.why == "misaligned" else field_text(totals.field)
    return {
        "facts": [
            ("output", size_text(plan.network.output_shape)),
            ("parameters", f"{totals.params:,}"),
            ("MACs", short(totals.macs)),
            ("FLOPs = 2 x MACs", short(totals.flops)),
            ("activations", f"{totals.activation_values:,} values"),
            ("receptive field", f"{field}, sees {percent(plan.seen_fraction)}"),
        ],
        "headings": [*HEADINGS, *WIDE_HEADINGS],
        "layers": [
            {"name": cost.name, "type": cost.type, "row": [*layer_row(cost), *wide_row(cost)], "notes": cost.notes}
            for cost in plan.layers[:MOST_ROWS]
        ],
        "more": max(0, len(plan.layers) - MOST_ROWS),
    }


def misfit_answer(asked: Line) -> dict[str, Any]:
    """``misfit``: the first size that does not fit, and the ways out of it; None where all fit.

    Raises:
        TatamiError: the line makes no sense.
    """
    found = None
    if not zoo.is_name(asked.text):  # there is no text to write a way out into
        found = find_misfit(asked.text, _built(*_key(asked)), partial(_rebuilt, asked))
    return {"misfit": None if found is None else asdict(found)}


def memory_answer(asked: Step) -> dict[str, Any]:
    """The memory of one step by kind, where its peak is, and the largest batch for a card or an amount.

    Raises:
        TatamiError: the line or the step makes no sense.
    """
    network = _built(*_key(asked))
    optimizer = make_optimizer(asked.optimizer)
    engine = "torch" if asked.card else THIS_MACHINE
    plan = make_plan(network, asked.batch, optimizer, engine=engine, dtype=asked.dtype, training=asked.training)
    memory = plan.memory
    kinds = ("weights", "gradients", "optimizer", "input", "activations", "workspace")
    return {
        "kinds": [
            {"name": kind, "bytes": getattr(memory, kind), "text": bytes_text(getattr(memory, kind))}
            for kind in kinds
            if getattr(memory, kind)
        ],
        "peak": bytes_text(memory.peak_bytes),
        "peak_at": f"{memory.peak_at.phase} of {memory.peak_at.node}",
        "textbook": f"{bytes_text(memory.textbook_forward_bytes)} forward, "
        f"{bytes_text(memory.textbook_training_bytes)} with backward",
        "largest": _largest(network, plan.settings, asked),
    }


def _largest(network: Network, settings: StepSettings, asked: Step) -> dict[str, Any] | None:
    device = find_device(asked.card) if asked.card else None
    limit = parse_memory(asked.memory) if asked.memory.strip() else device.memory_bytes if device is not None else None
    if limit is None:
        return None
    found = largest_batch(network, settings, limit, device)
    narrow = None
    if device is not None and asked.dtype != "bf16":
        narrow = largest_batch(network, replace(settings, dtype="bf16"), limit, device).batch
    return {
        "batch": found.batch,
        "limit": bytes_text(limit),
        "peak": bytes_text(found.memory.peak_bytes),
        "per_sample": bytes_text(found.per_sample),
        "binds": f"{found.memory.peak_at.phase} of {found.memory.peak_at.node}",
        "bf16": narrow,
    }


# --- networks, each built once for its figures and its memory ---


def _key(line: Line) -> tuple[str, tuple[tuple[str, str], ...], str, int | None]:
    return line.text, tuple(sorted(line.bindings.items())), line.input, line.classes


@lru_cache(maxsize=16)
def _read(text: str, bindings: tuple[tuple[str, str], ...], shape: str, classes: int | None) -> Reading:
    return read_line(Line(text, dict(bindings), shape, classes))


@lru_cache(maxsize=16)
def _built(text: str, bindings: tuple[tuple[str, str], ...], shape: str, classes: int | None) -> Network:
    return _read(text, bindings, shape, classes).build()


def _rebuilt(line: Line, text: str, exact: bool) -> Network:
    source = read_line(replace(line, text=text)).source
    return source.build(read_shape(line.input), line.classes, fit="error" if exact else "crop")


def _written_out(name: str, network: Network) -> dict[str, Any]:
    """An entry of the zoo as a line to change: title, source, and its text with the sizes in it."""
    entry = zoo.read(name)
    program = find_network(name).program
    first, *between, last = program.chain.items
    if isinstance(first, ast.Layer) and not first.arguments:
        first = replace(first, arguments=(ast.Argument(None, ast.Sizes(network.input_shape)),))
    if isinstance(last, ast.Layer) and last.name.upper() == "FC" and not last.arguments:
        last = replace(last, arguments=(ast.Argument(None, ast.Number(network.output_shape[0])),))
    whole = replace(program, chain=replace(program.chain, items=(first, *between, last)))
    return {"title": entry.title, "source": entry.source, "text": print_text(whole)}
