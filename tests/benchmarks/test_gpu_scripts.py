"""The scripts as they run on a card that is made up."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tatami.plan.card_names import find_device
from tatami.plan.cuda import Foreteller, simulate
from tatami.plan.memory import StepSettings
from tatami.recipe import SGD

GIB, MIB = 2**30, 2**20
CARD = {"card": "NVIDIA A100-SXM4-40GB", "total": 39 * GIB, "uuid": "x", "torch": "2", "cuda": "13", "cudnn": 9}


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
@pytest.mark.parametrize("script", ["gpu_memory", "gpu_speed"])
def test_without_pytorch(
    bench, script: str, options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    main = bench(script).main
    monkeypatch.setattr(sys, "argv", [script, *options])
    monkeypatch.setattr(bench("gpu_card").importlib.util, "find_spec", lambda name: None)
    assert main() == 2
    told = capsys.readouterr()
    line = f"{script}: PyTorch is not installed; benchmarks/requirements-gpu.txt names what is needed\n"
    assert (told.out, told.err) == ("", line)


@pytest.mark.parametrize("script", ["gpu_memory", "gpu_speed"])
def test_an_unknown_network(bench, script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    main = bench(script).main
    monkeypatch.setattr(sys.modules[script], "what_is_missing", lambda device: None)
    monkeypatch.setattr(sys, "argv", [script, "--dry-run", "--only", "resnet50"])
    assert main() == 2
    assert capsys.readouterr().err == f"{script}: --only: no such network; got resnet50; expected tiny, small\n"


def test_the_limit_needs_a_unit(bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    main = bench("gpu_memory").main
    monkeypatch.setattr(sys.modules["gpu_memory"], "what_is_missing", lambda device: None)
    monkeypatch.setattr(sys, "argv", ["gpu_memory", "--dry-run", "--memory-limit", "8"])
    assert main() == 2
    assert capsys.readouterr().err.startswith("gpu_memory: memory without a unit; got 8; ")


class Card:
    """A card that takes ``truth`` times what is foretold; processes on it by the worker's options."""

    def __init__(self, cases, truth: float) -> None:
        self.cases, self.truth = cases, truth
        self.seen: list[tuple[str, ...]] = []

    def run_here(self, python: str, script: str, name: str, *options: str) -> dict:
        self.seen.append((name, *options))
        given = dict(zip(options[::2], options[1::2], strict=True))
        if name == "mobilenet_v2":
            return {"error": "the process fell over"}
        settings = StepSettings(int(given["--batch"]), SGD(momentum=0.9), "torch", given["--dtype"])
        steps = Foreteller(self.cases[name].network(), settings, find_device(CARD["card"])).steps
        room = int(given["--limit"]) or CARD["total"] - 500 * MIB
        usage = simulate(steps.events(settings.batch), int(room / self.truth))
        if not usage.fits:
            return {"fits": False}
        allocated, reserved = usage.allocated_peak + 10 * MIB, round(usage.reserved_peak * self.truth)
        return {"fits": True, "allocated": allocated, "reserved": reserved, "driver": 100 * MIB + 500 * MIB + reserved}


@pytest.fixture
def run_memory(bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture) -> Iterator:
    """The script on such a card; returns its exit code, the page and what ran."""
    script = bench("gpu_memory")

    def run(*options: str, truth: float = 1.01) -> tuple[int, str, list]:
        card = Card(bench("gpu_cases").NETWORKS, truth)
        monkeypatch.setattr(script, "what_is_missing", lambda device: None)
        monkeypatch.setattr(script, "about_card", lambda python: CARD)
        monkeypatch.setattr(script, "taken", lambda uuid: 100 * MIB)  # by others, before the process began
        monkeypatch.setattr(script, "run_here", card.run_here)
        monkeypatch.setattr(sys, "argv", ["gpu_memory", *options, "-o", str(tmp_path / "page.md")])
        code = script.main()
        page = (tmp_path / "page.md").read_text(encoding="utf-8")
        assert capsys.readouterr().out == page + "\n"
        return code, page, card.seen

    return run


ONE_WAY = ("--dtypes", "float32", "--optimizers", "momentum")


