"""The samples inside the package, small enough to ship. ``samples/SOURCES.md`` says where they come from."""

from __future__ import annotations

from importlib.resources import as_file, files

from tatami.data.dataset import Dataset
from tatami.data.npz import load_npz
from tatami.errors import DataError, nearest

SAMPLES = ("digits", "gunpoint")


def load_sample(name: str) -> Dataset:
    """Load a built-in sample.

    Args:
        name: ``digits``, 5,000 + 1,000 images of MNIST (28, 28, 1), uint8, 10 classes; or ``gunpoint``, the 50 + 150
            signals of UCR GunPoint (150, 1), float32, 2 classes.

    Raises:
        DataError: no sample has this name.
    """
    need_sample(name)
    with as_file(files("tatami.data") / "samples" / f"{name}.npz") as path:
        return load_npz(path, source=f"sample:{name}")


def need_sample(name: str) -> None:
    """Refuse a name that no sample has, as :func:`load_sample` does."""
    if name not in SAMPLES:
        close = nearest(name, SAMPLES)
        raise DataError(
            "no such sample",
            where=f"sample:{name}",
            got=repr(name),
            expected=f"one of {', '.join(SAMPLES)}",
            hint=f"did you mean sample:{close}?" if close else None,
        )
