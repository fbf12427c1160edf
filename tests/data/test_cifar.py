"""CIFAR's binary files, written by hand; the pickled form is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tatami.data import load
from tatami.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)


def record(labels: list[int], picture: np.ndarray) -> bytes:
    red, green, blue = (picture[..., c].tobytes() for c in range(3))
    return bytes(labels) + red + green + blue


def write(folder: Path) -> None:
    ten = [record([n], picture) for n, picture in zip([0, 1, 2, 3, 1, 0], PIXELS, strict=True)]
    (folder / "data_batch_1.bin").write_bytes(b"".join(ten[:2]))
    (folder / "data_batch_2.bin").write_bytes(b"".join(ten[2:4]))
    (folder / "test_batch.bin").write_bytes(b"".join(ten[4:]))


def error_of(source: Path) -> str:
    with pytest.raises(DataError) as caught:
        load(str(source))
    return str(caught.value)


def test_cifar10(tmp_path: Path) -> None:
    write(tmp_path)
    names = ["airplane", "automobile", "bird", "cat", *(f"other{n}" for n in range(6))]
    (tmp_path / "batches.meta.txt").write_text("\n".join(names) + "\n\n")
    # All ten classes need a training sample.
    rest = b"".join(record([n], PIXELS[0]) for n in range(4, 10))
    (tmp_path / "data_batch_3.bin").write_bytes(rest)
    data = load(str(tmp_path))
    np.testing.assert_array_equal(data.train.x[:4], PIXELS[:4])
    assert data.train.y is not None
    assert data.train.y.tolist() == list(range(10))
    assert data.test is not None
    np.testing.assert_array_equal(data.test.x, PIXELS[4:])
    assert data.classes == tuple(names)
    assert data.train.name_of(3) == "data_batch_2.bin[1]"


def test_cifar100_takes_the_fine_labels(tmp_path: Path) -> None:
    (tmp_path / "train.bin").write_bytes(b"".join(record([n // 5, n], PIXELS[n % 6]) for n in range(100)))
    data = load(str(tmp_path))
    assert data.train.y is not None
    assert data.train.y.tolist() == list(range(100))
    np.testing.assert_array_equal(data.train.x[7], PIXELS[1])
    assert data.test is None


def test_damage(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "test_batch.bin").write_bytes(bytes(3072))
    assert error_of(tmp_path) == (
        f"{tmp_path}/test_batch.bin: not whole records of CIFAR's binary form; got 3,072 bytes; "
        "expected a multiple of 3,073 (hint: it may be truncated: fetch it again)"
    )
    (tmp_path / "test_batch.bin").write_bytes(record([0], PIXELS[0]) + record([10], PIXELS[0]))
    assert f"{tmp_path}/test_batch.bin, record 1: label out of range; got 10; expected 0 to 9" in error_of(tmp_path)
    (tmp_path / "test_batch.bin").unlink()
    (tmp_path / "batches.meta.txt").write_text("one two")
    assert "another number of names than there are classes; got 2; expected 10" in error_of(tmp_path)


def test_pickles_are_refused_unopened(tmp_path: Path) -> None:
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (tmp_path / name).write_bytes(b"\x80\x04.")
    message = "the pickled form of CIFAR, which is not read: a pickle may run any program; expected the binary version"
    assert message in error_of(tmp_path)
    assert message in error_of(tmp_path / "data_batch_1")
