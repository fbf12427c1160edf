"""What completion offers: layers with their arguments, as the layers themselves declare them, and the zoo."""

from __future__ import annotations

from functools import cache
from typing import Any

from tatami.network import zoo
from tatami.network.expand import BRANCHES, IDENTITY
from tatami.network.layers import LAYERS, Layer, Merge
from tatami.plan.catalogue import catalogue
from tatami.recipe.optimizers import OPTIMIZERS
from tatami.views.boxes import KINDS, style

EXAMPLES = {
    "The pattern": "INPUT(32x32x3) -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC(10)",
    "Digits": "INPUT(28x28x1) -> [[CONV(16) -> RELU]*2 -> POOL]*2 -> FC(64) -> RELU -> FC(10)",
    "A signal": "INPUT(150x1) -> CONV(16, 9, S=2) -> RELU -> POOL -> CONV(32, 5) -> RELU -> GAP -> FC(2)",
    "Residual": "INPUT(32x32x3) -> CONV(16)\n"
    "-> [RES[CONV(16) -> BN -> RELU -> CONV(16) -> BN] -> RELU]*3\n-> GAP -> FC(10)",
    "VGG-16": "INPUT(224x224x3) -> [[CONV({64,128,256,512,512}) -> RELU]*{2,2,3,3,3} -> POOL]*5\n"
    "-> [FC(4096) -> RELU -> DROPOUT(0.5)]*2 -> FC(1000)",
    "A size that does not fit": "INPUT(227x227x3) -> CONV(96, 11, S=4, P=1) -> RELU -> POOL(3, S=2) -> FC(1000)",
}
"""Lines to begin with, by what they are called."""


@cache
def words() -> dict[str, Any]:
    """All that the view knows before a line is written.

    ``layers`` with their arguments, ``branches``, ``zoo``, ``examples``, ``cards``, ``optimizers``, and the ``style``
    of the drawing.
    """
    return {
        "layers": [_layer(keyword, cls) for keyword, cls in LAYERS.items() if not issubclass(cls, Merge)]
        + [{"name": IDENTITY, "says": "An empty branch.", "arguments": []}],
        "branches": list(BRANCHES),
        "zoo": [{"name": name, "says": zoo.read(name).title} for name in zoo.names()],
        "examples": [{"name": name, "text": text} for name, text in EXAMPLES.items()],
        "cards": [
            {"name": device.name, "memory": f"{device.nominal_gib:g} GiB"}
            for device in catalogue()
            if device.memory_bytes is not None
        ],
        "optimizers": list(OPTIMIZERS),
        "style": style(list(KINDS)),
    }


def _layer(keyword: str, cls: type[Layer]) -> dict[str, Any]:
    return {
        "name": keyword,
        "says": _first_sentence(cls.__doc__),
        "arguments": [
            {
                "key": argument.key,
                "keys": [argument.field, *argument.keys],
                "says": argument.field.replace("_", " "),
                "expected": argument.kind.expected,
                "positional": argument.positional,
                "words": sorted(argument.kind.words),
            }
            for argument in cls.arguments
        ],
    }


def _first_sentence(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].replace("``", "").split())
