"""The catalogue of cards, names, the user's own cards, amounts of memory."""

import os
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from tatami.errors import OptionError
from tatami.plan.card_names import find_device, matching_devices
from tatami.plan.catalogue import catalogue, read_devices, user_file
from tatami.plan.devices import Device, parse_memory


@pytest.fixture(autouse=True)
def no_cards_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TATAMI_DEVICES", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_the_catalogue_is_sane() -> None:
    devices = catalogue()
    assert len(devices) >= 40
    for device in devices:
        assert device.year is not None
        assert 2010 <= device.year <= 2030
        assert device.source, device.name
        assert device.bandwidth_gbs is not None
        assert 100 < device.bandwidth_gbs < 20_000, device.name
        assert device.fp32_tflops is not None
        assert 1 < device.fp32_tflops < 1000, device.name
        assert device.nominal_gib is not None
        if device.usable_mib is not None:
            assert 0.9 < device.usable_mib / (1024 * device.nominal_gib) < 1, device.name
        if device.tf32_tflops is not None:
            assert device.fp32_tflops <= device.tf32_tflops, device.name
        if device.bf16_tflops is not None:
            assert 1.9 * max(device.fp32_tflops, device.tf32_tflops or 0) <= device.bf16_tflops, device.name
        # Before Ampere no card of NVIDIA's computes in TF32 or bfloat16.
        assert device.year >= 2020 or device.tf32_tflops is None is device.bf16_tflops, device.name
        # Memory does not outpace arithmetic: between 3 and 150 FLOPs in float32 for each byte.
        assert 3 < 1e3 * device.fp32_tflops / device.bandwidth_gbs < 150, device.name


def test_the_file_is_sorted() -> None:
    entries = tomllib.loads(files("tatami.plan").joinpath("devices.toml").read_text(encoding="utf-8"))["device"]
    keys = [(entry["year"], entry["name"].casefold()) for entry in entries]
    assert keys == sorted(set(keys))


def test_figures_of_data_sheets() -> None:
    rtx, a100 = find_device("RTX 4090"), find_device("A100 SXM4 80GB")
    assert (rtx.nominal_gib, rtx.peak("float32"), rtx.bandwidth()) == (24, 82.6e12, 1008e9)
    assert (a100.peak("float32"), a100.peak("tf32"), a100.peak("bf16")) == (19.5e12, 156e12, 312e12)
    assert a100.bandwidth() == 2039e9


