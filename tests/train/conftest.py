from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    """A tiny problem as an .npz file: 8x8 images with horizontal or vertical stripes, 48 to train on, 20 to test."""
    rng = np.random.default_rng(0)

    def images(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(n) % 2
        pattern = np.where(np.arange(8) % 4 < 2, 200, 40)
        x = np.where(y[:, None, None] == 0, pattern[None, :, None], pattern[None, None, :])
        return (x + rng.integers(-40, 41, (n, 8, 8))).astype(np.uint8), y

    (x_train, y_train), (x_test, y_test) = images(48), images(20)
    path = tmp_path / "stripes.npz"
    classes = np.array(["across", "down"])
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test, classes=classes)
    return path
