"""IDX files written by hand with struct; every way in which they can be wrong."""

from __future__ import annotations

import gzip
import math
import shutil
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tatami.data import load_idx_dataset, read_idx, read_inputs
from tatami.errors import DataError

CODES = {"B": 0x08, "b": 0x09, "h": 0x0B, "i": 0x0C, "f": 0x0D, "d": 0x0E}


def idx(shape: tuple[int, ...], values: list[float], code: str = "B") -> bytes:
    head = struct.pack(f">BBBB{len(shape)}I", 0, 0, CODES[code], len(shape), *shape)
    return head + struct.pack(f">{len(values)}{code}", *values)


IMAGES = idx((3, 2, 2), list(range(12)))
LABELS = idx((3,), [1, 0, 2])


def write_mnist(folder: Path, *, dot: bool = False, zipped: bool = False, test: str | None = "t10k") -> None:
    pack = gzip.compress if zipped else bytes
    for prefix in ["train", *([test] if test else [])]:
        for what, rank, raw in (("images", 3, IMAGES), ("labels", 1, LABELS)):
            name = f"{prefix}-{what}{'.' if dot else '-'}idx{rank}-ubyte{'.gz' if zipped else ''}"
            (folder / name).write_bytes(pack(raw))


def error_of(path: Path, raw: bytes | None = None) -> str:
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(DataError) as caught:
        read_idx(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("zipped", [False, True])
def test_every_dtype(tmp_path: Path, code: str, zipped: bool) -> None:
    values = [0, 1, 127, 5, 6, 7] if code in "Bb" else [0, 1, -300, 5, 6, 32767]
    raw = idx((1, 3, 2), values, code)
    # gzip is known by its magic, whatever the name says
    (tmp_path / "a.gz").write_bytes(gzip.compress(raw) if zipped else raw)
    x = read_idx(tmp_path / "a.gz")
    assert x.shape == (1, 3, 2)
    assert x.ravel().tolist() == values
    assert x.dtype == np.dtype(code)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    x=hnp.arrays("uint8", hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)),
    zipped=st.booleans(),
)
def test_round_trip(tmp_path: Path, x: np.ndarray, zipped: bool) -> None:
    raw = idx(x.shape, x.ravel().tolist())
    (tmp_path / "a").write_bytes(gzip.compress(raw) if zipped else raw)
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), x, strict=True)


def test_every_truncation_names_got_and_expected(tmp_path: Path) -> None:
    for length in range(len(IMAGES)):
        text = error_of(tmp_path / "a", IMAGES[:length])
        if length < 4:
            assert text.startswith(": wrong magic number; got ")
        elif length < 16:
            assert text == f": truncated header; got {length} bytes; expected 16 bytes (hint: fetch the file again)"
        else:
            assert text == (
                f": the file is too short for what its header declares; got at most {length - 16} bytes of data; "
                "expected 12 bytes of data (hint: it may be truncated: fetch it again)"
            )


def test_every_truncation_of_gzip_is_an_error(tmp_path: Path) -> None:
    packed = gzip.compress(IMAGES)
    for length in range(2, len(packed)):
        text = error_of(tmp_path / "a", packed[:length])
        if length >= 10:  # from there on the header of gzip is whole
            assert text.startswith(": the compressed file ends early; got ")
            assert text.endswith((" (hint: fetch the file again)", " (hint: fetch it again)"))


def test_gzip_of_a_truncated_file_names_got_and_expected(tmp_path: Path) -> None:
    for length in range(16, len(IMAGES)):
        assert error_of(tmp_path / "a", gzip.compress(IMAGES[:length])) == (
            f": truncated file; got {length} bytes; expected 28 bytes (hint: fetch the file again)"
        )


def test_cut_gzip_says_how_far_it_could_be_read(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 4000).tolist()
    packed = gzip.compress(idx((4000,), noise))
    text = error_of(tmp_path / "a", packed[:2000])
    assert text.startswith(": the compressed file ends early; got 1,9")
    assert text.endswith(" bytes once unpacked; expected 4,008 bytes (hint: fetch the file again)")


def test_damaged_gzip(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(IMAGES))
    packed[-6] ^= 1  # its checksum
    assert error_of(tmp_path / "a", bytes(packed)).startswith(": damaged gzip data; got CRC check failed")


@pytest.mark.parametrize("zipped", [False, True])
def test_trailing_bytes(tmp_path: Path, zipped: bool) -> None:
    pack = gzip.compress if zipped else bytes
    assert error_of(tmp_path / "a", pack(IMAGES + b"abc")) == (
        ": bytes after the end of the data; got 31 bytes; expected 28 bytes "
        "(hint: the sizes in the header may be wrong, or two files were joined)"
    )


