"""Real plans against plan.schema.json."""

import copy
import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tatami.network.zoo import names
from tatami.views.plan_json import SCHEMA

SCHEMA_FILE = json.loads((files("tatami.views") / "plan.schema.json").read_text(encoding="utf-8"))


def closed(schema: Any) -> Any:
    """The schema with every object closed: a key that it does not describe is an error."""
    schema = copy.deepcopy(schema)
    stack = [schema]
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            if at.get("type") == "object":
                at["additionalProperties"] = False
            stack += at.values()
        elif isinstance(at, list):
            stack += at
    return schema


STRICT = Draft202012Validator(closed(SCHEMA_FILE))


def test_the_schema_is_one_and_has_the_version() -> None:
    Draft202012Validator.check_schema(SCHEMA_FILE)
    assert SCHEMA_FILE["title"] == SCHEMA_FILE["properties"]["schema"]["const"] == SCHEMA


@pytest.mark.parametrize("net", names())
def test_the_zoo(tatami, net: str) -> None:
    STRICT.validate(json.loads(tatami("plan", net, "--format", "json").out))


@pytest.mark.parametrize(
    "arguments",
    [
        ["INPUT(9) -> FC(2)"],
        ["INPUT(16x16x4) -> CONV(4, 1x3, S=1x2) -> ADD[CONV(4, 2) | ID]"],
        ["INPUT(4x16x16x2) -> CONV(4) -> POOL", "--batch", "3", "--inference"],
        ["resnet18", "--gpu", "RTX 4090", "--time", "--optimizer", "adam", "--dtype", "bf16"],
        ["vgg16", "--memory", "8GB", "--assert", "params < 1G", "--assert", "receptive_field > 64"],
        ["vgg16", "--memory", "1MB"],
        ["vgg16", "--engine", "torch", "--memory-lines"],
        ["vgg16", "--gpu", "RTX 4090", "--memory-lines", "--dtype", "bf16"],
        ["INPUT(8x16x1) -> CONV(1, 1x3)", "--assert", "receptive_field >= 1"],
        ["INPUT(8x8x1) -> FLATTEN", "--time", "--gpu", "RTX 4090"],
    ],
)
def test_every_part(tatami, arguments: list[str]) -> None:
    STRICT.validate(json.loads(tatami("plan", *arguments, "--format", "json").out))


def test_it_refuses_what_is_wrong() -> None:
    assert not STRICT.is_valid({"schema": "tatami.plan/2"})
