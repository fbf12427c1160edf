"""Which method of convolution was the faster on this machine, as ``tatami bench`` measured it and keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tatami.plan.machine import cache_folder, cpu_model, thread_count


def methods_file() -> Path:
    """``methods.json`` in the cache folder."""
    return cache_folder() / "methods.json"


def machine_key() -> str:
    """Processor and threads: what a measurement is good for."""
    return f"{cpu_model()}, {thread_count()} threads"


def measured_methods() -> Mapping[str, str]:
    """The faster method by signature, for this machine; nothing where none was measured, or the file is damaged."""
    return dict(_read().get(machine_key(), {}))


def with_methods(found: Mapping[str, str]) -> str:
    """The file's text with what was found on this machine added to it."""
    machines = _read()
    machines[machine_key()] = {**machines.get(machine_key(), {}), **found}
    return json.dumps(machines, indent=1, sort_keys=True) + "\n"


def _read() -> dict[str, dict[str, str]]:
    try:
        content = json.loads(methods_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        machine: {key: value for key, value in methods.items() if isinstance(value, str)}
        for machine, methods in content.items()
        if isinstance(methods, dict)
    }