@pytest.mark.parametrize("head", [b"\x89PNG", b"\0\0\x0a\1", b"\0\0\x08\0", b"\0\0\x08\5", b"\0\1\x08\1"])
def test_wrong_magic(tmp_path: Path, head: bytes) -> None:
    assert error_of(tmp_path / "a", head + bytes(40)) == (
        f": wrong magic number; got {head.hex(' ')}; expected an IDX file: two zero bytes, a dtype code "
        "(08, 09, 0B to 0E), the rank (1 to 4), the sizes, the values"
    )


def test_empty_and_missing_files(tmp_path: Path) -> None:
    assert error_of(tmp_path / "a", b"").startswith(": wrong magic number; got an empty file")
    assert error_of(tmp_path / "none") == ": no such file"
    assert error_of(tmp_path).startswith(": cannot open this file; got ")


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("shape", [(2**32 - 1,) * 4, (2**31 + 1, 1, 1), (60000, 28, 28)])
def test_absurd_sizes_are_refused_before_allocation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], zipped: bool
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("allocated")

    monkeypatch.setattr(np, "empty", never)
    raw = idx(shape, [])
    text = error_of(tmp_path / "a", gzip.compress(raw) if zipped else raw)
    if math.prod(shape) > 2**31:
        assert text.startswith(f": the header declares more data than tatami reads; got {math.prod(shape):,} values")
        assert "expected at most 2,147,483,648 values" in text
    elif zipped:
        assert text.startswith(": the compressed file ends early; got ")
        assert text.endswith(
            " bytes, too few to unpack to all that the header declares; expected 47,040,016 bytes once unpacked "
            "(hint: fetch the file again)"
        )
    else:
        assert text.startswith(": the file is too short for what its header declares; got at most ")


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    original = gzip.GzipFile.read1

    def counted(self: gzip.GzipFile, size: int = -1) -> bytes:
        nonlocal read
        data = original(self, size)
        read += len(data)
        return data

    monkeypatch.setattr(gzip.GzipFile, "read1", counted)
    text = error_of(tmp_path / "a", gzip.compress(IMAGES + bytes(30_000_000)))
    assert text.startswith(": bytes after the end of the data; got at least 1,048,604 bytes; expected 28 bytes")
    assert read < 2_000_000


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 60), value=st.integers(0, 255), zipped=st.booleans())
def test_damage_never_ends_in_another_exception(tmp_path: Path, at: int, value: int, zipped: bool) -> None:
    raw = bytearray(gzip.compress(IMAGES, mtime=0) if zipped else IMAGES)
    raw[at % len(raw)] = value
    (tmp_path / "a").write_bytes(raw)
    with suppress(DataError):
        read_idx(tmp_path / "a")


@pytest.mark.parametrize("dot", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("test", ["t10k", "test", None])
def test_folder_in_every_spelling(tmp_path: Path, dot: bool, zipped: bool, test: str | None) -> None:
    write_mnist(tmp_path, dot=dot, zipped=zipped, test=test)
    first = next(p for p in tmp_path.iterdir() if p.name.startswith("train-images"))
    for path in (tmp_path, first):
        data = load_idx_dataset(path)
        assert data.kind == "image"
        assert data.name == tmp_path.name
        assert data.classes == ("0", "1", "2")
        assert data.train.x.shape == (3, 2, 2, 1)
        assert data.train.x.dtype == np.uint8
        assert data.train.x.ravel().tolist() == list(range(12))
        assert data.train.y is not None
        assert data.train.y.tolist() == [1, 0, 2]
        assert (data.test is None) == (test is None)


def test_spellings_may_be_mixed(tmp_path: Path) -> None:
    (tmp_path / "train-images.idx3-ubyte").write_bytes(IMAGES)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(LABELS))
    assert len(load_idx_dataset(tmp_path).train.x) == 3


