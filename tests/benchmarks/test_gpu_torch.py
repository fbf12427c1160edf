"""The scripts for a card where there is none: refused in a line, and in a dry run on the processor."""

import os
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def start(script: str, *options: str) -> subprocess.CompletedProcess:
    """The script where no card can be seen."""
    command = [sys.executable, str(BENCHMARKS / script), *options]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(command, capture_output=True, text=True, env=hidden, timeout=170)


@pytest.mark.parametrize("script", ["gpu_memory.py", "gpu_speed.py"])
def test_without_a_card(script: str) -> None:
    done = start(script)
    name = script.removesuffix(".py")
    told = f"{name}: PyTorch finds no CUDA device here; --dry-run walks through it all on the processor\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


@pytest.mark.parametrize("name", ["lenet", "small"])
def test_both_sides_train_one_network(bench, name: str) -> None:
    worker = bench("speed_worker")
    case = bench("gpu_cases").CASES[name].with_batch(4).without_dropout()
    mine, by_hand = (
        make(case, Namespace(dtype="float32", device="cpu", side="by-hand"))
        for make in (worker.tatami_step, worker.hand_written_step)
    )
    losses = [(mine(i), float(by_hand(i))) for i in range(6)]
    assert [a for a, _ in losses] == pytest.approx([b for _, b in losses], rel=1e-5)
    assert losses[0] != losses[2]  # the same batch again, by other weights


@pytest.mark.slow
def test_dry_run_of_the_memory(tmp_path: Path) -> None:
    """Real processes, on the processor: what is foretold of its tensors is measured, and the largest batch found."""
    page = tmp_path / "page.md"
    ways = ("--dtypes", "float32", "--optimizers", "adam")
    done = start("gpu_memory.py", "--dry-run", "--only", "small", *ways, "-o", str(page))
    assert done.returncode == 0, done.stderr
    assert "Nothing of CUDA was measured." in done.stdout
    assert "| foretold largest batches that did not run | none | none | yes |" in done.stdout
    (error,) = re.findall(r"allocated, the largest error: small, float32, adam \| ([-+.\d]+)% \|", done.stdout)
    assert abs(float(error)) < 2
    assert not page.exists()


@pytest.mark.slow
def test_dry_run_of_the_speed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    done = start("gpu_speed.py", "--dry-run", "--only", "tiny", "-o", str(page))
    assert done.returncode == 0, done.stderr
    assert not page.exists()
    assert "Nothing of CUDA was measured." in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("| tiny | 4 |")]
    assert all(float(cell) > 0 for cell in row.split("|")[3:7])
    assert "What failed" not in done.stdout
