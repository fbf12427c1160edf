"""Make the built-in samples from MNIST and the UCR archive: python scripts/make_samples.py DATA [FOLDER].

DATA holds mnist/*-ubyte.gz and ucr/GunPoint_{TRAIN,TEST}.ts. The same DATA gives the same arrays.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.data import Dataset, load_idx_dataset
from tatami.formats import atomic_path

Arrays = dict[str, Any]

SEED = 20150127
TRAIN_A_CLASS, TEST_A_CLASS = 500, 100
FOLDER = Path(__file__).parent.parent / "src" / "tatami" / "data" / "samples"


def choose(y: NDArray[np.int64], a_class: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """As many random rows of every class, in the order of the file."""
    rows = [rng.permutation(np.flatnonzero(y == label))[:a_class] for label in range(int(y.max()) + 1)]
    return np.sort(np.concatenate(rows))


def digits(mnist: Dataset) -> Arrays:
    """5,000 of the training and 1,000 of the test images, the same number of each digit."""
    rng = np.random.default_rng(SEED)
    assert mnist.test is not None
    arrays: Arrays = {}
    for split, name, a_class in ((mnist.train, "train", TRAIN_A_CLASS), (mnist.test, "test", TEST_A_CLASS)):
        assert split.y is not None
        rows = choose(split.y, a_class, rng)
        arrays[f"x_{name}"], arrays[f"y_{name}"] = split.x[rows], split.y[rows].astype(np.uint8)
    return arrays | {"classes": np.array(mnist.classes)}


def read_ts(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The signals (N, L, 1) and labels (N,) of a univariate .ts file of equal lengths: values,...,values:label."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [line.rsplit(":", 1) for line in lines if line and line[0] not in "#@"]
    x = np.array([[float(value) for value in values.split(",")] for values, _ in rows], np.float32)
    return x[..., np.newaxis], np.array([int(label) for _, label in rows])


def gunpoint(folder: Path) -> Arrays:
    """The published split; its labels 1 and 2 become Gun and Point, the order of the archive's description."""
    arrays: Arrays = {}
    for name in ("train", "test"):
        x, y = read_ts(folder / f"GunPoint_{name.upper()}.ts")
        arrays[f"x_{name}"], arrays[f"y_{name}"] = x, (y - 1).astype(np.uint8)
    return arrays | {"classes": np.array(["Gun", "Point"])}


def main() -> None:
    """Write digits.npz and gunpoint.npz."""
    parser = argparse.ArgumentParser(description="Make the built-in samples.")
    parser.add_argument("data", type=Path, help="folder with mnist/ and ucr/")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help="where to write (default: the package)")
    args = parser.parse_args()
    made = {"digits": digits(load_idx_dataset(args.data / "mnist")), "gunpoint": gunpoint(args.data / "ucr")}
    for name, arrays in made.items():
        with atomic_path(args.folder / f"{name}.npz") as beside:
            np.savez_compressed(beside, **arrays)
        print(f"{name}.npz {(args.folder / f'{name}.npz').stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
