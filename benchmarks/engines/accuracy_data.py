"""MNIST and CIFAR-10 as standardised float32 arrays, and batches of them: the same for every side."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[3] / "shared" / "data"
SHIFT = 4  # pixels, each way

Arrays = tuple[np.ndarray, np.ndarray]


def load(name: str) -> tuple[Arrays, Arrays]:
    """(x, y) to train on and (x, y) to test on; x float32 (n, H, W, C) of mean 0 and deviation 1 for each channel."""
    (x, y), (x_test, y_test) = mnist() if name == "mnist" else cifar10()
    scaled = x.astype(np.float32) / 255
    mean, deviation = scaled.mean(axis=(0, 1, 2)), scaled.std(axis=(0, 1, 2))  # (C,)
    tested = (x_test.astype(np.float32) / 255 - mean) / deviation
    return ((scaled - mean) / deviation, y), (tested, y_test)


def mnist() -> tuple[Arrays, Arrays]:
    from tatami.data import read_idx

    def read(part: str) -> Arrays:
        x, y = (read_idx(DATA / "mnist" / f"{part}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))
        return x[..., None], y.astype(np.int64)

    return read("train"), read("t10k")


def cifar10() -> tuple[Arrays, Arrays]:
    """Decoded once, and kept in the folder for temporary files."""
    kept = Path(tempfile.gettempdir()) / "tatami-bench-cifar10.npz"
    if not kept.exists():
        decoded = decode(DATA / "cifar10-jpeg.zip")
        unfinished = kept.with_suffix(f".{os.getpid()}.npz")
        np.savez(unfinished, **decoded)
        unfinished.replace(kept)
    with np.load(kept) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def decode(path: Path) -> dict[str, np.ndarray]:
    """Pictures ``part/class/number.jpg`` of a zip file: classes are numbered in the order of their names."""
    from PIL import Image

    found: dict[str, list] = {"x_train": [], "y_train": [], "x_test": [], "y_test": []}
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        classes = sorted({name.split("/")[1] for name in names})
        for name in names:
            part, label, _ = name.split("/")
            with Image.open(io.BytesIO(archive.read(name))) as picture:
                found[f"x_{part}"].append(np.asarray(picture.convert("RGB")))
            found[f"y_{part}"].append(classes.index(label))
    return {key: np.array(values, np.uint8 if key.startswith("x") else np.int64) for key, values in found.items()}


def epoch(x: np.ndarray, y: np.ndarray, batch: int, number: int, augmented: bool) -> Iterator[Arrays]:
    """The batches of one epoch: shuffled, and if asked, shifted and flipped; by the epoch's number alone."""
    rng = np.random.default_rng(number)
    order = rng.permutation(len(x))
    for start in range(0, len(x) - batch + 1, batch):  # what is left over waits for another epoch
        chosen = order[start : start + batch]
        yield (shift_and_flip(x[chosen], rng) if augmented else x[chosen]), y[chosen]


def shift_and_flip(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each picture moved by up to SHIFT pixels, its border mirrored, and every other one flipped: (n, H, W, C)."""
    n, height, width, _ = x.shape
    padded = np.pad(x, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="reflect")
    down, right = rng.integers(0, 2 * SHIFT + 1, (2, n, 1, 1))
    rows = down + np.arange(height)[:, None]  # (n, H, 1)
    columns = right + np.arange(width)  # (n, 1, W)
    flipped = rng.random((n, 1, 1)) < 0.5
    columns = np.where(flipped, columns[..., ::-1], columns)
    return padded[np.arange(n)[:, None, None], rows, columns]
