"""The UCR/UEA archive's files, written by hand as the archive writes them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tatami.data.dataset import Dataset
from tatami.data.options import DataOptions
from tatami.data.ucr import load_ucr, read_ucr_inputs, recognises
from tatami.errors import DataError

ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / "ucr"

HEAD = "#  A toy: two shapes.\n%and another comment\n\n@problemName Toy\n@timeStamps false\n@univariate true\n"
TOY = f"{HEAD}@equalLength true\n@seriesLength 3\n@classLabel true up down\n@data\n1,2,3:up\n3,2,1e0:down\n-1,0,1:up\n"
MULTI = "@univariate false\n@dimensions 2\n@classLabel true a b\n@data\n1,2,3:10,20,30:b\n4,5,6:40,50,60:a\n"


def written(folder: Path, text: str, name: str = "Toy_TRAIN.ts") -> Path:
    (folder / name).write_bytes(text.encode())
    return folder / name


def error_of(path: Path, options: DataOptions = DataOptions()) -> str:  # noqa: B008
    with pytest.raises(DataError) as caught:
        load_ucr(path, options, str(path))
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text.removeprefix(str(path))


def of(text: str, folder: Path, name: str = "Toy_TRAIN.ts") -> str:
    return error_of(written(folder, text, name))


def loaded(path: Path, options: DataOptions = DataOptions()) -> Dataset:  # noqa: B008
    return load_ucr(path, options, str(path))


def test_univariate(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, TOY))
    assert (data.name, data.kind, data.classes, data.test) == ("Toy", "signal", ("up", "down"), None)
    np.testing.assert_array_equal(
        data.train.x, np.array([[1, 2, 3], [3, 2, 1], [-1, 0, 1]], np.float32)[..., None], strict=True
    )
    assert data.train.y.tolist() == [0, 1, 0]  # in the order of @classLabel, not of the alphabet
    assert data.train.name_of(1) == "Toy_TRAIN.ts line 12"


def test_multivariate(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, MULTI))
    assert data.train.x.shape == (2, 3, 2)
    np.testing.assert_array_equal(data.train.x[0], [[1, 10], [2, 20], [3, 30]])
    assert data.train.y.tolist() == [1, 0]


def test_spelling_is_forgiving(tmp_path: Path) -> None:
    text = TOY.replace("@classLabel true", "  @CLASSLABEL\tTrue ").replace("@data", "@Data ").replace(":up", " : UP ")
    plain = loaded(written(tmp_path, TOY))
    for variant in (text, text.replace("\n", "\r\n"), "\ufeff" + text, text.rstrip("\n"), text + "\n\n# end\n"):
        data = loaded(written(tmp_path, variant))
        np.testing.assert_array_equal(data.train.x, plain.train.x)
        assert data.train.y.tolist() == plain.train.y.tolist()
        assert data.classes == plain.classes


def test_latin_1_in_a_comment(tmp_path: Path) -> None:
    (tmp_path / "Toy.ts").write_bytes(b"# caf\xe9\n" + TOY.encode())
    assert len(loaded(tmp_path / "Toy.ts").train) == 3


def test_unicode_labels(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, "@classLabel true 畳 çay\n@data\n1,2:çay\n2,3:畳\n"))
    assert data.classes == ("畳", "çay")
    assert data.train.y.tolist() == [1, 0]


def test_pairs(tmp_path: Path) -> None:
    train = written(tmp_path, TOY)
    test = written(tmp_path, TOY.replace("3,2,1e0:down\n", ""), "toy_test.TS")
    for path in (train, test, tmp_path, tmp_path / "Toy"):
        assert recognises(path)
        data = loaded(path)
        assert (data.name, len(data.train), len(data.test)) == ("Toy", 3, 2)
        assert data.source == str(path)
    assert loaded(written(tmp_path, TOY, "Alone.ts")).test is None
    assert not recognises(tmp_path / "Toys")
    assert not recognises(tmp_path / "none" / "Toy")


def test_folders(tmp_path: Path) -> None:
    assert not recognises(tmp_path)
    written(tmp_path, TOY)
    written(tmp_path, "up\t1\t2\ndown\t3\t4\n", "Toy_TRAIN.tsv")
    written(tmp_path, "binary", "._Toy_TRAIN.ts")
    assert loaded(tmp_path).train.x.shape == (3, 3, 1)  # of .ts and .tsv the former, which says more
    written(tmp_path, TOY, "Other_TRAIN.ts")
    assert error_of(tmp_path) == (
        f": several data sets in this folder; got Other, Toy; expected one (hint: name it: {tmp_path / 'Other'})"
    )
    assert len(loaded(tmp_path / "Toy").train) == 3


def test_a_test_file_needs_its_training_file(tmp_path: Path) -> None:
    expected = ": a test file without its training file; expected Toy_TRAIN.ts beside it"
    assert of(TOY, tmp_path, "Toy_TEST.ts") == expected
    assert [each.shape for each in read_ucr_inputs(tmp_path / "Toy_TEST.ts")[0]] == [(3, 1)] * 3


def test_a_label_that_only_the_test_has(tmp_path: Path) -> None:
    path = written(tmp_path, "@classLabel true a b c\n@data\n1,2:a\n1,2:b\n")
    assert loaded(path).classes == ("a", "b")  # c is declared and nowhere to be seen
    written(tmp_path, "@classLabel true a b c\n@data\n1,2:a\n1,2:c\n", "Toy_TEST.ts")
    assert error_of(path).startswith(", labels of Toy_TEST.ts, row 1: a label that no training sample has; got 'c'")


def test_unequal_lengths(tmp_path: Path) -> None:
    text = "@equalLength false\n@seriesLength 9\n@classLabel true a b\n@data\n1,2,3,4:a\n5,6:b\n"
    path = written(tmp_path, text)
    error = error_of(path)
    assert error.startswith(", Toy_TRAIN.ts: series of unequal lengths; got 2 steps (row 1) to 4 steps (row 0); ")
    data = loaded(path, DataOptions(length="longest"))
    assert data.train.x[1, :, 0].tolist() == [5, 6, 0, 0]
    assert data.notes == ("series of 2 to 4 steps are padded with zeros to 4",)
    assert loaded(path, DataOptions(length="shortest")).train.x[..., 0].tolist() == [[1, 2], [5, 6]]


def test_tsv(tmp_path: Path) -> None:
    path = written(tmp_path, "2\t1.5\t2\n-1\t3\t4e0\r\n\n10\t5\t6\n", "Toy_TRAIN.tsv")
    data = loaded(path)
    assert data.classes == ("-1", "2", "10")  # numbers by their value
    assert data.train.y.tolist() == [1, 0, 2]
    assert data.train.x[..., 0].tolist() == [[1.5, 2], [3, 4], [5, 6]]
    assert data.train.name_of(2) == "Toy_TRAIN.tsv line 4"
    assert loaded(written(tmp_path, "b\t1\na\t2\n", "Text.tsv")).classes == ("a", "b")


def test_tsv_is_padded_with_nan(tmp_path: Path) -> None:
    path = written(tmp_path, "1\t1\t2\t3\n2\t4\tNaN\tNaN\n", "Toy.tsv")
    data = loaded(path, DataOptions(length="longest"))
    assert data.train.x[..., 0].tolist() == [[1, 2, 3], [4, 0, 0]]
    assert of("1\t1\tNaN\t3\n2\t4\t5\t6\n", tmp_path, "Toy.tsv") == (
        ", line 1, value 2: a missing value; got 'NaN'; expected a finite number "
        "(hint: fill the gaps, or drop the series, before training)"
    )


def test_regression(tmp_path: Path) -> None:
    path = written(tmp_path, "@targetlabel true\n@data\n1,2:3\n1,2:-5e1\n")
    data = loaded(path)
    assert (data.targets, data.classes) == (("y",), ())
    np.testing.assert_array_equal(data.train.y, np.array([[3], [-50]], np.float32), strict=True)
    assert loaded(written(tmp_path, "1\t1\t2\n0.5\t3\t4\n", "T.tsv")).train.y.tolist() == [[1], [0.5]]
    whole = written(tmp_path, "1\t1\t2\n5\t3\t4\n", "W.tsv")
    assert loaded(whole, DataOptions(task="regression")).train.y.tolist() == [[1], [5]]
    assert loaded(whole).classes == ("1", "5")
    assert loaded(written(tmp_path, "@classLabel true 1 5\n@data\n1,2:5\n1,2:1\n"), DataOptions(task="regression"))
    assert of("@targetlabel true\n@data\n1,2:3\n1,2:?\n", tmp_path).startswith(", line 4: a label is missing; got '?'")
    assert of("@targetlabel true\n@data\n1,2:3\n1,2:x\n", tmp_path) == (
        ", line 4: a target that is not a number; got 'x'; expected a finite number"
    )


def test_inputs_need_no_labels(tmp_path: Path) -> None:
    path = written(tmp_path, MULTI.replace(":a\n", ":?\n"))
    x, names = read_ucr_inputs(path)
    assert [each.shape for each in x] == [(3, 2)] * 2
    assert names == [f"{path}[0]", f"{path}[1]"]
    x, _ = read_ucr_inputs(written(tmp_path, "@classLabel false\n@data\n1,2\n3\n", "New.ts"))
    assert [each.tolist() for each in x] == [[[1], [2]], [[3]]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ": an empty file; got 0 bytes; expected text"),
        ("\x00\x01\x02", ", line 1: not a text file; got a zero byte; expected text in UTF-8"),
        ("hello\n", ", line 1: neither a tag nor a comment; got 'hello'; expected lines of @tags, then @data, then"),
        ("@univariate true\n", ": no @data in this file; expected lines of @tags, then @data, then one series a line"),
        ("@classLabel true a b\n@data\n", ": no series in this file; expected at least one"),
        ("@timeStamps true\n@data\n(0,1):a\n", ", line 1: series with a time stamp at each value are not read; got @"),
        (
            "@data\n1,2:a\n",
            ", line 2, dimension 2, value 1: a value that is no number in the range of float32; got 'a'",
        ),
        ("@data\n1,2\n", ": series without labels; expected @classLabel true and names"),
        ("@classLabel maybe\n@data\n1,2:a\n", ", line 1: an unreadable @classlabel; got 'maybe'; expected true or"),
        ("@dimensions x\n@data\n1,2:a\n", ", line 1: an unreadable @dimensions; got 'x'; expected a number from 1"),
        ("@seriesLength\n@data\n1,2:a\n", ", line 1: an unreadable @serieslength; got ''; expected a number from 1"),
        (
            "@classLabel true a\n@targetlabel true\n@data\n1:a",
            ": classes and targets in one file; got @classLabel true",
        ),
        (TOY.replace("3,2,1e0", "3,?,1"), ", line 12, value 2: a missing value; got '?'; expected a finite number (hi"),
        (TOY.replace("3,2,1e0", "3,,1"), ", line 12, value 2: a missing value; got ''; expected a finite number"),
        (TOY.replace("3,2,1e0", "3,1e99,1"), ", line 12, value 2: a value that is no number in the range of float32;"),
        (TOY.replace("3,2,1e0", "3,2"), ", line 12: a series of another length than the file declares; got 2 values"),
        (
            TOY.replace(":down", ":dawn"),
            ", line 12: a label that is no class; got 'dawn'; expected one of up, down, as",
        ),
        (TOY.replace(":down", ":"), ", line 12: a label is missing; got ''; expected a label behind the last colon"),
        (TOY.replace("3,2,1e0", "1,2,3:4,5,6"), ", line 12: another number of dimensions than before; got 2; expected"),
        (MULTI.replace("4,5,6:", ""), ", line 6: another number of dimensions than before; got 1; expected 2 and a la"),
        (MULTI.replace("4,5,6:", "4,5:"), ", line 6: dimensions of unequal lengths in one series; got 2 to 3 values;"),
        (TOY.replace("down", "up"), ": too few classes to tell apart; got 1; expected at least 2"),
    ],
)
def test_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert of(text, tmp_path).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1\n2\n", ", line 1: a line without values; got '1'; expected a label and values, parted by tabs"),
        ("1\tNaN\tNaN\n", ", line 1: a line without values; got"),
        ("\t1\t2\n", ", line 1: a label is missing; got ''; expected a label before the first tab"),
        ("1\t2\tx\n", ", line 1, value 2: a value that is no number in the range of float32; got 'x'"),
        ("\n", ": no series in this file; expected at least one"),
    ],
)
def test_refused_tsv(tmp_path: Path, text: str, expected: str) -> None:
    assert of(text, tmp_path, "Toy.tsv").startswith(expected)


def test_garbage(tmp_path: Path) -> None:
    path = tmp_path / "Toy.ts"
    for seed in range(20):
        path.write_bytes(np.random.default_rng(seed).bytes(3000))
        assert error_of(path)


def test_a_declaration_allocates_nothing(tmp_path: Path) -> None:
    huge = "9" * 18
    text = f"@dimensions {huge}\n@seriesLength {huge}\n@classLabel true a b\n@data\n1,2:a\n"
    tracemalloc.start()
    error = of(text, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()
    assert error.startswith(f", line 5: another number of dimensions than before; got 1; expected {huge}")


def test_classes_beside_targets(tmp_path: Path) -> None:
    path = written(tmp_path, TOY)
    written(tmp_path, "@targetlabel true\n@data\n1,2,3:4\n", "Toy_TEST.ts")
    assert error_of(path).startswith(": classes in one file and targets in the other")


def test_nothing_there(tmp_path: Path) -> None:
    assert error_of(tmp_path) == ": no series here; expected NAME_TRAIN.ts and NAME_TEST.ts, or the same as .tsv"
    assert error_of(tmp_path / "No.ts").startswith(": no series here")


@pytest.mark.skipif(not ARCHIVE.is_dir(), reason="the archive's files are no part of the product")
@pytest.mark.parametrize(
    ("name", "train", "test", "classes"),
    [
        ("ArrowHead", (36, 251, 1), (175, 251, 1), ("0", "1", "2")),
        ("BasicMotions", (40, 100, 6), (40, 100, 6), ("Standing", "Running", "Walking", "Badminton")),
        ("GunPoint", (50, 150, 1), (150, 150, 1), ("1", "2")),
        ("ItalyPowerDemand", (67, 24, 1), (1029, 24, 1), ("1", "2")),
    ],
)
def test_archive(name: str, train: tuple[int, ...], test: tuple[int, ...], classes: tuple[str, ...]) -> None:
    data = loaded(ARCHIVE / name)
    assert (data.train.x.shape, data.test.x.shape, data.classes) == (train, test, classes)
