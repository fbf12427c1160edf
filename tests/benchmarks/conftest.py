import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FOLDERS = [BENCHMARKS, BENCHMARKS / "gpu", BENCHMARKS / "engines"]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    """Import a module of the benchmarks by its name."""
    monkeypatch.setattr(sys, "path", [*map(str, FOLDERS), *sys.path])
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent in FOLDERS:
            del sys.modules[name]