def test_a_prefix_is_kept(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(tmp_path / f"emnist-{path.name}")
    data = load_idx_dataset(tmp_path / "emnist-train-images-idx3-ubyte")
    assert data.test is not None
    alone = load_idx_dataset(tmp_path / "emnist-t10k-images-idx3-ubyte")
    assert alone.test is None


@pytest.mark.parametrize("split", ["train", "t10k"])
def test_a_missing_partner_names_the_file_looked_for(tmp_path: Path, split: str) -> None:
    write_mnist(tmp_path)
    (tmp_path / f"{split}-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError) as caught:
        load_idx_dataset(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / f'{split}-images-idx3-ubyte'}: the labels of these images are missing; expected "
        f"{tmp_path / f'{split}-labels-idx1-ubyte'} (or {split}-labels-idx1-ubyte.gz, {split}-labels.idx1-ubyte, "
        f"{split}-labels.idx1-ubyte.gz)"
    )


def test_test_labels_without_images(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(DataError) as caught:
        load_idx_dataset(tmp_path)
    assert str(caught.value).startswith(
        f"{tmp_path / 't10k-labels-idx1-ubyte'}: the images of these labels are missing; expected "
        f"{tmp_path / 't10k-images-idx3-ubyte'} (or t10k-images-idx3-ubyte.gz, "
    )


def test_what_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_idx_dataset(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: no IDX training images in this folder; got no train-images-idx3-ubyte; expected "
        "train-images-idx3-ubyte and train-labels-idx1-ubyte, each perhaps with .gz "
        "(hint: for other names, give the images file itself)"
    )
    (tmp_path / "pixels").write_bytes(IMAGES)
    with pytest.raises(DataError, match="cannot tell which labels belong to this file; got 'pixels'"):
        load_idx_dataset(tmp_path / "pixels")


def test_only_what_makes_sense_is_accepted(tmp_path: Path) -> None:
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    images.write_bytes(idx((2, 1, 1), [0.0, 1.0], "d"))
    labels.write_bytes(idx((2,), [0, 1], "i"))
    data = load_idx_dataset(tmp_path)
    assert data.train.x.dtype == np.float32

    images.write_bytes(idx((2, 1, 1), [0, 1], "h"))
    with pytest.raises(DataError, match="pixels of this dtype are not read; got int16; expected ubyte or float"):
        load_idx_dataset(tmp_path)
    images.write_bytes(idx((2,), [0, 1]))
    with pytest.raises(DataError, match="these are not images; got IDX of rank 1; expected rank 3 or 4"):
        load_idx_dataset(tmp_path)
    images.write_bytes(idx((2, 1, 1), [0, 1]))
    labels.write_bytes(idx((2,), [0, 1], "f"))
    with pytest.raises(DataError, match="these are not labels; got IDX of rank 1, float32; expected rank 1, whole"):
        load_idx_dataset(tmp_path)
    labels.write_bytes(idx((2,), [0, -1], "b"))
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte, row 1: label out of range; got -1"):
        load_idx_dataset(tmp_path)
    labels.write_bytes(idx((3,), [0, 1, 1]))
    with pytest.raises(DataError) as caught:
        load_idx_dataset(tmp_path)
    assert str(caught.value).startswith(
        f"{tmp_path}, train-labels-idx1-ubyte: train-images-idx3-ubyte and train-labels-idx1-ubyte do not pair up; "
        "got 2 samples and labels of shape (3,)"
    )


def test_the_test_files_are_named_too(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx((3, 2, 1), list(range(6))))
    with pytest.raises(DataError, match=r", t10k-images-idx3-ubyte: test samples of another shape .*got \(2, 1, 1\)"):
        load_idx_dataset(tmp_path)


def test_mnist(shared_data: Path) -> None:
    """The published figures: counts a class, and the mean and std that every tutorial normalises MNIST by."""
    data = load_idx_dataset(shared_data / "mnist")
    assert data.test is not None
    assert data.train.y is not None
    assert data.train.x.shape == (60000, 28, 28, 1)
    assert data.test.x.shape == (10000, 28, 28, 1)
    assert np.bincount(data.train.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.train.x.mean() / 255 == pytest.approx(0.1307, abs=5e-5)


def test_mnist_without_its_test_labels_and_cut(shared_data: Path, tmp_path: Path) -> None:
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        shutil.copyfile(shared_data / "mnist" / name, tmp_path / name)
    inputs = read_inputs(tmp_path / "t10k-images-idx3-ubyte.gz")
    assert inputs.x.shape == (10000, 28, 28, 1)
    assert inputs.names[9999] == f"{tmp_path / 't10k-images-idx3-ubyte.gz'}[9999]"
    whole = (tmp_path / "t10k-images-idx3-ubyte.gz").read_bytes()
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        DataError, match=r"the compressed file ends early; got .* bytes once unpacked; expected 7,840,016"
    ):
        load_idx_dataset(tmp_path / "t10k-images-idx3-ubyte.gz")
