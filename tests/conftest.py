"""What every test may use: Hypothesis profiles, the data that only a working copy beside its data has, and `tatami`."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from tatami.cli import main

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# Plans of the CPU engine depend on the machine: the number of its threads, and what was measured on it.
os.environ["TATAMI_NUM_THREADS"] = "2"

SHARED_DATA = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data sets beside the repository, or skip the test."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the data sets (MNIST, CIFAR-10, UCR) are not in ../shared/data")
    return SHARED_DATA


@pytest.fixture
def write_stripes(tmp_path: Path) -> Callable[..., Path]:
    """Write a tiny problem as an .npz file: 8x8 images with horizontal or vertical stripes of two tones, and noise."""

    def write(train: int, test: int, tones: tuple[int, int], noise: int, classes: list[str] | None = None) -> Path:
        rng = np.random.default_rng(0)

        def images(n: int) -> tuple[np.ndarray, np.ndarray]:
            y = np.arange(n) % 2
            pattern = np.where(np.arange(8) % 4 < 2, *tones)
            x = np.where(y[:, None, None] == 0, pattern[None, :, None], pattern[None, None, :])
            return (x + rng.integers(-noise, noise + 1, (n, 8, 8))).astype(np.uint8), y

        (x_train, y_train), (x_test, y_test) = images(train), images(test)
        names = {} if classes is None else {"classes": np.array(classes)}
        path = tmp_path / "stripes.npz"
        np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test, **names)
        return path

    return write


@pytest.fixture(autouse=True)
def no_measured_methods(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setattr("tatami.plan.measured.methods_file", lambda: tmp_path_factory.getbasetemp() / "none.json")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def tatami(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run one command line in this process."""

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["tatami", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "80")
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run
