"""The examples of the pages on training and estimators run as they stand, and their lists are those of the code."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from tatami.train import Run
from tatami.train.events import _KINDS

ROOT = Path(__file__).parent.parent.parent


def block(page: str, language: str) -> str:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_recipe_of_the_page_trains(tatami, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(block("runs.md", "toml"))
    result = tatami("train", "--config", tmp_path / "recipe.toml", "--run", tmp_path / "run", "--epochs", 1)
    assert result.code == 0, result.err
    config = Run(tmp_path / "run").config()
    assert (config.epochs, config.optimizer, config.lr, config.clip_norm) == (1, "momentum", 0.02, 1.0)
    named = re.findall(r"^\| `([\w.]+)` \|", (ROOT / "docs" / "runs.md").read_text(encoding="utf-8"), re.MULTILINE)
    files = {file.name for file in (tmp_path / "run").iterdir()}
    assert files <= set(named)
    assert set(_KINDS) <= set(named)


def test_the_estimators_of_the_page_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(block("estimators.md", "python"), names)
    assert names["scores"].shape == (2,)
    assert names["chances"].shape == (50, 2)
    assert names["predicted"].shape == (50,)


def test_the_page_lists_the_checks_that_are_left_out() -> None:
    tree = ast.parse((ROOT / "tests" / "test_estimators.py").read_text(encoding="utf-8"))
    (excluded,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "EXCLUDED"
    ]
    text = (ROOT / "docs" / "estimators.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `(check_\w+)` \| (.*) \|$", text, re.MULTILINE)) == excluded
