"""What this machine can do, measured once: matrix products and memory copies, kept in a file of the cache folder."""

from __future__ import annotations

import platform
import statistics
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import tomli_w

from tatami._version import __version__
from tatami.engines.base import Array
from tatami.engines.threads import one_blas_thread
from tatami.errors import TatamiError
from tatami.formats import atomic_write
from tatami.plan.devices import Device
from tatami.plan.machine import cache_folder, core_count, cpu_model

MATRIX = 1536  # rows of the matrices: 27 MiB for all three, more than a core's own caches
COPY_BYTES = 256 * 2**20  # of each array: more than any cache
REPEATS = 9


@dataclass(frozen=True)
class Calibration:
    """The figures of one machine.

    Attributes:
        cpu: the processor's model.
        cores: processors that this process may use.
        date: of the measurement, ISO 8601, UTC.
        tatami, python, numpy: versions.
        sgemm_1_gflops: matrix products in float32 on one thread, in 10^9 floating-point operations a second.
        sgemm_all_gflops: the same on all threads.
        copy_gbs: copies on all threads, in 10^9 bytes a second, read and written bytes both counted.
    """

    cpu: str
    cores: int
    date: str
    tatami: str
    python: str
    numpy: str
    sgemm_1_gflops: float
    sgemm_all_gflops: float
    copy_gbs: float

    def device(self) -> Device:
        """This machine as a device of :mod:`tatami.plan`."""
        return Device(
            name=f"{self.cpu}, {self.cores} {'core' if self.cores == 1 else 'cores'}",
            bandwidth_gbs=self.copy_gbs,
            # Where other processes hold some of the cores, all threads may be slower than one.
            fp32_tflops=max(self.sgemm_all_gflops, self.sgemm_1_gflops) / 1e3,
            source=f"measured {self.date} with NumPy {self.numpy}",
            measured=True,
        )


def machine_device(say: Callable[[str], None]) -> Device:
    """This machine: as the file says, or measured now, which takes a few seconds, and kept.

    Args:
        say: is told, in a line of text each, that a measurement begins and what stands in the way of keeping it.
    """
    path = machine_file()
    known, damage = _read(path)
    cpu, cores = cpu_model(), core_count()
    for calibration in known:
        if (calibration.cpu, calibration.cores) == (cpu, cores):
            return calibration.device()
    if damage:
        say(f"{path}: {damage}; measuring anew")
    say(f"measuring this machine ({cpu}, {cores} cores): a few seconds, once ...")
    calibration = calibrate()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"machine": [asdict(one) for one in [*known, calibration]]}
        atomic_write(path, tomli_w.dumps(content))
    except (OSError, TatamiError) as error:
        say(f"not kept: {error}")
    return calibration.device()


def calibrate(matrix: int = MATRIX, copy_bytes: int = COPY_BYTES, repeats: int = REPEATS) -> Calibration:
    """Measure this machine; each figure is the median of ``repeats`` runs after one to warm up.

    Args:
        matrix: rows and columns of the matrices.
        copy_bytes: bytes of the array that is copied.
        repeats: runs.
    """
    cores = core_count()
    return Calibration(
        cpu=cpu_model(),
        cores=cores,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        tatami=__version__,
        python=platform.python_version(),
        numpy=np.__version__,
        sgemm_1_gflops=_gflops(one_blas_thread(_sgemm), matrix, repeats),
        sgemm_all_gflops=_gflops(_sgemm, matrix, repeats),
        copy_gbs=_copy_gbs(copy_bytes, cores, repeats),
    )


def machine_file() -> Path:
    """``machine.toml`` in the cache folder."""
    return cache_folder() / "machine.toml"


def _sgemm(a: Array, b: Array, out: Array) -> None:
    np.matmul(a, b, out=out)


def _gflops(product: Callable[..., None], matrix: int, repeats: int) -> float:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((matrix, matrix), np.float32) for _ in range(2))
    out = np.empty_like(a)
    return 2 * matrix**3 / 1e9 / _median_seconds(lambda: product(a, b, out), repeats)


def _copy_gbs(size: int, threads: int, repeats: int) -> float:
    source = np.ones(size // 4, np.float32)
    target = np.zeros_like(source)  # written, so that its pages are there
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        seconds = _median_seconds(lambda: list(pool.map(lambda part: np.copyto(*part), parts)), repeats)
    return 2 * source.nbytes / 1e9 / seconds


def _median_seconds(work: Callable[[], object], repeats: int) -> float:
    work()
    times = []
    for _ in range(repeats):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return max(statistics.median(times), 1e-9)


def _read(path: Path) -> tuple[list[Calibration], str]:
    """The machines of the file, and what is wrong with it, if anything; damaged entries are left out."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["machine"]
    except FileNotFoundError:
        return [], ""
    except (OSError, ValueError, KeyError):
        return [], "not readable as a calibration"
    if not isinstance(entries, list):
        return [], "not readable as a calibration"
    known = [calibration for entry in entries if (calibration := _calibration(entry))]
    return known, "" if len(known) == len(entries) else "damaged"


def _calibration(entry: object) -> Calibration | None:
    if not isinstance(entry, dict) or set(entry) != {field.name for field in fields(Calibration)}:
        return None
    figures = [value for key, value in entry.items() if key.endswith(("gflops", "gbs"))]
    others = [value for key, value in entry.items() if not key.endswith(("gflops", "gbs", "cores"))]
    sound = (
        all(isinstance(value, float) and 0 < value < 1e9 for value in figures)
        and all(isinstance(value, str) for value in others)
        and type(entry["cores"]) is int
    )
    return Calibration(**entry) if sound else None
