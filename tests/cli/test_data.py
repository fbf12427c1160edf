"""``tatami data check``, and the options of reading."""

import json
from pathlib import Path

import numpy as np
import pytest

from tatami.cli.data_options import Reading, read_length, read_size
from tatami.errors import OptionError


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    x = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)
    y = np.arange(40) % 2
    test = x[:6].copy()
    test[1:] ^= 1
    np.savez(tmp_path / "leaky.npz", x_train=x, y_train=y, x_test=test, y_test=y[:6], classes=["left", "right"])
    return tmp_path / "leaky.npz"


def test_sound_data(tatami) -> None:
    result = tatami("data", "check", "sample:digits")
    assert result.code == 0
    assert result.out.splitlines()[0] == "digits: images of 28x28x1, uint8"
    assert result.out.splitlines()[-1].startswith("6,000 samples, 10 classes, 0 errors, ")
    assert max(map(len, result.out.splitlines())) <= 80


def test_an_error_has_exit_code_1(tatami, leaky: Path) -> None:
    result = tatami("data", "check", leaky)
    assert (result.code, result.err) == (1, "")
    lines = [line.rstrip() for line in result.out.splitlines()]
    at = lines.index("error: 1 sample of test is in train as well")
    assert lines[at + 1] == "    train row 0 = test row 0"
    assert lines[-1] == "46 samples, 2 classes, 1 error, 0 warnings"


def test_as_json(tatami, leaky: Path, tmp_path: Path) -> None:
    result = tatami("data", "check", leaky, "--format", "json")
    values = json.loads(result.out)
    assert (result.code, values["schema"], values["errors"]) == (1, "tatami.data/1", 1)
    assert (values["source"], values["classes"]) == (str(leaky), ["left", "right"])
    written = tatami("data", "check", leaky, "--format", "json", "-o", tmp_path / "health.json")
    assert (written.code, written.out) == (1, "")
    assert json.loads((tmp_path / "health.json").read_text()) == values


def test_a_page_beside_the_table(tatami, leaky: Path, tmp_path: Path) -> None:
    result = tatami("data", "check", leaky, "-o", tmp_path / "health.html")
    assert result.code == 1
    assert result.out.splitlines()[-1] == "46 samples, 2 classes, 1 error, 0 warnings"
    assert result.err == f"page {tmp_path / 'health.html'}\n"
    page = (tmp_path / "health.html").read_text()
    assert page.count("data:image/png;base64,") == 16
    assert "train row 0 = test row 0" in page
    signals = tatami("data", "check", "sample:gunpoint", "-o", tmp_path / "signals.html")
    assert signals.code == 0
    assert (tmp_path / "signals.html").read_text().count("<polyline") == 16


def test_data_that_cannot_be_read_have_exit_code_2(tatami, tmp_path: Path) -> None:
    missing = tatami("data", "check", tmp_path / "none")
    assert (missing.code, missing.out) == (2, "")
    assert "no such file or folder" in missing.err
    x = np.zeros((4, 30))
    x[2, 5] = np.nan
    np.savez(tmp_path / "nan.npz", x=x, y=[0, 1, 0, 1])
    nan = tatami("data", "check", tmp_path / "nan.npz")
    assert nan.code == 2
    assert nan.err.startswith(f"error: {tmp_path}/nan.npz, x, row 2: a value that is NaN or infinite")


def test_bare_data_shows_what_there_is(tatami) -> None:
    result = tatami("data")
    assert result.code == 2
    assert "check" in result.out + result.err
    assert "--strict" in tatami("data", "check", "--help").out


def test_options_of_reading() -> None:
    options = Reading(size="32x48", length="90", label="kind", strict=True).options()
    assert (options.size, options.length, options.label, options.strict) == ((32, 48), 90, "kind", True)
    assert (options.colour, options.task, options.group, options.series, options.time) == ("auto", "auto", *[None] * 3)
    assert (read_size("32"), read_size("7X9"), read_size(None)) == ((32, 32), (7, 9), None)
    assert (read_length("longest"), read_length("shortest"), read_length(None)) == ("longest", "shortest", None)


@pytest.mark.parametrize("text", ["", "x", "32x", "0", "32x0", "-3", "32x32x3", "99999"])
def test_an_unreadable_size(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        read_size(text)
    assert str(caught.value) == (
        f"unreadable --size; got {text}; expected HEIGHTxWIDTH, such as 32x32, each from 1 to 65,536"
    )


def test_wrong_options_are_one_line(tatami) -> None:
    size = tatami("data", "check", "sample:digits", "--size", "big")
    assert (size.code, size.out) == (2, "")
    assert size.err.startswith("error: unreadable --size; got big; expected HEIGHTxWIDTH")
    length = tatami("data", "check", "sample:digits", "--length", "0")
    assert length.err == "error: unreadable --length; got 0; expected longest, shortest, or a number of steps\n"
    colour = tatami("data", "check", "sample:digits", "--colour", "mauve")
    assert colour.code == 2
    assert len(colour.err.splitlines()) == 1
