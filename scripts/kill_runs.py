"""Kill a training with SIGKILL at random moments, resume it each time, and compare its weights bit for bit.

One run is left alone. Another is killed and resumed until it ends; then the next begins, until there were as many kills
as asked. A table says when each came. The exit code is 1 when the weights of a run differ from those of the one left
alone. Run by `make kill-runs`; some minutes.

    python scripts/kill_runs.py --kills 20 --seed 0
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tatami.formats import load_weights
from tatami.train.events import Ended
from tatami.train.run import Run

TRAINING = [
    *("INPUT -> CONV(8) -> BN -> RELU -> POOL -> DROPOUT(0.2) -> FC", "sample:gunpoint", "--epochs", "250"),
    *("--batch", "4", "--augment", "light", "--ema", "0.9", "--clip-norm", "1", "--validation", "0.2"),
    *("--save-every", "0.05"),
]
FILES = ("last.safetensors", "best.safetensors")


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """A `tatami` of its own."""
    command = [sys.executable, "-m", "tatami", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(*arguments: str) -> float:
    """Run a `tatami` to its end; the seconds it took."""
    began = time.perf_counter()
    code = start(*arguments).wait()
    if code:
        sys.exit(f"tatami {arguments[0]} ended with {code}")
    return time.perf_counter() - began


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process still ran, and was killed."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def epochs_saved(run: Path) -> str:
    """The epoch that a run could go on from."""
    path = run / FILES[0]
    return load_weights(path)[1]["epoch"] if path.exists() else "-"


def has_ended(run: Path) -> bool:
    """Whether a run says that it is over."""
    return any(isinstance(event, Ended) for event in Run(run).events())


def same(one: Path, other: Path) -> bool:
    """Whether two weights files hold the same tensors, bit for bit."""
    (a, _), (b, _) = load_weights(one), load_weights(other)
    return a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and a[k].tobytes() == b[k].tobytes() for k in a)


def main() -> int:
    """Kill, resume, compare; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how many in all")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    kills, differ, number = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        length = finish("train", *TRAINING, "--run", str(whole))
        print(f"uninterrupted: {length:.1f} s\n\nkill  run  after     epochs saved")
        while kills < options.kills:
            number += 1
            run = Path(folder) / f"killed-{number}"
            process = start("train", *TRAINING, "--run", str(run))
            while kills < options.kills:
                wait = moments.uniform(0, length)
                if not kill_after(process, wait):
                    break
                kills += 1
                print(f"{kills:4}  {number:3}  {wait:5.2f} s   {epochs_saved(run):>3}", flush=True)
                again = ("resume", str(run)) if (run / FILES[0]).exists() else ("train", *TRAINING, "--run", str(run))
                if again[0] == "train":  # nothing was saved yet
                    for file in run.glob("*"):
                        file.unlink()
                process = start(*again)
            code = process.wait()
            if code and not has_ended(run):  # a kill in the last moment leaves nothing to resume
                print(f"run {number}: its last process ended with {code}")
                differ += 1
                continue
            equal = [same(whole / name, run / name) for name in FILES]
            differ += not all(equal)
            said = ", ".join(f"{n} {'equal' if e else 'DIFFERS'}" for n, e in zip(FILES, equal, strict=True))
            print(f"run {number}: {said}", flush=True)
    print(f"\n{kills} kills, {number} runs: {'every one equal' if not differ else f'{differ} differ'}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
