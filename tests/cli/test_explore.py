"""`tatami explore`: the front as table, data and Markdown; going on; what is refused."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tatami.cli.explore import seconds_of
from tatami.errors import OptionError
from tatami.explore.settings import read_settings

LINE = "INPUT -> [CONV({2|4}) -> RELU -> POOL]*M -> FC"
SMALL = ["--epochs", 4, "--rungs", 2, "--batch", 8, "--augment", "none", "--jobs", 1, "-D", "M=1"]


def test_a_search_within_a_budget_as_table_data_and_page(tatami, bars: Path, tmp_path: Path) -> None:
    folder = tmp_path / "found"
    command = ["explore", LINE, bars / "bars.npz", *SMALL, "--budget", "params < 1k", "--run", folder]
    table = tatami(*command)
    assert table.code == 0
    assert "2 networks to try, of 2 members" in table.out
    assert "planned figures equal the measured in 2 of 2 trials" in " ".join(table.out.split())
    assert f"page {folder}/index.html" in table.out
    *_, command_line, again, seen, last = table.out.splitlines()
    assert command_line.startswith('tatami train "INPUT -> CONV(')
    assert again.startswith(f"trained so once more, on the samples too that it was chosen by: {folder}/final/0000")
    assert seen == "on the test split, which no choice has seen:"
    assert last.startswith("test accuracy ")
    assert last.endswith(" of 30)")
    data = json.loads(tatami(*command, "--format", "json").out)
    assert data["schema"] == "tatami.explore/1"
    assert data["tested"]["text"] == last
    assert data["budgets"] == ["params < 1k"]
    assert [trial["params"] for trial in data["trials"]] == [trial["measured_params"] for trial in data["trials"]]
    markdown = tatami("explore", "--resume", folder, "--format", "markdown").out
    assert markdown.startswith("| {2\\|4} | params | MACs |")
    assert f"    {last}\n" in markdown


def test_the_best_line_is_ready_to_train(tatami, bars: Path, tmp_path: Path) -> None:
    out = tatami("explore", LINE, bars / "bars.npz", *SMALL, "--run", tmp_path / "found", "--format", "json").out
    data = json.loads(out)
    best = next(trial for trial in data["trials"] if trial["number"] == data["best"])
    words = shlex.split(best["command"])
    assert words[:2] == ["tatami", "train"]
    trained = json.loads(tatami(*words[1:], "--run", tmp_path / "again", "--format", "json").out)
    assert (trained["total"], trained["correct"]) == (30, data["tested"]["correct"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to explore; expected FAMILY DATA, or --resume DIR"),
        (["INPUT -> FC"], "nothing to explore; expected FAMILY DATA, or --resume DIR"),
        (["INPUT -> FC", "sample:digits", "--time", "soon"], "unreadable --time; got soon; expected 90s, 20m or 2h"),
        (["INPUT -> FC", "sample:digits", "--budget", "params"], "unreadable assertion; got params; expected FIGURE"),
        (["INPUT -> FC", "sample:digits", "--budget", "size < 3"], "unknown figure; got size; expected params,"),
        (["INPUT -> FC", "sample:digits", "--validation", "0"], "nothing to judge networks by; got --validation 0;"),
        (["INPUT -> CONV(W) -> FC", "sample:digits"], "line 1:1: this is a family of networks, not one network; got"),
        (["INPUT -> FC", "x", "--resume", "y"], "--resume goes on as it was begun; got INPUT -> FC; expected"),
        (["INPUT -> FC", "sample:digits", "--time-column", "t"], "sample:digits: --time has no effect on these data;"),
        (
            ["--resume", "y", "--budget", "macs < 9"],
            "--resume goes on as it was begun; got --budget; expected no other",
        ),
        (["--resume", "y", "--label", "kind"], "--resume goes on as it was begun; got --label; expected no other"),
        (["--resume", "nowhere"], "nowhere: not an exploration; expected a directory with explore.toml"),
        (["INPUT -> FC", "sample:digits", "--cluster", "nowhere:1"], "--cluster"),
    ],
)
def test_what_cannot_be_explored(
    tatami, arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tatami.explore.workers.SECONDS_TO_CONNECT", 1)
    result = tatami("explore", *arguments)
    assert result.code == 2
    assert result.err.splitlines()[0].startswith(f"error: {message}")
    assert not list(tmp_path.glob("explore/trials"))


def test_trials_keep_their_threads(tatami, bars: Path, tmp_path: Path) -> None:
    folder = tmp_path / "found"
    command = ["explore", LINE, bars / "bars.npz", *SMALL, "--run", folder, "--trials", 1]
    assert tatami(*command, "--threads", 3).code == 0
    other = tatami(*command, "--threads", 2)
    said = (
        f"{folder}: trials keep the threads that they were planned by; got --threads 2; expected --threads 3, or none"
    )
    assert (other.code, other.err) == (2, f"error: {said} (hint: --run another)\n")
    assert tatami(*command).code == 0
    assert read_settings(folder).threads == 3


def test_progress_shows_no_score_on_samples_that_were_trained_on(bars: Path, tatami, tmp_path: Path) -> None:
    err = tatami("explore", LINE, bars / "bars.npz", *SMALL, "--run", tmp_path / "found").err
    told = [line for line in err.splitlines() if line.startswith("trial ")]
    assert all(line.endswith(" parameters") for line in told[:-1])
    assert told[-1].endswith("4 epochs: trained once more, on all training samples")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("20m", 1200), ("1.5h", 5400), ("45", 45), ("2min", 120)])
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-3m", "0s", "3 weeks", "nan", "1e99h"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(OptionError, match="--time"):
        seconds_of(text)


def long_command(bars: Path, folder: Path) -> list[str]:
    small = [str(word) for word in SMALL]
    small[small.index("--epochs") + 1] = "20000"
    return [sys.executable, "-m", "tatami", "explore", LINE, str(bars / "bars.npz"), *small, "--run", str(folder)]


def test_the_workers_of_a_killed_search_leave_and_another_goes_on(bars: Path, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl", reason="no locks of files on this system")
    folder = tmp_path / "found"
    running = subprocess.Popen(long_command(bars, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not list(folder.glob("trials/*/last.safetensors")):
        assert time.monotonic() < until
        assert running.poll() is None
        time.sleep(0.05)
    running.kill()
    running.wait()
    with (folder / "trials" / "00000.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                assert time.monotonic() < until + 60, "the worker goes on without its leader"
            time.sleep(0.05)
    assert '"interrupted"' in (folder / "trials" / "00000" / "events.jsonl").read_text()


def test_ctrl_c_saves_and_the_same_command_goes_on(bars: Path, tmp_path: Path) -> None:
    folder = tmp_path / "found"
    command = long_command(bars, folder)
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not list(folder.glob("trials/*/last.safetensors")):
        assert time.monotonic() < until
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "interrupted; the same command goes on" in " ".join(out.split())
    assert not (folder / "stop").exists()
    began = (folder / "events.jsonl").read_text().count('"began"')
    again = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not any('"resumed"' in events.read_text() for events in folder.glob("trials/*/events.jsonl")):
        assert time.monotonic() < until + 60
        assert again.poll() is None, again.communicate()
        time.sleep(0.05)
    os.kill(again.pid, signal.SIGINT)
    out, err = again.communicate(timeout=60)
    assert (folder / "events.jsonl").read_text().count('"began"') == began
