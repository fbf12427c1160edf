"""The claims by name: each file of ``experiments/`` has one, called ``CLAIM``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from tatami.errors import OptionError, nearest
from tatami.lab import experiments
from tatami.lab.claim import Claim

# In the order of the memo: what a convolution is, why deep, why it works, what it takes.
ORDER = (
    *("definition", "sharing", "depth", "residual", "relu", "dropout"),
    *("pooling", "features", "batch", "hardware"),
)


@cache
def claims() -> dict[str, Claim]:
    """All of them, in the order of the memo."""
    found: dict[str, Claim] = {}
    for module in pkgutil.iter_modules(experiments.__path__):
        claim = importlib.import_module(f"{experiments.__name__}.{module.name}").CLAIM
        found[claim.name] = claim
    return {name: found[name] for name in sorted(found, key=_place)}


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def claim_named(name: str) -> Claim:
    """The claim of that name.

    Raises:
        OptionError: there is none; with the nearest.
    """
    known = claims()
    if name not in known:
        close = nearest(name, known)
        hint = f"did you mean {close}?" if close else "tatami lab lists them"
        raise OptionError("no such claim", got=name, expected=", ".join(known), hint=hint)
    return known[name]
