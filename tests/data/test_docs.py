"""What docs/data.md shows runs, and gives what the page says."""

import re
from pathlib import Path

import pytest

from tatami.data import load

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


def test_the_example_makes_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(example, {})
    data = load("pets.npz")
    assert (data.name, data.source, data.kind, data.classes) == ("pets", "pets.npz", "image", ("cat", "dog"))
    assert data.sample_shape == (32, 32, 3)
    assert data.test is not None
    assert (len(data.train.x), len(data.test.x)) == (30, 10)
