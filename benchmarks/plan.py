"""How fast is a plan, beside torchinfo's summary of the same network? Writes RESULTS-plan.md.

Run by `make bench-plan`. Every figure comes from processes of their own, tatami and torchinfo in turn, so that what
else the machine does meets both. Ratios are taken within a round, then their median over the rounds.

    whole process   python starts, the network is made, the table is printed
    in process      the network is at hand and was summed up before; the table as a text

torchinfo is timed as its manual shows it, which computes a forward pass, and at its fastest, with a model on PyTorch's
`meta` device, which has shapes but no values.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
NETWORKS = ("vgg16", "resnet50", "resnet152", "mobilenet_v2")
SIDES = ("tatami", "torchinfo", "torchinfo on meta")
WARM = 5  # calls timed in a process, after a first that is not; their median counts


# --- the work of one process ---


def in_process(side: str, name: str) -> None:
    """Print, as JSON, the seconds of a call with everything loaded, and the parameters that it counted."""
    call, params = tatami_call(name) if side == "tatami" else torchinfo_call(side, name)
    call()
    print(json.dumps({"seconds": median_time(call, WARM), "params": params}))


def tatami_call(name: str):
    import io

    from rich.console import Console

    from tatami.network import find_network
    from tatami.plan import make_plan
    from tatami.views.plan_table import plan_table

    network = find_network(name).build()

    def call() -> str:
        console = Console(file=io.StringIO(), width=80)
        console.print(plan_table(make_plan(network)))
        return console.file.getvalue()

    return call, make_plan(network).totals.params


def torchinfo_call(side: str, name: str):
    import torch
    import torchinfo
    from torch_networks import NETWORKS as MAKERS

    device = "meta" if side.endswith("meta") else "cpu"
    with torch.device(device):
        model = MAKERS[name]()

    def call() -> str:
        return str(torchinfo.summary(model, (1, 3, 224, 224), device=device, verbose=0))

    return call, sum(parameter.numel() for parameter in model.parameters())


def whole(side: str, name: str) -> None:
    """What a user's script does with torchinfo. (With tatami it is a command.)"""
    import torch
    import torchinfo
    from torch_networks import NETWORKS as MAKERS

    device = "meta" if side.endswith("meta") else "cpu"
    with torch.device(device):
        model = MAKERS[name]()
    torchinfo.summary(model, (1, 3, 224, 224), device=device)


def alone() -> None:
    """tatami by itself: seconds as JSON."""
    from tatami.network import find_network
    from tatami.notation import parse_value
    from tatami.plan import make_plan
    from tatami.plan.family import plan_family

    source = find_network("resnet152")
    chain = find_network("INPUT(32x32x3) -> [CONV(8) -> RELU]*2500")
    family = find_network("INPUT(32x32x3) -> [[CONV(W) -> RELU]*N -> POOL]*M -> [FC(U) -> RELU]*K -> FC(10)")
    choices = {"W": range(8, 18), "N": range(1, 5), "M": range(1, 6), "U": (32, 64, 96, 128, 160), "K": (0, 1)}
    values = {name: [parse_value(str(value)) for value in several] for name, several in choices.items()}
    start = time.perf_counter()
    members = len(plan_family(family, values).members)
    rate = members / (time.perf_counter() - start)
    found = {
        "build": median_time(source.build, 21),
        "build and plan": median_time(lambda: make_plan(source.build()), 21),
        "with memory": median_time(lambda: make_plan(source.build()).memory, 21),
        "chain": median_time(lambda: make_plan(chain.build()).memory, 5),
        "members": members,
        "rate": rate,
    }
    print(json.dumps(found))


def median_time(call, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


# --- the rounds ---


def run(*arguments: str) -> str:
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True, cwd=HERE).stdout


def time_whole(side: str, name: str) -> float:
    start = time.perf_counter()
    run("-m", "tatami", "plan", name) if side == "tatami" else run(__file__, "whole", side, name)
    return time.perf_counter() - start