def test_memory_on_a_card(run_memory) -> None:
    code, page, seen = run_memory("--only", "lenet", "resnet18", *ONE_WAY, "--memory-limit", "2GB")
    assert code == 0
    assert "A100-SXM4-40GB, 39,936 MiB; PyTorch 2, CUDA 13, cuDNN 9." in page
    assert "might take 1,907 MiB" in page
    (row,) = [line for line in page.splitlines() if line.startswith("| ResNet-18 | float32 | momentum | 64 ")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[9] == "-0.99%"  # 1% more was reserved than foretold
    driver = float(cells[11].replace(",", ""))
    assert driver == pytest.approx(float(cells[8].replace(",", "")) + 500, abs=1)  # what others hold is not counted
    assert "| LeNet, 28x28 * | float32 | momentum |" in page
    # Fitted on LeNet alone, ten MiB each.
    assert "500 MiB outside the allocator (the most), 10.0 MiB" in page
    assert "a margin of 1.00% on reserved" in page
    assert "| foretold largest batches that did not run | none | none | yes |" in page
    first, *tries = [dict(zip(o[::2], o[1::2], strict=True)) for name, *o in seen if name == "resnet18"]
    assert (first["--batch"], first["--limit"]) == ("64", "0")
    assert {one["--limit"] for one in tries} == {"2000000000"}
    assert all(one["--uuid"] == "x" for one in tries)


def test_a_batch_that_does_not_run_is_told(run_memory) -> None:
    _, page, _ = run_memory("--only", "resnet18", *ONE_WAY, "--memory-limit", "2GB", truth=1.2)
    told = "| foretold largest batches that did not run | ResNet-18, float32, momentum | none | **no** |"
    assert told in page
    assert re.search(r"\| ResNet-18 \| float32 \| momentum \| \*\*\d+\*\* \| \d+", page)


def test_the_whole_card_is_searched_without_a_limit(run_memory) -> None:
    _, page, seen = run_memory("--only", "resnet50", "--dtypes", "bf16", "--optimizers", "momentum")
    assert "might take" not in page
    assert {options[options.index("--limit") + 1] for _, *options in seen} == {"0"}
    assert "**no**" not in page


def test_without_the_search(run_memory) -> None:
    _, page, seen = run_memory("--only", "resnet18", *ONE_WAY, "--no-search")
    assert len(seen) == 1
    assert "## The largest batch" not in page


def test_a_process_that_falls_over_is_told_and_the_others_go_on(run_memory) -> None:
    code, page, _ = run_memory("--only", "mobilenet_v2", "lenet", *ONE_WAY, "--memory-limit", "1GB")
    assert code == 0
    assert "- MobileNet v2, float32, momentum: the process fell over" in page
    assert re.search(r"- MobileNet v2, float32, momentum, largest batch: batch \d+: the process fell over", page)
    assert "| LeNet, 28x28 * | float32 | momentum | 256 |" in page


def test_what_was_wanting(bench) -> None:
    """Only the card's memory makes a batch too large."""
    had_no_more = bench("memory_worker").had_no_more

    class OutOfMemoryError(RuntimeError):
        pass

    def raised_from(cause: BaseException) -> RuntimeError:
        error = RuntimeError("a step failed")
        error.__cause__ = cause
        return error

    assert had_no_more(OutOfMemoryError())
    assert had_no_more(raised_from(OutOfMemoryError()))
    assert had_no_more(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"))
    assert not had_no_more(RuntimeError("CUDA error: an illegal memory access"))
    assert not had_no_more(MemoryError())


def test_speed_on_a_card(bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    script, order = bench("gpu_speed"), []
    seconds = {"tatami": 1.0, "by-hand": 1.2, "by-hand-tuned": 1.1, "resident": 0.9}

    def run_here(python: str, worker: str, name: str, side: str, *options: str) -> dict:
        given = dict(zip(options[::2], options[1::2], strict=True))
        order.append((name, given["--batch"], side))
        if name == "vgg16":
            return {"error": "out of memory"}
        slow = 3 if len(order) <= 8 * len(seconds) else 1  # the round that does not count
        return {"median": slow * seconds[side] * int(given["--batch"]) / 1000, "others": 0.0}

    monkeypatch.setattr(script, "what_is_missing", lambda device: None)
    monkeypatch.setattr(script, "about_card", lambda python: CARD)
    monkeypatch.setattr(script, "run_here", run_here)
    names = ("lenet", "resnet18", "resnet50", "vgg16")
    monkeypatch.setattr(sys, "argv", ["gpu_speed", "--only", *names, "--rounds", "3", "-o", str(tmp_path / "page.md")])
    assert script.main() == 0
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == page + "\n"
    assert [side for name, batch, side in order if (name, batch) == ("resnet50", "8")][:8] == [
        *seconds,
        *list(seconds)[::-1],  # in turn, from either end
    ]
    assert (
        "| ResNet-18 | 64 | 64 (64 to 64) | 76.8 (76.8 to 76.8) | 70.4 (70.4 to 70.4) | 1.1 (1.1 to 1.1) | yes |"
        in page
    )
    assert "Geometric mean of the ratios 1.1, the least 1.1; aim: >= 1, each." in page
    assert "| ResNet-50 * | 32 |" in page
    assert "Fitted: " in page  # LeNet and ResNet-50, two batches each
    assert "- VGG-16, batch 8, tatami: out of memory" in page


def test_speed_on_a_card_that_is_not_in_the_catalogue(bench, capsys: pytest.CaptureFixture) -> None:
    assert bench("gpu_card").known_card("NVIDIA Unheard Of 9") is None
    assert capsys.readouterr().err.startswith(
        "this card is not in the catalogue: unknown card; got NVIDIA Unheard Of 9"
    )
