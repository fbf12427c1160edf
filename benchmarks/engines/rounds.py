"""The sides of every case in turn, each in a process of its own, round after round.

A round that does not count comes first: it fills the caches of compilers, takes the losses of the first steps, and
shows which of PyTorch's ways to run a network are worth more rounds.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cases import CASES, LOSS_STEPS
from worker import STARTED

WORKER = Path(__file__).parent / "worker.py"
TORCH = ("torch-eager", "torch-channels-last", "torch-compile")
SIDES = {
    "training": ("tatami", *TORCH),
    "inference": ("tatami", *TORCH, "onnxruntime"),
    "start": ("tatami", "torch-eager"),
}
WORTH = 1.1  # a way that takes so many times as long as the fastest is left out after the first round
ROUNDS = {"inference": 3}  # at most; others as many as are asked for
PATIENCE = 600  # seconds for one process

Results = dict[str, dict[str, list[dict]]]  # case -> side -> one result a round, the first not to count


@dataclass(frozen=True)
class Settings:
    engine: str = "cpu"
    rounds: int = 5
    seconds: float = 1.5
    sides: tuple[str, ...] = ()  # all unless given

    def chosen(self, part: str) -> list[str]:
        return [side for side in SIDES[part] if not self.sides or side in self.sides]


def measure(part: str, names: list[str], settings: Settings, found: Results, save: Callable[[], None]) -> None:
    """Training steps or inference of the cases ``names``, into ``found``; ``save`` is called after each round."""
    rounds = min(settings.rounds, ROUNDS.get(part, settings.rounds))
    for i in range(rounds + 1):
        for name in names:
            results = found.setdefault(name, {})
            sides = worth_running(settings.chosen(part), results)
            for side in sides[::-1] if i % 2 else sides:
                whole = part == "training" and i == 0 and side in ("tatami", "torch-eager")
                options = ["--seconds", str(settings.seconds), "--least", str(LOSS_STEPS if whole else 0)]
                result = run_worker(part, name, side, settings.engine, *options)
                results.setdefault(side, []).append(result)
                told = f"{1000 * result['median']:.1f} ms" if "median" in result else result["error"]
                say(f"{part} {name} {side}, round {i} of {rounds}: {told}")
        save()


def worth_running(sides: list[str], results: dict[str, list[dict]]) -> list[str]:
    """The sides that can do it; of PyTorch's, those that are not far behind its fastest."""
    first = {side: results[side][0].get("median", float("inf")) for side in sides if side in results}
    best = min((seconds for side, seconds in first.items() if side in TORCH), default=float("inf"))
    limits = {side: WORTH * best if side in TORCH else sys.float_info.max for side in sides}
    return [side for side in sides if first.get(side, 0.0) <= limits[side]]


def measure_starts(names: list[str], settings: Settings, found: Results, save: Callable[[], None]) -> None:
    """Seconds to the first step: tatami with an empty cache and then a full one; PyTorch, which keeps none."""
    for name in names:
        results = found.setdefault(name, {"cold": [], "warm": [], "torch-eager": []})
        with tempfile.TemporaryDirectory() as folder:
            empty = {"NUMBA_CACHE_DIR": f"{folder}/numba", "XDG_CACHE_HOME": folder}
            for i in range(min(settings.rounds, 3) + 1):
                for side in settings.chosen("start"):
                    mine = side == "tatami"
                    result = run_worker("start", name, side, settings.engine, environment=empty if mine else {})
                    key = ("warm" if i else "cold") if mine else side
                    if mine or i:
                        results[key].append(result)
                    told = f"{result['median']:.2f} s" if "median" in result else result["error"]
                    say(f"start {name} {key}: {told}")
        save()


def measure_peak() -> float:
    """GFLOP/s of float32 matrix products on all cores: the faster of NumPy's library and PyTorch's."""
    found = [run_worker("peak", "", library, "cpu").get("gflops", 0.0) for library in ("numpy", "torch")]
    say(f"peak: NumPy {found[0]:.0f}, PyTorch {found[1]:.0f} GFLOP/s")
    return max(found)


def run_worker(
    part: str, name: str, side: str, engine: str, *options: str, environment: dict[str, str] | None = None
) -> dict:
    """What one process found of one side of one case."""
    return run_process([sys.executable, str(WORKER), part, name, side, "--engine", engine, *options], environment)


def run_process(command: list[str], environment: dict[str, str] | None = None) -> dict:
    """The JSON of a process's last line, with the share of the machine that others took; or why it found nothing."""
    before = busy_seconds()
    start = time.time()
    variables = {**os.environ, **(environment or {}), STARTED: repr(start)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return {"error": f"not ready after {PATIENCE} s"}
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        return {"error": lines[-1][:200] if lines else f"ended with {done.returncode}"}
    others = (busy_seconds() - before) / (time.time() - start)
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "others": max(others, 0.0)}


def busy_seconds() -> float:
    """Seconds that the machine's cores worked for others than this process and its children (Linux; 0 elsewhere)."""
    try:
        ticks = [int(n) for n in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return 0.0
    user, nice, system, _, _, interrupt, soft, stolen = ticks
    whole = (user + nice + system + interrupt + soft + stolen) / os.sysconf("SC_CLK_TCK")
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return whole - sum(usage.ru_utime + usage.ru_stime for usage in usages)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def known(part: str, only: list[str]) -> list[str]:
    """The cases of a part, or those of them that are asked for: by their names, or by the names' beginnings."""
    return [name for name in CASES[part] if not only or any(name == o or name.startswith(f"{o}_") for o in only)]