@pytest.mark.parametrize("device", catalogue(), ids=lambda device: device.name)
def test_every_card_is_found_by_its_names(device: Device) -> None:
    for name in (device.name, *device.aliases):
        assert find_device(name) == device
        assert find_device(f"  NVIDIA {name.lower().replace(' ', '')}") == device


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("rtx4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("4060", "RTX 4060"),
        ("4060ti", "RTX 4060 Ti 16GB"),
        ("GTX TITAN X", "GTX Titan X"),
        ("titan", "GTX Titan"),
        ("A10", "A10"),
        ("NVIDIA H100 80GB HBM3", "H100 SXM5 80GB"),
        ("h100 pcie", "H100 PCIe 80GB"),
        ("V100 32GB", "V100 SXM2 32GB"),
        ("AMD Instinct MI300X", "MI300X"),
    ],
)
def test_names_are_forgiving(name: str, found: str) -> None:
    assert find_device(name).name == found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("RTX 4091", "unknown card; got RTX 4091; expected a card of the catalogue (hint: did you mean RTX 4090?"),
        ("", 'unknown card; got ""; expected a card of the catalogue (hint: `tatami gpus` lists all)'),
        ("NVIDIA", "unknown card; got NVIDIA"),
        ("V100", "this name means several cards; got V100; expected one of V100 SXM2 16GB, V100 SXM2 32GB"),
    ],
)
def test_unknown_and_ambiguous_names(name: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        find_device(name)
    assert str(caught.value).startswith(message)


def test_several_cards_may_be_listed() -> None:
    assert [device.name for device in matching_devices("v100")] == ["V100 SXM2 16GB", "V100 SXM2 32GB"]


def test_memory_is_the_usable_one_where_known() -> None:
    assert Device("x", nominal_gib=24, usable_mib=24_000).memory_bytes == 24_000 * 2**20
    assert Device("x", nominal_gib=24).memory_bytes == 24 * 2**30
    assert Device("x").memory_bytes is None


def test_a_figure_that_is_not_known() -> None:
    with pytest.raises(OptionError, match=r"^GTX 1080: no bf16 peak is known \(hint: .*docs/gpus.md\)$"):
        find_device("GTX 1080").peak("bf16")


MINE = '[[device]]\nname = "Mine"\nnominal_gib = 12\nbandwidth_gbs = 300\nfp32_tflops = 10.5\n'


def test_a_card_of_ones_own_by_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "cards.toml"
    path.write_text(MINE + '[[device]]\nname = "rtx 4090"\nnominal_gib = 48\n', encoding="utf-8")
    monkeypatch.setenv("TATAMI_DEVICES", str(path))
    assert find_device("mine") == Device("Mine", nominal_gib=12, bandwidth_gbs=300, fp32_tflops=10.5)
    assert find_device("RTX 4090").nominal_gib == 48  # takes the place of ours


def test_a_card_of_ones_own_in_the_configuration_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert user_file() is None
    path = tmp_path / "tatami" / "devices.toml"
    path.parent.mkdir()
    path.write_text(MINE, encoding="utf-8")
    assert find_device("mine").name == "Mine"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    assert user_file() is None


def test_a_named_file_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TATAMI_DEVICES", str(tmp_path / "absent.toml"))
    with pytest.raises(OptionError, match=r"absent.toml: this catalogue cannot be read; got .*No such file"):
        catalogue()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[device]", "f.toml: not readable as TOML; got "),
        ("[device]\n", "f.toml: not a catalogue of cards; expected [[device]] tables alone"),
        ("[[card]]\n", "f.toml: not a catalogue of cards; got card; expected [[device]] tables alone"),
        ("[[device]]\nnominal_gib = 1", "f.toml, device 1 (without a name): a field is missing; expected name"),
        (MINE + '[[device]]\nname = "B"', "f.toml, device 2 (B): a field is missing; expected nominal_gib"),
        (MINE + "bandwith_gbs = 3", "f.toml, device 1 (Mine): unknown field bandwith_gbs; expected name, "),
        (
            MINE + "bf16_tflops = -1",
            "f.toml, device 1 (Mine): impossible bf16_tflops; got -1; expected a number above 0",
        ),
        (MINE + "tf32_tflops = nan", "f.toml, device 1 (Mine): impossible tf32_tflops; got nan"),
        (MINE + "year = true", "f.toml, device 1 (Mine): impossible year; got True; expected a whole number above 0"),
        (MINE + "year = 2020.5", "f.toml, device 1 (Mine): impossible year; got 2020.5"),
        (MINE + "aliases = 'x'", "f.toml, device 1 (Mine): impossible aliases; got 'x'; expected a list of texts"),
        (MINE + "source = 3", "f.toml, device 1 (Mine): impossible source; got 3; expected a text"),
        (
            MINE + "usable_mib = 12289",
            "f.toml, device 1 (Mine): more usable memory than there is; got usable_mib 12289",
        ),
        (MINE + MINE.replace("Mine", "MINE"), "f.toml: two cards have one name; got MINE"),
    ],
)
def test_errors_name_file_and_entry(text: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        read_devices(text, "f.toml")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_misspelt_field_is_suggested() -> None:
    with pytest.raises(OptionError, match=r"\(hint: did you mean bandwidth_gbs\?\)$"):
        read_devices(MINE + "bandwith_gbs = 3", "f.toml")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GB", 24 * 10**9),
        ("24GiB", 24 * 2**30),
        (" 24 GB ", 24 * 10**9),
        ("24576MiB", 24 * 2**30),
        ("24gib", 24 * 2**30),
        ("1.5MB", 1_500_000),
        (".5KiB", 512),
        ("2TB", 2 * 10**12),
    ],
)
def test_amounts_of_memory(text: str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "GB", "24G", "0GB", "-3GB", "24 GB 3", "1e9MB", "inf", "nanGB", "٣GB"])
def test_unreadable_memory(text: str) -> None:
    with pytest.raises(OptionError, match=r"^unreadable memory; got .*; expected a number above 0 and one of KB, MB"):
        parse_memory(text)


def test_memory_needs_a_unit() -> None:
    with pytest.raises(OptionError) as caught:
        parse_memory("24")
    assert "memory without a unit; got 24" in str(caught.value)
    assert "(hint: 24GiB is 2^30 bytes each, 24GB is 10^9)" in str(caught.value)


def test_planning_reads_no_catalogue() -> None:
    script = "import sys, tatami.plan, tatami.cli; sys.exit('tatami.plan.catalogue' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 0
