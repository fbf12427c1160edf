import json
from pathlib import Path

import numpy as np
import pytest

from tatami.formats import load_weights


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """6x6 images, bright above or below."""
    rng = np.random.default_rng(1)
    y = np.arange(40) % 2
    x = rng.integers(0, 60, (40, 6, 6)).astype(np.uint8)
    x[y == 0, :3] += 150
    x[y == 1, 3:] += 150
    path = tmp_path / "bars.npz"
    np.savez(path, x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    return path


NET = "INPUT -> CONV(4) -> RELU -> POOL -> FC"


def test_runs_are_numbered_and_extended(tatami, bars: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert tatami("train", NET, str(bars), "--epochs", "2").code == 0
    assert tatami("train", NET, str(bars), "--epochs", "2").code == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == ["bars-1", "bars-2"]
    finished = tatami("resume", "runs/bars-2")
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.strip() == (
        "error: runs/bars-2: this run is finished; got 2 of 2 epochs (hint: --epochs 4 gives it more)"
    )
    longer = tatami("resume", "runs/bars-2", "--epochs", "3", "--format", "json")
    assert longer.code == 0
    assert json.loads(longer.out)["total"] == 10
    assert "note: 3 epochs instead of 2: the onecycle schedule is stretched" in longer.err
    assert len(Path("runs/bars-2/metrics.csv").read_text().splitlines()) == 1 + 3


def test_a_run_is_rewound_to_an_epoch_it_kept(tatami, bars: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    assert tatami("train", NET, str(bars), "--epochs", "4", "--keep-epochs", "2", "--run", str(whole)).code == 0
    assert sorted(path.name for path in (whole / "checkpoints").iterdir()) == ["2", "4"]
    again = tatami("resume", str(whole), "--from-epoch", "2")
    assert again.code == 0
    assert "resumed after" in again.err
    for name in ("best.safetensors", "last.safetensors"):
        (one, _), (other, _) = load_weights(whole / name), load_weights(tmp_path / "whole-from-2-1" / name)
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one)
    refused = tatami("resume", str(whole), "--from-epoch", "3")
    assert (refused.code, refused.err.strip()) == (
        2,
        f"error: {whole}: this epoch was not kept; got 3; expected one of 2, 4",
    )


def test_settings_from_a_file_and_options_over_them(tatami, bars: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'net = "{NET}"\ndata = "{bars}"\nepochs = 3\nsmoothing = 0.1\naugment = "none"\n')
    result = tatami("train", "--config", str(file), "--epochs", "2", "--run", str(tmp_path / "run"))
    assert result.code == 0
    kept = (tmp_path / "run" / "config.toml").read_text()
    assert "epochs = 2\n" in kept
    assert "smoothing = 0.1\n" in kept
    again = tatami("train", "--config", str(tmp_path / "run" / "config.toml"), "--run", str(tmp_path / "again"))
    assert again.code == 0
    assert (tmp_path / "again" / "best.safetensors").read_bytes() == (
        tmp_path / "run" / "best.safetensors"
    ).read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lr", "fast"], "unreadable --lr; got fast; expected a number above 0, or auto"),
        (["--class-weight", "heavy"], "unknown class weight; got heavy; expected none, balanced"),
        (["--loss", "hinge", "--smoothing", "0.1"], "smoothing is for cross-entropy; got loss hinge"),
        (["--ema", "1"], "impossible ema; got 1.0; expected at least 0 and under 1"),
        (["--augment", "lite"], "lite"),
    ],
)
def test_settings_that_make_no_sense(tatami, bars: Path, tmp_path: Path, options: list[str], message: str) -> None:
    result = tatami("train", NET, str(bars), *options, "--run", str(tmp_path / "run"))
    assert result.code == 2
    assert len(result.err.strip().splitlines()) == 1
    assert message in result.err
    assert not (tmp_path / "run").exists()


def test_a_learning_rate_is_found(tatami, bars: Path, tmp_path: Path) -> None:
    found = tatami("lr-find", NET, str(bars), "--format", "json")
    assert found.code == 0
    suggestion = json.loads(found.out)["suggestion"]
    assert 1e-5 < suggestion < 1
    assert f"suggested: --lr {suggestion:g}" in tatami("lr-find", NET, str(bars)).out
    assert tatami("train", NET, str(bars), "--lr", "auto", "--epochs", "1", "--run", str(tmp_path / "r")).code == 0
    assert f"lr = {suggestion}" in (tmp_path / "r" / "config.toml").read_text()
