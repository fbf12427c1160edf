"""Several ranks as processes, through torchrun and gloo: the same training, and what remains when one is lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tatami as package
from tatami.formats import load_weights
from tatami.train.events import Ended, EpochEnded, Resumed
from tatami.train.run import Run

pytestmark = pytest.mark.slow
pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")

NET = "INPUT -> [CONV(4) -> RELU]*2 -> POOL -> FC"
OPTIONS = (
    "--batch",
    12,
    "--lr",
    0.01,
    "--clip-norm",
    1,
    "--augment",
    "strong",
    "--validation",
    0.2,
    "--smoothing",
    0.1,
)
ENVIRONMENT = {
    **{"PYTHONPATH": str(Path(package.__file__).parent.parent), "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
    **{"CUDA_VISIBLE_DEVICES": "", "PATH": os.environ["PATH"]},
}


class Job:
    """`tatami` in as many processes as there are ranks."""

    def __init__(self, ranks: int, *arguments: object) -> None:
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
        self.process = subprocess.Popen(
            [sys.executable, *torchrun, "-m", "tatami", *map(str, arguments)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def end(self) -> tuple[int, str, str]:
        """The exit code, and what was printed."""
        try:
            out, err = self.process.communicate(timeout=90)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        return self.process.returncode, out, err

    def rank(self, number: int) -> int:
        """The process of a rank."""
        for _ in range(200):
            for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
                environment = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
                if f"RANK={number}".encode() in environment:
                    return int(child)
            time.sleep(0.05)
        raise AssertionError(f"no rank {number}")


def wait_for_step(run: Path, step: int) -> None:
    """Until the run tells of this step."""
    for _ in range(600):
        if (run / "events.jsonl").exists() and any(getattr(e, "step", 0) >= step for e in Run(run).events()):
            return
        time.sleep(0.05)
    raise AssertionError("the training does not come that far")


def close(one: Path, other: Path, tolerance: float) -> None:
    """The latest weights and optimizer's state of two runs are equal."""
    (a, _), (b, _) = load_weights(one / "last.safetensors"), load_weights(other / "last.safetensors")
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=0, atol=tolerance, err_msg=name)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pictures with bars across or down."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    pattern = np.where(np.arange(8) % 4 < 2, 200, 40)
    x = np.where(y[:, None, None] == 0, pattern[None, :, None], pattern[None, None, :]) + rng.integers(
        -40, 41, (60, 8, 8)
    )
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    np.savez(path, x=x.astype(np.uint8), y=y)
    return path


BN_NET = "INPUT -> CONV(4) -> BN -> RELU -> POOL -> DROPOUT(0.2) -> FC"


@pytest.mark.parametrize(("net", "options"), [(NET, ()), (BN_NET, ("--sync-bn",))], ids=["plain", "sync-bn"])
def test_two_ranks_train_as_one_process(data: Path, tmp_path: Path, tatami, net: str, options: tuple[str, ...]) -> None:
    """20 steps of 12 samples."""
    command = ("train", net, data, *OPTIONS, *options, "--epochs", 5, "--ema", 0.9)
    assert tatami(*command, "--engine", "torch", "--run", tmp_path / "one").code == 0
    code, out, err = Job(2, *command, "--run-dir", tmp_path / "two").end()
    assert code == 0, err
    assert out.count("validation accuracy") == out.count("report ") == 1  # rank 0 alone speaks
    assert err.count("2 ranks share each step") == 1
    assert Run(tmp_path / "two").checkpoint().progress.step == 20
    close(tmp_path / "two", tmp_path / "one", 1e-5)
    told = [[e for e in Run(tmp_path / run).events() if isinstance(e, EpochEnded)] for run in ("one", "two")]
    for a, b in zip(*told, strict=True):
        assert (a.is_best, a.validation_accuracy) == (b.is_best, b.validation_accuracy)
        assert (a.train_loss, a.validation_loss) == pytest.approx((b.train_loss, b.validation_loss), rel=1e-4)


LONG = ("--epochs", 400, "--schedule", "constant", "--save-every", 3600)


@pytest.mark.parametrize(("lost", "again"), [(1, 1), (0, 3)])
def test_a_rank_is_killed(data: Path, tmp_path: Path, tatami, lost: int, again: int) -> None:
    run = tmp_path / "run"
    job = Job(2, "train", NET, data, *OPTIONS, *LONG, "--run-dir", run)
    wait_for_step(run, 30)
    os.kill(job.rank(lost), signal.SIGKILL)
    code, _, err = job.end()
    assert code != 0
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    progress = Run(run).checkpoint().progress
    assert progress.step >= 30
    assert line.startswith(
        f"error: {run}: another rank of this training is gone; everything up to step {progress.step}"
    )
    assert line.endswith(f"(hint: tatami resume {run} goes on, with any number of ranks)")
    assert ". " not in line  # gloo's advice stays with gloo
    assert isinstance(Run(run).events()[-1], Ended)
    assert (run / "best.safetensors").exists()
    assert (run / "report.html").exists()

    epochs = progress.epoch + 3
    command = ("resume", run, "--epochs", epochs)
    if again == 1:
        assert tatami(*command).code == 0
    else:
        assert Job(again, *command).end()[0] == 0
    (resumed,) = [event for event in Run(run).events() if isinstance(event, Resumed)]
    assert resumed.step == progress.step
    assert any(note.startswith(f"{again} rank") and "instead of 2" in note for note in resumed.notes)
    whole = ("--epochs", epochs, "--schedule", "constant", "--engine", "torch", "--run", tmp_path / "whole")
    assert tatami("train", NET, data, *OPTIONS, *whole).code == 0
    close(run, tmp_path / "whole", 1e-4)


def test_what_ranks_cannot_do(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for options, message in (
        (("--engine", "cpu"), "engine cpu trains in one process; got 2 ranks; expected engine torch, or no torchrun"),
        (("--batch", 1), "2 ranks cannot share a step of 1 sample; got 48 training samples in steps of at most 1"),
    ):
        code, out, err = Job(2, "train", NET, data, "--epochs", 1, *OPTIONS, *options, "--run-dir", run).end()
        assert code != 0
        assert out == ""
        (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
        assert message in line
        assert not run.exists()


@pytest.mark.parametrize("to_all", [True, False], ids=["Ctrl-C", "SIGTERM to rank 1"])
def test_a_signal_saves_everything(data: Path, tmp_path: Path, to_all: bool) -> None:
    """Ctrl-C as of a terminal goes to all processes, and torchrun sends it to the ranks once more."""
    run = tmp_path / "run"
    job = Job(2, "train", NET, data, *OPTIONS, *LONG, "--run-dir", run)
    wait_for_step(run, 30)
    if to_all:
        os.killpg(job.process.pid, signal.SIGINT)
    else:
        os.kill(job.rank(1), signal.SIGTERM)
    code, out, err = job.end()
    assert code != 0
    assert to_all or "exitcode  : 130" in err
    assert f"interrupted; everything so far is saved\ntatami resume {run} goes on" in out
    assert "validation accuracy" in out
    events = Run(run).events()
    assert isinstance(events[-1], Ended)
    assert events[-1].reason == "interrupted"
    last = max(event.step for event in events if isinstance(event, EpochEnded))
    assert 0 <= Run(run).checkpoint().progress.step - last <= 4  # an epoch has 4, and may not have ended
