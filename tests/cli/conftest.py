"""Runs that tests of commands share: trained once, and never changed."""

from pathlib import Path

import numpy as np
import pytest

from tatami.network import find_network
from tatami.train import TrainConfig, train

BARS = "INPUT -> CONV(4) -> RELU -> POOL -> FC"


def save_bars(path: Path, count: int, seed: int, classes: tuple[str, ...] = ("left", "right", "both")) -> Path:
    """8x8 images with a bright bar at the left, at the right, or at both; two of them have another's label."""
    y = np.arange(count) % 3
    x = np.random.default_rng(seed).integers(0, 20, (count, 8, 8)).astype(np.uint8)
    x[y != 1, :, 1] = 250
    x[y != 0, :, 6] = 250
    y[:2] = 1, 0
    np.savez(path, x_train=x, y_train=y, x_test=x[: count // 2], y_test=y[: count // 2], classes=classes)
    return path


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with bars.npz and a run on it, `run`, with a validation part."""
    folder = tmp_path_factory.mktemp("bars")
    data = save_bars(folder / "bars.npz", 60, 0)
    config = TrainConfig(str(data), epochs=8, batch=8, lr=0.02, validation=0.2)
    train(find_network(BARS), config, folder / "run", lambda event: None)
    return folder
