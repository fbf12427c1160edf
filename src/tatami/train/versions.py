"""The versions by which a result may be repeated."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from tatami._version import __version__


def versions() -> dict[str, str]:
    """Those of Python, tatami, and the libraries that compute."""
    found = {"python": platform.python_version(), "tatami": __version__}
    for name in ("numpy", "numba", "scipy", "pillow", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
