"""Cards by the names that people give them."""

from __future__ import annotations

import re

from tatami.errors import OptionError, nearest
from tatami.plan.catalogue import catalogue
from tatami.plan.devices import Device


def find_device(name: str) -> Device:
    """The one card of the catalogue that ``name`` means. Letter case, spaces and makers' names do not matter.

    Raises:
        OptionError: no card, or several.
    """
    found = matching_devices(name)
    if len(found) > 1:
        raise OptionError(
            "this name means several cards",
            got=name,
            expected=f"one of {', '.join(device.name for device in found)}",
        )
    return found[0]


def matching_devices(name: str) -> list[Device]:
    """The cards that ``name`` may mean, one or more: of this name, else beginning with it, else with all its words.

    Raises:
        OptionError: there is none; suggests the nearest.
    """
    devices = catalogue()
    words = _words(name)
    for match in (_is_name, _begins, _holds):
        found = [device for device in devices if words and match(words, device)]
        if found:
            return found
    names = {"".join(spelling): device.name for device in devices for spelling in _spellings(device)}
    close = nearest("".join(words), names)
    hint = f"did you mean {names[close]}? `tatami gpus` lists all" if close else "`tatami gpus` lists all"
    raise OptionError("unknown card", got=name or '""', expected="a card of the catalogue", hint=hint)


def _is_name(words: list[str], device: Device) -> bool:
    return any("".join(words) == "".join(spelling) for spelling in _spellings(device))


def _begins(words: list[str], device: Device) -> bool:
    """Whether the words are the first of a spelling, however both are spaced: ``rtx4060ti`` of RTX 4060 Ti 16GB."""
    wanted = "".join(words)
    return any(
        wanted == "".join(spelling[:count]) for spelling in _spellings(device) for count in range(1, len(spelling))
    )


def _holds(words: list[str], device: Device) -> bool:
    return any(set(words) <= set(spelling) for spelling in _spellings(device))


_MAKERS = {"nvidia", "geforce", "tesla", "quadro", "amd", "radeon", "instinct"}
_SERIES = {"gtx", "rtx"}


def _spellings(device: Device) -> list[list[str]]:
    """The words of its names, each with and without the series: RTX 4090 is also 4090."""
    spellings = [_words(name) for name in (device.name, *device.aliases)]
    return spellings + [words[1:] for words in spellings if words[:1] and words[0] in _SERIES and len(words) > 1]


def _words(name: str) -> list[str]:
    return [word for word in re.findall(r"[a-z0-9]+", name.casefold()) if word not in _MAKERS]
