"""The samples in the package are what samples/SOURCES.md says."""

from __future__ import annotations

import importlib.util
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from tatami.data import SAMPLES, load_npz, load_sample
from tatami.errors import DataError

SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "make_samples.py"


def test_digits() -> None:
    data = load_sample("digits")
    assert (data.name, data.kind, data.sample_shape) == ("digits", "image", (28, 28, 1))
    assert data.classes == tuple("0123456789")
    assert data.test is not None
    assert data.train.x.dtype == data.test.x.dtype == np.uint8
    for split, a_class in ((data.train, 500), (data.test, 100)):
        assert split.y is not None
        assert np.bincount(split.y).tolist() == [a_class] * 10


def test_gunpoint() -> None:
    data = load_sample("gunpoint")
    assert (data.name, data.kind, data.sample_shape) == ("gunpoint", "signal", (150, 1))
    assert data.classes == ("Gun", "Point")
    assert data.test is not None
    assert data.train.y is not None
    assert data.test.y is not None
    assert data.train.x.dtype == np.float32
    assert (len(data.train.x), len(data.test.x)) == (50, 150)
    # the archive's own counts: 24 + 26 and 76 + 74
    assert np.bincount(data.train.y).tolist() == [24, 26]
    assert np.bincount(data.test.y).tolist() == [76, 74]
    np.testing.assert_allclose(data.train.x.mean(axis=1), 0, atol=1e-5)


def test_unknown_names() -> None:
    with pytest.raises(DataError) as caught:
        load_sample("gunpiont")
    assert str(caught.value) == (
        "sample:gunpiont: no such sample; got 'gunpiont'; expected one of digits, gunpoint "
        "(hint: did you mean sample:gunpoint?)"
    )
    with pytest.raises(DataError) as caught:
        load_sample("../digits")
    assert "no such sample" in str(caught.value)


def test_the_wheel_stays_small() -> None:
    sizes = {name: len((files("tatami.data") / "samples" / f"{name}.npz").read_bytes()) for name in SAMPLES}
    assert sum(sizes.values()) < 1_200_000, sizes


def test_no_test_digit_is_a_training_digit() -> None:
    data = load_sample("digits")
    assert data.test is not None
    train, test = ({image.tobytes() for image in split.x} for split in (data.train, data.test))
    assert not train & test


def test_the_script_makes_them_again(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("make_samples", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr("sys.argv", ["make_samples.py", str(shared_data), str(tmp_path)])
    script.main()
    for name in SAMPLES:
        made, shipped = load_npz(tmp_path / f"{name}.npz"), load_sample(name)
        assert made.classes == shipped.classes
        for a, b in ((made.train, shipped.train), (made.test, shipped.test)):
            assert a is not None
            assert b is not None
            np.testing.assert_array_equal(a.x, b.x, strict=True)
            np.testing.assert_array_equal(a.y, b.y, strict=True)
