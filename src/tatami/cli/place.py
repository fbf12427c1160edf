"""Options of where a network computes, and what several ranks print: rank 0 speaks for all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from tatami.errors import RankError

if TYPE_CHECKING:
    from tatami.engines.ranks import Ranks

EngineOption: TypeAlias = Annotated[
    str | None, typer.Option(help="Which engine computes: cpu, torch, textbook.", show_default=False)
]
DeviceOption: TypeAlias = Annotated[
    str | None, typer.Option(help="Where the torch engine computes: cuda, cuda:1, mps, cpu.", show_default=False)
]
DtypeOption: TypeAlias = Annotated[
    str | None, typer.Option(help="float32, float64; of the torch engine also tf32, bf16.", show_default=False)
]


def place_of(engine: str | None, device: str | None, dtype: str | None) -> dict[str, Any]:
    """Where a trained network computes."""
    from tatami.engines.ranks import usual_engine

    return {"engine": engine or usual_engine(device, dtype), "device": device, "dtype": dtype or "float32"}


@contextmanager
def all_ranks(device: str | None) -> Iterator[Ranks]:
    """The ranks of this process's training. An error that several of them have is printed by one."""
    from tatami.engines.ranks import find_ranks

    try:
        with find_ranks(device) as ranks:
            try:
                yield ranks
            except (RankError, typer.Exit):
                # Where one rank leaves like this, torchrun ends the others: rank 0 is to speak, and leave, first.
                with suppress(RankError):
                    if ranks.rank:
                        ranks.exchange(None)
                raise
    except RankError as error:
        if not error.said:
            print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(error.code) from None
