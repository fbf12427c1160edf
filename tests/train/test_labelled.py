"""Labelled data as a run understands them: classes by name, and the part that was not trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tatami.data import DataOptions
from tatami.errors import DataError
from tatami.network import find_network
from tatami.train import TrainConfig, load_trained, train
from tatami.train.labelled import read_labelled


def pictures(root: Path, classes: dict[str, int]) -> Path:
    """A folder with as many pictures of a class as are wanted, its group in the name."""
    rng = np.random.default_rng(len(classes))
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"p{number % 4}_{number}.png")
    return root


@pytest.fixture
def run(tmp_path: Path) -> Path:
    data = pictures(tmp_path / "pets", {"cat": 12, "dog": 12})
    config = TrainConfig(str(data), epochs=1, validation=0.25, reading=DataOptions(group=r"/(p\d)_"))
    return train(find_network("INPUT -> FC"), config, tmp_path / "run", lambda _: None).run.path


def test_of_its_own_data_a_run_is_held_against_what_it_held_out(run: Path, tmp_path: Path) -> None:
    identity = load_trained(run).identity
    found = read_labelled(run, identity, str(tmp_path / "pets"), DataOptions())
    assert found.name == "validation"
    assert len({found.split.name_of(row).split("/")[1][:2] for row in range(len(found.split))}) == 1  # one group
    assert len(read_labelled(run, identity, str(tmp_path / "pets"), DataOptions(), "all").split) == 24


def test_other_data_need_no_groups_and_may_spell_classes_in_another_case(run: Path, tmp_path: Path) -> None:
    other = pictures(tmp_path / "other", {"Cat": 2, "DOG": 3})
    for path in other.rglob("*.png"):
        path.rename(path.with_name(path.name.replace("p", "x", 1)))
    found = read_labelled(run, load_trained(run).identity, str(other), DataOptions())
    assert (found.name, found.split.y.tolist()) == ("data", [0, 0, 1, 1, 1])  # type: ignore[union-attr]
    strange = pictures(tmp_path / "strange", {"cat": 2, "emu": 3})
    with pytest.raises(DataError, match="other classes than the run; got cat, emu; expected cat, dog"):
        read_labelled(run, load_trained(run).identity, str(strange), DataOptions())
