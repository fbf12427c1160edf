"""A run that goes on elsewhere: on another engine, device or machine, or shared by another number of ranks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tatami.engines.base import EVERYWHERE
from tatami.engines.ranks import usual_engine
from tatami.plan.machine import thread_count
from tatami.train.config import ResolvedConfig
from tatami.train.defaults import engine_for


@dataclass(frozen=True)
class Elsewhere:
    """Where a run is to go on; None for where it was.

    Attributes:
        engine: which computes.
        device: where the torch engine does.
        dtype: in which.
    """

    engine: str | None = None
    device: str | None = None
    dtype: str | None = None


STAY = Elsewhere()


def moved(config: ResolvedConfig, elsewhere: Elsewhere, ranks: int) -> tuple[ResolvedConfig, list[str]]:
    """The settings with which a run goes on, shared by ``ranks`` ranks, and what is to be said of the change.

    What only the torch engine has stays behind where another goes on. The device of a run is its own; several ranks
    find theirs anew.

    Raises:
        OptionError: an engine that several ranks cannot have.
    """
    same = config.engine if ranks == 1 and usual_engine(elsewhere.device, elsewhere.dtype) == "cpu" else None
    engine = engine_for(elsewhere.engine or same, ranks, elsewhere.device, elsewhere.dtype)
    dtype = elsewhere.dtype or config.dtype
    if engine != "torch":
        config = replace(config, sync_bn=False, capture="none")
        dtype = elsewhere.dtype or (config.dtype if config.dtype in EVERYWHERE else EVERYWHERE[0])
    device = elsewhere.device or (config.device if engine == "torch" and ranks == 1 else None)
    changes = {
        f"engine {engine}": engine != config.engine and config.engine,
        f"dtype {dtype}": dtype != config.dtype and config.dtype,
        f"{ranks} rank{'s' * (ranks > 1)}": ranks != config.ranks and config.ranks,
        f"{thread_count()} threads": engine == config.engine == "cpu"
        and thread_count() != config.threads
        and config.threads,
    }
    notes = [f"{new} instead of {old}: the same training, but not bit for bit" for new, old in changes.items() if old]
    settings = replace(config, engine=engine, dtype=dtype, device=device, ranks=ranks, threads=thread_count())
    return settings, notes
