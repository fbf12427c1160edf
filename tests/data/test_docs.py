"""What docs/data.md shows runs, and gives what the page says."""

import re
from pathlib import Path

import numpy as np
import pytest

from tatami.data import load

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_arrays_make_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(examples()[0], {})
    data = load("pets.npz")
    assert (data.name, data.source, data.kind, data.classes) == ("pets", "pets.npz", "image", ("cat", "dog"))
    assert data.sample_shape == (32, 32, 3)
    assert data.test is not None
    assert (len(data.train.x), len(data.test.x)) == (30, 10)


def test_the_table_makes_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(examples()[1], {})
    data = load("waves.csv")
    assert (data.kind, data.classes, data.sample_shape) == ("signal", ("down", "up"), (8, 1))
    np.testing.assert_array_equal(data.train.x[:2, :, 0], [-np.arange(8.0), np.arange(8.0)])
    assert data.train.y is not None
    assert data.train.y[:2].tolist() == [1, 0]
    assert len(examples()) == 2
