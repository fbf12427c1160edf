"""``tatami plan --explain``: the arithmetic behind the figures."""

from __future__ import annotations

import json

import typer

from tatami.cli.options import PlanFormat
from tatami.errors import OptionError
from tatami.network import Network
from tatami.plan import Plan
from tatami.plan.explain import explain_all, explain_layer, explain_memory
from tatami.views.explain_text import explanation_json, explanation_text, memory_json, memory_text


def print_explanation(network: Network, plan: Plan, what: str, format: PlanFormat) -> None:
    """Explain the layer named ``what``, ``all`` layers, or the ``memory``."""
    if format not in (PlanFormat.table, PlanFormat.json):
        raise OptionError("--explain has no such format", got=format.value, expected="table or json")
    as_json = format is PlanFormat.json
    if what == "memory":
        memory = explain_memory(network, plan)
        typer.echo(json.dumps(memory_json(memory), indent=1) if as_json else memory_text(memory))
        return
    layers = explain_all(network, plan) if what == "all" else [explain_layer(network, plan, what)]
    typer.echo(json.dumps(explanation_json(layers), indent=1) if as_json else explanation_text(layers))
