"""Measuring this machine: units, keeping, damage. Never speed."""

from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w

from tatami.engines import calibration
from tatami.engines.calibration import Calibration, calibrate, machine_device, machine_file

KNOWN = Calibration(
    cpu="Example CPU",
    cores=4,
    date="2026-01-02T03:04:05+00:00",
    tatami="0",
    python="3.11.0",
    numpy="2.0.0",
    sgemm_1_gflops=50.0,
    sgemm_all_gflops=180.0,
    copy_gbs=20.0,
)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Make this machine the one of KNOWN, with an empty cache; the list takes what is said."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(calibration, "calibrate", lambda: KNOWN)
    monkeypatch.setattr(calibration, "cpu_model", lambda: KNOWN.cpu)
    monkeypatch.setattr(calibration, "core_count", lambda: KNOWN.cores)
    return []


def never() -> Calibration:
    raise AssertionError("measured again")


def test_measuring_gives_positive_figures_and_versions() -> None:
    one = calibrate(matrix=16, copy_bytes=4096, repeats=3)
    assert min(one.sgemm_1_gflops, one.sgemm_all_gflops, one.copy_gbs) > 0
    assert one.cpu
    assert one.cores >= 1
    assert one.date.endswith("+00:00")
    assert one.numpy.count(".") >= 1


def test_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_median_seconds", lambda work, repeats: 0.5)
    one = calibrate(matrix=100, copy_bytes=10**6, repeats=1)
    assert one.sgemm_1_gflops == one.sgemm_all_gflops == 2 * 100**3 / 1e9 / 0.5
    assert one.copy_gbs == 2 * 10**6 / 1e9 / 0.5  # read and written


def test_the_device() -> None:
    device = KNOWN.device()
    assert (device.name, device.measured) == ("Example CPU, 4 cores", True)
    assert (device.peak(), device.bandwidth()) == (180e9, 20e9)
    assert device.source == "measured 2026-01-02T03:04:05+00:00 with NumPy 2.0.0"
    assert replace(KNOWN, sgemm_all_gflops=40.0).device().peak() == 50e9  # others held the cores


def test_measured_once_then_kept(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_device(said.append) == KNOWN.device()
    assert said == ["measuring this machine (Example CPU, 4 cores): a few seconds, once ..."]
    monkeypatch.setattr(calibration, "calibrate", never)
    assert machine_device(said.append) == KNOWN.device()
    assert len(said) == 1


def test_machines_that_share_a_folder_are_kept_apart(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    machine_device(said.append)
    other = replace(KNOWN, cores=8, sgemm_all_gflops=300.0)
    monkeypatch.setattr(calibration, "core_count", lambda: 8)
    monkeypatch.setattr(calibration, "calibrate", lambda: other)
    assert machine_device(said.append) == other.device()
    monkeypatch.setattr(calibration, "calibrate", never)
    assert machine_device(said.append) == other.device()
    monkeypatch.setattr(calibration, "core_count", lambda: KNOWN.cores)
    assert machine_device(said.append) == KNOWN.device()


WHOLE = tomli_w.dumps({"machine": [vars(KNOWN)]})
DAMAGE = [
    b"\xff\xfe",
    b"[[machine",
    b"",
    b"machine = 3\n",
    b"machine = [3]\n",
    WHOLE[: len(WHOLE) // 2].encode(),
    WHOLE.replace("180.0", "nan").encode(),
    WHOLE.replace("180.0", "-180.0").encode(),
    WHOLE.replace("180.0", '"fast"').encode(),
    WHOLE.replace("cores = 4", 'cores = "4"').encode(),
    WHOLE.replace("copy_gbs", "copy").encode(),
]


@pytest.mark.parametrize("content", DAMAGE, ids=range(len(DAMAGE)))
def test_a_damaged_file_is_done_anew(content: bytes, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    machine_file().parent.mkdir(parents=True)
    machine_file().write_bytes(content)
    assert machine_device(said.append) == KNOWN.device()
    assert len(said) == 2
    assert said[0].startswith(f"{machine_file()}: ")
    assert said[0].endswith("; measuring anew")
    assert machine_file().read_text(encoding="utf-8") == WHOLE
    monkeypatch.setattr(calibration, "calibrate", never)
    machine_device(said.append)


def test_a_folder_that_cannot_be_written_does_no_harm(said: list[str]) -> None:
    machine_file().parent.write_text("a file where the folder should be", encoding="utf-8")
    assert machine_device(said.append) == KNOWN.device()
    assert said[-1].startswith("not kept: ")


def test_the_place_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert machine_file() == tmp_path / "tatami" / "machine.toml"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert machine_file() == tmp_path / ".cache" / "tatami" / "machine.toml"
