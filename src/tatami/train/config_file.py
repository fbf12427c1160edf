"""Settings as TOML: ``config.toml`` of a run, and the file of ``tatami train --config``.

Both have the same form: a name a setting, as in :class:`tatami.train.config.TrainConfig`, and a table ``[reading]``
with those of :class:`tatami.data.DataOptions`. A setting that is left out has its default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import tomli_w

from tatami.data import DataOptions
from tatami.errors import OptionError, RunError, TatamiError, nearest
from tatami.train.config import ResolvedConfig, TrainConfig

_C = TypeVar("_C")

# Settings of this machine or of this run, which another run finds anew.
_OWN = ("threads", "ranks")


def to_toml(config: TrainConfig) -> str:
    """The settings that are not None; ``[reading]`` only where something is said there."""
    values = {name: value for name, value in asdict(config).items() if value is not None}
    reading = asdict(DataOptions())
    values["reading"] = {name: value for name, value in values["reading"].items() if value != reading[name]}
    if not values["reading"]:
        del values["reading"]
    return tomli_w.dumps(values)


def read_resolved(text: str, where: str) -> ResolvedConfig:
    """Read ``config.toml`` of a run.

    Raises:
        RunError: not TOML, or not these settings.
    """
    return _convert(_parse(text, where, RunError), ResolvedConfig, where, RunError)


def read_settings(path: Path) -> dict[str, Any]:
    """The settings that a file for ``tatami train --config`` names, checked, ready for :class:`TrainConfig`.

    Raises:
        OptionError: the file cannot be read, is not TOML, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        got = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise OptionError("cannot read these settings", where=str(path), got=got) from error
    values = {name: value for name, value in _parse(text, str(path), OptionError).items() if name not in _OWN}
    given = _convert({"data": "", **values}, TrainConfig, str(path), OptionError)
    return {name: getattr(given, name) for name in values}


def _parse(text: str, where: str, error_type: type[TatamiError]) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise error_type("not readable as TOML", where=where, got=error) from error


def _convert(values: Mapping[str, Any], cls: type[_C], where: str, error_type: type[TatamiError]) -> _C:
    """The dataclass with these values, whose types msgspec checks."""
    _check_names(values, cls, where, error_type)
    if isinstance(values.get("reading"), Mapping):
        _check_names(values["reading"], DataOptions, f"{where}, [reading]", error_type)
    try:
        return msgspec.convert(values, cls)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at ")
        name = place.strip("`").removeprefix("$.") or "the settings"
        raise error_type(f"{name} has a wrong value", where=where, got=what.replace("`", "").lower()) from error


def _check_names(values: Mapping[str, Any], cls: type, where: str, error_type: type[TatamiError]) -> None:
    known = {each.name: each for each in fields(cls)}
    for name in values:
        if name not in known:
            close = nearest(name, known)
            hint = f"did you mean {close}?" if close else None
            raise error_type(f"unknown setting {name}", where=where, expected=", ".join(known), hint=hint)
    for name, each in known.items():
        if each.default is MISSING and each.default_factory is MISSING and name not in values:
            raise error_type("a setting is missing", where=where, expected=name)