def measure(rounds: int) -> dict:
    """Seconds: what -> network -> side -> one figure a round."""
    found = {what: {name: {side: [] for side in SIDES} for name in NETWORKS} for what in ("whole", "in process")}
    counted: dict[str, set[int]] = {name: set() for name in NETWORKS}
    lone = []
    for i in range(rounds + 1):
        for name in NETWORKS:
            for side in SIDES if i % 2 else SIDES[::-1]:
                seconds, inside = time_whole(side, name), json.loads(run(__file__, "in_process", side, name))
                counted[name].add(inside["params"])
                if i:  # the first round warms caches
                    found["whole"][name][side].append(seconds)
                    found["in process"][name][side].append(inside["seconds"])
        if i:
            lone.append(json.loads(run(__file__, "alone")))
            print(f"round {i} of {rounds}", file=sys.stderr)
    for name, figures in counted.items():
        if len(figures) != 1:
            sys.exit(f"{name} is not one network: {figures} parameters")
    return {**found, "alone": lone, "params": {name: min(figures) for name, figures in counted.items()}}


# --- the report ---


def report(found: dict, rounds: int, version: str, load: tuple[str, str]) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "torchinfo"))
    lines = [
        "# tatami plan beside torchinfo",
        "",
        f"{datetime.date.today()}, {rounds} rounds. {cpu()}, {os.cpu_count()} cores; "
        f"load {load[0]} before, {load[1]} after.",
        f"{platform.system()}, Python {platform.python_version()}, tatami {version}, {versions}.",
        "",
        "Median, with the smallest and the largest of the rounds in brackets. A ratio says how many times as long",
        "torchinfo takes. A forward pass beside other work may take ten times as long: that says nothing",
        "of torchinfo: where a range is wide, go by its small end and by the columns on meta, which compute nothing.",
        "`make bench-plan` measures again; benchmarks/plan.py says what is timed.",
    ]
    titles = {"whole": "Whole process: start of Python to the table, s", "in process": "In process, second call on, ms"}
    for what, title in titles.items():
        unit = 1 if what == "whole" else 1000
        lines += ["", f"## {title}", "", f"| network | {' | '.join(SIDES)} | ratio | ratio on meta |"]
        lines.append("|---|---:|---:|---:|---:|---:|")
        for name in NETWORKS:
            times = found[what][name]
            cells = [spread([unit * t for t in times[side]]) for side in SIDES]
            for side in SIDES[1:]:
                cells.append(spread([b / a for a, b in zip(times["tatami"], times[side], strict=True)]))
            lines.append(f"| {name} | {' | '.join(cells)} |")
    lone = {key: [one[key] for one in found["alone"]] for key in found["alone"][0]}
    rows = [
        ("`tatami plan resnet152`, whole process, s", found["whole"]["resnet152"]["tatami"], 1, "< 0.35"),
        ("resnet152 from text to costs, fields and totals, ms", lone["build and plan"], 1000, "< 15"),
        ("of which the network, ms", lone["build"], 1000, ""),
        ("the same with the memory of a training step, ms", lone["with memory"], 1000, ""),
        ("a chain of 5,000 layers, with memory, s", lone["chain"], 1, "< 1"),
        (f"a family of {lone['members'][0]:,}, members a second", lone["rate"], 1, "1,000"),
    ]
    lines += ["", "## tatami alone", "", "| what | measured | aim |", "|---|---:|---:|"]
    lines += [f"| {what} | {spread([unit * t for t in times])} | {aim} |" for what, times, unit, aim in rows]
    counts = ", ".join(f"{name} {count:,}" for name, count in found["params"].items())
    return "\n".join([*lines, "", f"Both sides count the same parameters: {counts}.", ""])


def spread(values: list[float]) -> str:
    return f"{short(statistics.median(values))} ({short(min(values))} to {short(max(values))})"


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE)
    return f"at {found.stdout.strip()}" if found.returncode == 0 else importlib.metadata.version("tatami")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("-o", "--output", type=Path, default=HERE / "RESULTS-plan.md")
    arguments = parser.parse_args()
    version, before = commit(), f"{os.getloadavg()[0]:.1f}"  # as it was installed, whatever is committed meanwhile
    found = measure(arguments.rounds)
    text = report(found, arguments.rounds, version, (before, f"{os.getloadavg()[0]:.1f}"))
    arguments.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ("in_process", "whole", "alone"):
        globals()[sys.argv[1]](*sys.argv[2:])
    else:
        main()
