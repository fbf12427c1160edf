"""NPZ files by NumPy's own writer, and by hand where NumPy would not write them."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tatami.data import DataOptions, load_npz, read_inputs
from tatami.errors import DataError

Y = np.array([0, 1, 0, 1])
GREY = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "toy.npz", **arrays)
    return folder / "toy.npz"


def error_of(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        load_npz(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))
    return str(caught.value).removeprefix(str(path))


def npy(shape: str, descr: str = "'|u1'", data: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def zipped(folder: Path, compression: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Path:
    with zipfile.ZipFile(folder / "toy.npz", "w", compression) as archive:
        for name, raw in members.items():
            archive.writestr(f"{name}.npy", raw)
    return folder / "toy.npz"


def test_keras_names(tmp_path: Path) -> None:
    data = load_npz(saved(tmp_path, x_train=GREY, y_train=Y, x_test=GREY[:1], y_test=Y[:1], classes=["cat", "dog"]))
    assert (data.name, data.kind, data.classes) == ("toy", "image", ("cat", "dog"))
    np.testing.assert_array_equal(data.train.x, GREY[..., None], strict=True)
    assert data.train.y is not None
    assert data.train.y.dtype == np.int64
    assert data.test is not None
    assert data.test.x.shape == (1, 2, 3, 1)
    assert load_npz(saved(tmp_path, x_train=GREY, y_train=Y)).test is None


@pytest.mark.parametrize("key", ["x", "X"])
def test_short_names(tmp_path: Path, key: str) -> None:
    data = load_npz(saved(tmp_path, **{key: GREY, "y": Y, "extra": np.zeros(3)}))
    assert data.classes == ("0", "1")
    assert data.test is None


@pytest.mark.parametrize(
    ("shape", "dtype", "kind", "expected"),
    [
        ((4, 2, 3), "uint8", "image", (4, 2, 3, 1)),
        ((4, 2, 3, 3), "uint8", "image", (4, 2, 3, 3)),
        ((4, 9), "float32", "signal", (4, 9, 1)),
        ((4, 9, 2), "float64", "signal", (4, 9, 2)),
        ((4, 9, 2), ">f8", "signal", (4, 9, 2)),
        ((4, 9, 2), "float16", "signal", (4, 9, 2)),
        ((4, 5, 6, 1), "float64", "image", (4, 5, 6, 1)),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_rank_and_dtype_decide_the_kind(
    tmp_path: Path, shape: tuple[int, ...], dtype: str, kind: str, expected: tuple[int, ...], order: Any
) -> None:
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype, order=order)
    np.savez_compressed(tmp_path / "toy.npz", x=x, y=Y)
    data = load_npz(tmp_path / "toy.npz")
    assert data.kind == kind
    assert data.train.x.dtype == ("uint8" if dtype == "uint8" else "float32")
    np.testing.assert_array_equal(data.train.x, x.reshape(expected))


@pytest.mark.parametrize("y", [["b", "a", "b", "c"], np.array([b"b", b"a", b"b", b"c"])])
def test_names_as_labels_are_sorted(tmp_path: Path, y: Any) -> None:
    data = load_npz(saved(tmp_path, x=GREY, y=y))
    assert data.classes == ("a", "b", "c")
    assert data.train.y is not None
    assert data.train.y.tolist() == [1, 0, 1, 2]


def test_names_as_labels_follow_the_order_of_classes(tmp_path: Path) -> None:
    y = ["no", "yes", "no", "yes"]
    data = load_npz(saved(tmp_path, x=GREY, y=y, classes=["yes", "no"]))
    assert data.train.y is not None
    assert data.train.y.tolist() == [1, 0, 1, 0]
    assert error_of(saved(tmp_path, x=GREY, y=["no", "yes", "Yess", "no"], classes=["yes", "no"])) == (
        ", y, row 2: a label that is no class; got 'Yess'; expected one of yes, no (hint: did you mean yes?)"
    )


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool", ">i8", "uint64"])
def test_integers_as_labels(tmp_path: Path, dtype: str) -> None:
    for y in (Y.astype(dtype), Y.astype(dtype)[:, None]):  # Keras keeps CIFAR's labels as (N, 1)
        data = load_npz(saved(tmp_path, x=GREY, y=y))
        assert data.train.y is not None
        assert data.train.y.tolist() == [0, 1, 0, 1]


def test_labels_that_are_refused(tmp_path: Path) -> None:
    assert error_of(saved(tmp_path, x=GREY, y=np.eye(4))) == (
        ", y: labels of rank 2, perhaps one-hot; got (4, 4); expected one label a sample, (N,) (hint: y.argmax(axis=1))"
    )
    assert error_of(saved(tmp_path, x=GREY, y=Y.astype(float))) == (
        ", y: labels of this dtype are not read; got float64; expected whole numbers from 0, or names "
        "(hint: y.astype('int64'))"
    )
    assert ", y: labels of a wrong rank; got ()" in error_of(saved(tmp_path, x=GREY, y=np.int64(3)))
    assert ", y, row 2: label out of range; got 1000000000; expected 0 to 65535" in error_of(
        saved(tmp_path, x=GREY, y=[0, 1, 10**9, 1])
    )
    assert ", y, row 1: label out of range; got -1" in error_of(saved(tmp_path, x=GREY, y=[0, -1, 0, 1]))
    assert ", y, row 3: label out of range; got 18446744073709551615" in error_of(
        saved(tmp_path, x=GREY, y=np.array([0, 1, 0, 2**64 - 1], np.uint64))
    )
    assert ", y_test: labels of two kinds; got <U1; expected int64, as before" in error_of(
        saved(tmp_path, x_train=GREY, y_train=Y, x_test=GREY[:1], y_test=["a"])
    )
    assert ", classes: these are not names of classes; got float64 of shape (2,)" in error_of(
        saved(tmp_path, x=GREY, y=Y, classes=[0.5, 1.5])
    )
    assert ", y: labels that are not UTF-8" in error_of(
        saved(tmp_path, x=GREY, y=np.array([b"\xff", b"a", b"a", b"a"]))
    )


def test_a_gap_in_the_labels_is_an_empty_class(tmp_path: Path) -> None:
    assert error_of(saved(tmp_path, x=GREY, y=[0, 2, 0, 2])).startswith(
        ", y: empty class '1': no training sample has label 1; got labels from 0 to 2"
    )
    assert "empty class '0': no training sample has label 0" in error_of(saved(tmp_path, x=GREY, y=[1, 2, 1, 2]))


@pytest.mark.parametrize(
    ("y", "y_test", "got", "known"),
    [
        (["a", "c", "a", "c"], ["a", "b"], "'b'", "a, c"),
        ([0, 1, 0, 1], [0, 5], "'5'", "0, 1"),
        ([0, 2, 0, 2], [2, 1], "'1'", "0, 2"),
    ],
)
def test_a_label_of_y_test_alone_blames_y_test(tmp_path: Path, y: Any, y_test: Any, got: str, known: str) -> None:
    assert error_of(saved(tmp_path, x_train=GREY, y_train=y, x_test=GREY[:2], y_test=y_test)) == (
        f", y_test, row 1: a label that no training sample has; got {got}; expected one of {known}, as in y_train"
    )


def test_a_misspelt_label_of_y_test(tmp_path: Path) -> None:
    y = ["cat", "dog", "cat", "dog"]
    assert error_of(saved(tmp_path, x_train=GREY, y_train=y, x_test=GREY[:1], y_test=["Cat"])).endswith(
        "; got 'Cat'; expected one of cat, dog, as in y_train (hint: did you mean cat?)"
    )


@pytest.mark.parametrize("y", [np.zeros(0), np.zeros(0, int), np.zeros(0, "U1")])
def test_no_rows_are_no_samples(tmp_path: Path, y: Any) -> None:
    for x in (GREY[:0], np.zeros(0), np.zeros((0, 9))):
        text = error_of(saved(tmp_path, x_train=x, y_train=y))
        assert text == f", x_train: no samples at all; got {x.shape}; expected at least one sample"


@pytest.mark.parametrize("size", [8, 28])
def test_square_floats_are_no_signals_unless_told(tmp_path: Path, size: int) -> None:
    x = np.zeros((4, size, size), np.float32)
    assert error_of(saved(tmp_path, x=x, y=Y)) == (
        f", x: grey images or signals? Floats of rank 3 are read as signals, but these are square; "
        f"got (4, {size}, {size}); expected images (N, H, W, C), or signals (N, L, C) "
        "(hint: x[..., None] for images; for signals save kind='signal' beside them)"
    )
    for kind, shape in (("image", (4, size, size, 1)), ("signal", (4, size, size))):
        data = load_npz(saved(tmp_path, x=x, y=Y, kind=kind))
        assert (data.kind, data.train.x.shape) == (kind, shape)
        assert read_inputs(saved(tmp_path, x=x, kind=[kind])).x.shape == shape
        assert read_inputs(saved(tmp_path, x=x), kind).x.shape == shape  # as a run knows it
    assert load_npz(saved(tmp_path, x=x[..., None], y=Y)).kind == "image"
    assert load_npz(saved(tmp_path, x=x[:, :7, :7], y=Y)).kind == "signal"


def test_signals_deeper_than_long_are_refused_unless_told(tmp_path: Path) -> None:
    x = np.zeros((4, 6, 80))
    assert error_of(saved(tmp_path, x=x, y=Y)) == (
        ", x: signals deeper than they are long, perhaps channels-first; got (4, 6, 80): length 6, depth 80; "
        "expected (N, L, C) with C at most L (hint: np.moveaxis(x, 1, -1) if the channels come first; "
        "x[..., None] for grey images; save kind='signal' beside them if it is meant so)"
    )
    assert load_npz(saved(tmp_path, x=x, y=Y, kind="signal")).sample_shape == (6, 80)
    assert load_npz(saved(tmp_path, x=np.moveaxis(x, 1, -1), y=Y)).sample_shape == (80, 6)
    assert load_npz(saved(tmp_path, x=x, y=Y, kind=b"image")).sample_shape == (6, 80, 1)


def test_a_kind_that_the_samples_are_not(tmp_path: Path) -> None:
    assert error_of(saved(tmp_path, x=GREY, y=Y, kind="sound")) == (
        ", kind: an unknown kind of samples; got 'sound'; expected image or signal"
    )
    assert ", kind: an unknown kind of samples; got int64 (2,)" in error_of(saved(tmp_path, x=GREY, y=Y, kind=[1, 2]))
    assert error_of(saved(tmp_path, x=GREY, y=Y, kind="signal")) == (
        ", x: signals of uint8; got uint8 (4, 2, 3); expected float signals (N, L) or (N, L, C) "
        "(hint: x.astype('float32'))"
    )
    assert error_of(saved(tmp_path, x=np.zeros((4, 9)), y=Y, kind="image")) == (
        ", x: an array of rank 2 that should hold images; got (4, 9); expected (N, H, W) or (N, H, W, C)"
    )
    assert error_of(saved(tmp_path, x=np.zeros((4, 9, 9, 1)), y=Y, kind="signal")) == (
        ", x: an array of rank 4 that should hold signals; got (4, 9, 9, 1); expected (N, L) or (N, L, C)"
    )


def test_float_labels_are_told_apart(tmp_path: Path) -> None:
    expected = "expected whole numbers from 0, or names"
    assert error_of(saved(tmp_path, x=GREY, y=[0.0, 1.0, 2.0, 0.0])) == (
        f", y: labels of this dtype are not read; got float64; {expected} (hint: y.astype('int64'))"
    )
    measured = saved(tmp_path, x=GREY, y=[0.0, 1.0, 2.5, 0.5])
    with pytest.raises(DataError) as caught:
        load_npz(measured, DataOptions(task="classification"))
    assert str(caught.value) == (
        f"{measured}, y: labels that look like the targets of a regression; got float64, 2.5 in row 2; {expected} "
        "(hint: --task regression for targets)"
    )
    x = np.zeros((40, 2, 2), np.uint8)
    assert error_of(saved(tmp_path, x=x, y=np.arange(40.0) // 1.5)) == (
        f", y: labels that look like the targets of a regression; got float64, 27 values among 40 labels; {expected} "
        "(hint: --task regression for targets)"
    )
    assert "hint: y.astype('int64')" in error_of(saved(tmp_path, x=x, y=np.arange(40.0) // 2))
    assert error_of(saved(tmp_path, x=GREY, y=[0.0, np.nan, 1.0, np.nan])) == (
        f", y, row 1: a label that is NaN or infinite; got nan (the first of 2); {expected} "
        "(hint: drop the samples without a label)"
    )
    assert ", y: labels of this dtype are not read; got complex128" in error_of(saved(tmp_path, x=GREY, y=Y + 0j))


def test_the_name_is_short_and_the_source_is_as_written(tmp_path: Path) -> None:
    data = load_npz(saved(tmp_path, x=GREY, y=Y))
    assert (data.name, data.source) == ("toy", str(tmp_path / "toy.npz"))


def test_not_finite(tmp_path: Path) -> None:
    x = np.zeros((4, 9))
    x[2, 3] = np.nan
    assert ", x, row 2: a value that is NaN or infinite in float32; got nan" in error_of(saved(tmp_path, x=x, y=Y))
    x[2, 3], x[1, 1] = 0, 1e300
    assert ", x, row 1: a value that is NaN or infinite in float32; got inf" in error_of(saved(tmp_path, x=x, y=Y))


def test_samples_that_are_refused(tmp_path: Path) -> None:
    assert error_of(saved(tmp_path, x=GREY.astype(int), y=Y)) == (
        ", x: samples of this dtype are not read; got int64; expected uint8 images or float signals "
        "(hint: x.astype('uint8') for images of 0 to 255, x.astype('float32') for signals)"
    )
    assert ", x: uint8 samples are images; got (4, 6)" in error_of(saved(tmp_path, x=GREY.reshape(4, 6), y=Y))
    assert ", x: samples with a wrong number of dimensions; got (4,)" in error_of(saved(tmp_path, x=np.zeros(4), y=Y))
    assert error_of(saved(tmp_path, x=np.zeros((4, 3, 8, 8), np.uint8), y=Y)) == (
        ", x: these images look channels-first; got (4, 3, 8, 8); expected (N, H, W, C) (hint: x.transpose(0, 2, 3, 1))"
    )
    assert ", x_test: x_test holds signals, but x_train holds images; got float64 (4, 3, 2)" in error_of(
        saved(tmp_path, x_train=GREY, y_train=Y, x_test=np.zeros((4, 3, 2)), y_test=Y)
    )
    assert ", x: no samples at all" in error_of(saved(tmp_path, x=GREY[:0], y=Y[:0], classes=["a", "b"]))


def test_missing_arrays(tmp_path: Path) -> None:
    expected = (
        "; expected x_train and y_train (perhaps x_val, y_val, x_test, y_test), or x and y (X is accepted for x); "
        "perhaps classes, targets, groups, kind"
    )
    assert error_of(saved(tmp_path, x=GREY)) == f": samples or labels are missing; got arrays x{expected}"
    assert error_of(saved(tmp_path)) == f": samples or labels are missing; got no arrays{expected}"
    assert error_of(saved(tmp_path, x_train=GREY, y_train=Y, y_test=Y)) == (
        f": y_test without x_test; got arrays x_train, y_test, y_train{expected}"
    )
    assert ": x_test without y_test" in error_of(saved(tmp_path, x_train=GREY, y_train=Y, x_test=GREY))
    assert ": more than one array of training samples; got arrays x, x_train, y, y_train" in error_of(
        saved(tmp_path, x=GREY, y=Y, x_train=GREY, y_train=Y)
    )


def test_pickles_are_refused_unread(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return pytest.fail, ("a pickle was loaded",)

    y = np.array([Trap()] * 4, dtype=object)
    np.savez(tmp_path / "toy.npz", allow_pickle=True, x=GREY, y=y)
    assert error_of(tmp_path / "toy.npz") == (
        ", y: this array holds Python objects, which only pickle could read; got dtype object; "
        "expected numbers or text (hint: y.astype(str) for names, y.astype('int64') for numbers, before saving)"
    )
    np.savez(tmp_path / "toy.npz", allow_pickle=True, x=y, y=Y)
    assert error_of(tmp_path / "toy.npz").endswith(
        "(hint: rows of unequal length make such arrays: pad or resize them first, then save with allow_pickle=False)"
    )


@pytest.mark.parametrize("compressed", [False, True])
def test_every_truncation_and_every_flipped_byte(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "toy.npz"
    (np.savez_compressed if compressed else np.savez)(path, x=GREY, y=Y.astype(np.uint8))
    raw = path.read_bytes()
    for length in range(0, len(raw), 3):
        path.write_bytes(raw[:length])
        assert ": not a readable NPZ file; got " in error_of(path)
    for at in range(0, len(raw), 3):
        damaged = bytearray(raw)
        damaged[at] ^= 0x55
        path.write_bytes(damaged)
        with suppress(DataError):  # some bytes of a zip do not matter
            data = load_npz(path)
            np.testing.assert_array_equal(data.train.x[..., 0], GREY)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.binary(max_size=80),
    start=st.sampled_from([b"", b"\x93NUMPY\x01\0", b"\x93NUMPY\x02\0", b"\x93NUMPY\x09\0"]),
)
def test_foreign_members(tmp_path: Path, header: bytes, start: bytes) -> None:
    path = zipped(tmp_path, x=start + struct.pack("<H", len(header)) + header, y=npy("(4,)", data=bytes(4)))
    error_of(path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("(4294967296, 4294967296, 2)", ", x: the header declares more data than tatami reads; got 36,893,488,147,419"),
        ("(60000, 28, 28)", ", x: the file is too short for what its header declares; got at most "),
        ("(-1, 28, 28)", ", x: negative sizes; got (-1, 28, 28)"),
        ("(1, 2, 2)", ", x: bytes after the end of the data; got 136 bytes; expected 132 bytes"),
        ("'many'", ", x: not a readable NPZ file; got shape is not valid"),
    ],
)
def test_sizes_are_checked_before_allocation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str, message: str
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("allocated")

    path = zipped(tmp_path, x=npy(shape, data=bytes(8)), y=npy("(4,)", data=bytes(4)))
    monkeypatch.setattr(np.lib.format, "read_array", never)
    assert error_of(path).startswith(message)


def test_a_lying_zip_directory_is_no_reason_to_allocate(tmp_path: Path) -> None:
    """The directory declares a gigabyte for a member of a few bytes."""
    path = zipped(tmp_path, x=npy("(1073741824, 1, 1)"), y=npy("(4,)", data=bytes(4)))
    raw = path.read_bytes()
    at = raw.index(b"PK\x01\x02")
    path.write_bytes(raw[: at + 24] + struct.pack("<I", 2**30 + 128) + raw[at + 28 :])
    assert ", x: the file is too short for what its header declares" in error_of(path)


def test_wide_text_is_limited_by_bytes(tmp_path: Path) -> None:
    path = zipped(tmp_path, x=npy("(4, 2, 2)", data=bytes(16)), y=npy("(2000000000,)", "'<U100'"))
    assert (
        ", y: the header declares more data than tatami reads; got 2,000,000,000 values, 800,000,000,000"
        in error_of(path)
    )


def test_compression_that_numpy_does_not_write(tmp_path: Path) -> None:
    path = zipped(tmp_path, zipfile.ZIP_BZIP2, x=npy("(4, 2, 2)", data=bytes(16)), y=npy("(4,)", data=bytes(4)))
    assert error_of(path) == ", x: unknown compression; got 12; expected stored or deflated"


def test_files_that_are_no_zip(tmp_path: Path) -> None:
    path = tmp_path / "toy.npz"
    buffer = io.BytesIO()
    np.save(buffer, GREY)
    for raw in (b"", b"hello", buffer.getvalue()):
        path.write_bytes(raw)
        assert error_of(path) == (
            ": not a readable NPZ file; got File is not a zip file; expected a whole file from numpy.savez "
            "(hint: it may be truncated or another kind of file)"
        )
    assert error_of(tmp_path / "none.npz") == ": no such file"


def test_unlabelled_samples(tmp_path: Path) -> None:
    path = saved(tmp_path, x=GREY)
    inputs = read_inputs(path)
    np.testing.assert_array_equal(inputs.x, GREY[..., None], strict=True)
    assert inputs.names == tuple(f"{path}[{row}]" for row in range(4))
    assert read_inputs(saved(tmp_path, X=np.zeros((2, 9)), y="ignored")).x.shape == (2, 9, 1)
    assert read_inputs(saved(tmp_path, x_train=GREY, x_test=GREY[:2])).x.shape == (2, 2, 3, 1)
    assert read_inputs(saved(tmp_path, x=GREY[:3], x_test=GREY[:2])).x.shape == (3, 2, 3, 1)
    with pytest.raises(DataError) as caught:
        read_inputs(saved(tmp_path, x_train=GREY, y_train=Y))
    assert str(caught.value) == (
        f"{path}: no samples in this file; got arrays x_train, y_train; expected an array x, or else x_test"
    )
    with pytest.raises(DataError, match=r"toy\.npz, x, row 1: a value that is NaN or infinite"):
        read_inputs(saved(tmp_path, x=np.array([[0.0], [np.nan]])))


@pytest.mark.parametrize("word", ["val", "valid", "validation"])
def test_a_validation_split_and_groups(tmp_path: Path, word: str) -> None:
    arrays = {f"x_{word}": GREY[:2], f"y_{word}": Y[:2], f"groups_{word}": ["b", "c"], "groups_train": list("abab")}
    data = load_npz(saved(tmp_path, x_train=GREY, y_train=Y, **arrays))
    assert data.validation is not None
    np.testing.assert_array_equal(data.validation.x[..., 0], GREY[:2])
    assert data.train.groups is not None
    assert data.validation.groups is not None
    assert (data.train.groups.tolist(), data.validation.groups.tolist()) == ([0, 1, 0, 1], [1, 2])
    assert f": y_{word} without x_{word}" in error_of(saved(tmp_path, x_train=GREY, y_train=Y, **{f"y_{word}": Y}))
    assert ", groups_train: groups that do not pair up with the samples; got int64 (1,)" in error_of(
        saved(tmp_path, x_train=GREY, y_train=Y, groups_train=[1])
    )


def test_two_spellings_of_one_split_are_refused(tmp_path: Path) -> None:
    assert ": more than one validation split; got x_val and x_valid" in error_of(
        saved(tmp_path, x_train=GREY, y_train=Y, x_val=GREY, y_val=Y, x_valid=GREY, y_valid=Y)
    )


def test_targets_of_a_regression(tmp_path: Path) -> None:
    y = np.array([0.5, 1.25, -2, 8])
    data = load_npz(saved(tmp_path, x=GREY, y=y))
    assert (data.is_regression, data.targets, data.classes) == (True, ("y",), ())
    assert data.train.y is not None
    assert data.train.y.dtype == np.float32
    assert data.train.y.tolist() == y[:, None].tolist()
    two = load_npz(saved(tmp_path, x=GREY, y=np.stack([y, Y], axis=1), targets=["weight", "height"]))
    assert two.targets == ("weight", "height")
    whole = load_npz(saved(tmp_path, x=GREY, y=np.array([3, 2, 1, 0])), DataOptions(task="regression"))
    assert whole.train.y is not None
    assert whole.train.y.tolist() == [[3], [2], [1], [0]]
    assert ", y, row 1: a target that is not a finite number" in error_of(
        saved(tmp_path, x=GREY, y=[0.5, np.nan, 1, 2])
    )


def test_groups_and_a_test_split_beside_short_names(tmp_path: Path) -> None:
    data = load_npz(saved(tmp_path, x=GREY, y=Y, groups=list("abab"), x_test=GREY[:1], y_test=Y[:1]))
    assert data.train.groups is not None
    assert data.train.groups.tolist() == [0, 1, 0, 1]
    assert data.test is not None
    assert len(data.test) == 1
    data = load_npz(saved(tmp_path, x_train=GREY, y_train=Y, groups=[7, 7, 8, 8]))
    assert data.train.groups is not None
    assert data.train.groups.tolist() == [0, 0, 1, 1]


def test_classes_are_no_targets(tmp_path: Path) -> None:
    path = saved(tmp_path, x=GREY, y=Y, classes=["cat", "dog"])
    with pytest.raises(DataError, match="these data have classes, which are no targets of a regression"):
        load_npz(path, DataOptions(task="regression"))
