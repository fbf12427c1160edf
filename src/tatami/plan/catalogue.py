"""The catalogue of cards: ``devices.toml`` beside this file, then the user's own file of the same schema."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from tatami.errors import OptionError, nearest
from tatami.plan.devices import Device

_TEXTS = {"name", "source"}
_FIELDS = tuple(field.name for field in fields(Device) if field.name != "measured")


def catalogue() -> list[Device]:
    """Every known card, by year, then name. A card of the user's takes the place of ours of the same name.

    Raises:
        OptionError: the user's file is not such a catalogue; names file and entry.
    """
    text = files("tatami.plan").joinpath("devices.toml").read_text(encoding="utf-8")
    devices = read_devices(text, "devices.toml")
    path = user_file()
    if path is not None:
        try:
            own = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(
                "this catalogue cannot be read", where=str(path), got=error, hint="$TATAMI_DEVICES names the file"
            ) from error
        devices = devices | read_devices(own, str(path))
    return sorted(devices.values(), key=lambda device: (device.year or 0, device.name.casefold()))


def user_file() -> Path | None:
    """``$TATAMI_DEVICES``, or ``tatami/devices.toml`` in the configuration folder where that exists."""
    named = os.environ.get("TATAMI_DEVICES")
    if named:
        return Path(named)
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    path = Path(folder) / "tatami" / "devices.toml"
    return path if path.is_file() else None


def read_devices(text: str, where: str) -> dict[str, Device]:
    """Cards by case-folded name, from TOML with one ``[[device]]`` table each.

    Args:
        text: the TOML.
        where: its file, for errors.

    Raises:
        OptionError: not TOML, or an entry that is not a card.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OptionError("not readable as TOML", where=where, got=error) from error
    entries = content.pop("device", None)
    if content or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise OptionError(
            "not a catalogue of cards", where=where, got=", ".join(content) or None, expected="[[device]] tables alone"
        )
    devices: dict[str, Device] = {}
    for number, entry in enumerate(entries, 1):
        device = _device(entry, f"{where}, device {number} ({entry.get('name', 'without a name')})")
        if device.name.casefold() in devices:
            raise OptionError("two cards have one name", where=where, got=device.name)
        devices[device.name.casefold()] = device
    return devices


def _device(entry: Mapping[str, Any], where: str) -> Device:
    for key, value in entry.items():
        if key not in _FIELDS:
            close = nearest(key, _FIELDS)
            hint = f"did you mean {close}?" if close else None
            raise OptionError(f"unknown field {key}", where=where, expected=", ".join(_FIELDS), hint=hint)
        _check(key, value, where)
    for needed in ("name", "nominal_gib"):
        if needed not in entry:
            raise OptionError("a field is missing", where=where, expected=needed)
    device = Device(**{**entry, "aliases": tuple(entry.get("aliases", ()))})
    if device.usable_mib is not None and device.usable_mib > 1024 * entry["nominal_gib"]:
        raise OptionError(
            "more usable memory than there is",
            where=where,
            got=f"usable_mib {device.usable_mib}, nominal_gib {device.nominal_gib}",
            expected=f"at most {1024 * entry['nominal_gib']:g} MiB",
        )
    return device


def _check(key: str, value: object, where: str) -> None:
    if key in _TEXTS:
        right, expected = isinstance(value, str) and bool(value.strip()), "a text"
    elif key == "aliases":
        right = isinstance(value, list) and all(isinstance(alias, str) and alias.strip() for alias in value)
        expected = "a list of texts"
    else:
        whole = key in ("year", "usable_mib")
        kinds = (int,) if whole else (int, float)
        right = isinstance(value, kinds) and not isinstance(value, bool) and 0 < value < 1e9
        expected = f"a {'whole ' * whole}number above 0"
    if not right:
        raise OptionError(f"impossible {key}", where=where, got=repr(value), expected=expected)
