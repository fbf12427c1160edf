"""Tables, written by hand as CSV and through pyarrow as Parquet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tatami.data.dataset import Dataset
from tatami.data.options import DataOptions
from tatami.data.table import load_table, read_table_inputs, recognises
from tatami.errors import DataError

WIDE = "label,a,b,c\nup,1,2,3\ndown,3,2,1e0\nup,-1,0,1\n"
LONG = "id,time,label,x,y2\nA,2,up,20,-2\nB,10,down,5,0\nA,1,up,10,-1\nB,9,down,4,0\nA,10,up,30,-3\nB,11,down,6,0\n"


def written(folder: Path, text: str, name: str = "toy.csv") -> Path:
    (folder / name).write_bytes(text.encode())
    return folder / name


def loaded(path: Path, **options: Any) -> Dataset:
    return load_table(path, DataOptions(**options), str(path))


def error_of(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        loaded(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text.removeprefix(str(path))


def labels(data: Dataset) -> list[str]:
    assert data.train.y is not None
    return [data.classes[label] for label in data.train.y]


def parquet(folder: Path, name: str = "toy.parquet", **columns: Any) -> Path:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), folder / name)
    return folder / name


def test_wide(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, WIDE))
    assert (data.name, data.kind, data.classes, data.notes) == ("toy", "signal", ("down", "up"), ())
    np.testing.assert_array_equal(
        data.train.x, np.array([[1, 2, 3], [3, 2, 1], [-1, 0, 1]], np.float32)[..., None], strict=True
    )
    assert labels(data) == ["up", "down", "up"]
    assert data.train.name_of(1) == "toy.csv row 3"


@pytest.mark.parametrize(
    "text",
    [
        WIDE.replace("\n", "\r\n"),
        "\ufeff" + WIDE,
        WIDE.replace(",", ";"),
        WIDE.replace(",", "\t"),
        WIDE.replace(",", ", "),
        WIDE.replace("label", " LABEL ").replace("up", '"up"'),
        WIDE.replace("\nup,-1", "\n\n,,,\nup,-1") + "\n",
        "a,Class,b,c\n1,up,2,3\n3,down,2,1\n-1,up,0,1",
        "a,b,c,y\n1,2,3,up\n3,2,1,down\n-1,0,1,up\n",
        "what,a,b,c\nup,1,2,3\ndown,3,2,1\nup,-1,0,1\n",
        "a,b,c,what\n1,2,3,up\n3,2,1,down\n-1,0,1,up\n",
        "what,0,1,2\nup,1,2,3\ndown,3,2,1\nup,-1,0,1\n",
        "up,3,2,1\ndown,1,2,3\nup,1,0,-1\n",
        ",label,a,b,c\n0,up,1,2,3\n1,down,3,2,1\n2,up,-1,0,1\n",
    ],
)
def test_spellings(tmp_path: Path, text: str) -> None:
    data = loaded(written(tmp_path, text))
    assert labels(data) == ["up", "down", "up"]
    first = [3, 2, 1] if text.startswith("up") else [1, 2, 3]  # without a header
    assert data.train.x[0, :, 0].tolist() == first
    assert data.train.x.shape == (3, 3, 1)


def test_choices_are_noted(tmp_path: Path) -> None:
    assert loaded(written(tmp_path, "what,a\nup,1\ndown,2\n")).notes == (
        "column what, the first, is taken for the labels, as it is not of numbers",
    )
    assert loaded(written(tmp_path, ",label,a\n0,up,1\n1,down,2\n")).notes == (
        "toy.csv: the first column has no name and is left out",
    )
    data = loaded(written(tmp_path, "id,label,a\nn1,up,1\nn2,down,2\n"))
    assert data.notes == ("column id is taken for the names of the series",)
    assert data.train.name_of(1) == "n2"
    assert data.train.x.shape == (2, 1, 1)


def test_quoted_commas_and_unicode(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, 'label,"a, b"\n"sun, rain",1\n雨,2\n"sun, rain",3\n'))
    assert labels(data) == ["sun, rain", "雨", "sun, rain"]
    assert error_of(tmp_path / "toy.csv", label="a,b").startswith(
        ": no column 'a', which --label names; got label, a, b"
    )


def test_numbers_without_a_header(tmp_path: Path) -> None:
    path = written(tmp_path, "2,1.5,2\n10,3,4\n2,5,6\n")
    assert error_of(path) == (
        ": cannot tell which column holds the labels; got no header, so columns 1 to 3; "
        "expected a column label, class, target or y, or a first or last column that is not numbers "
        "(hint: --label 1 for the first column, --label 3 for the last)"
    )
    data = loaded(path, label="1")
    assert (data.classes, labels(data)) == (("2", "10"), ["2", "10", "2"])
    assert data.train.x[..., 0].tolist() == [[1.5, 2], [3, 4], [5, 6]]


def test_a_first_row_that_counts_is_a_header(tmp_path: Path) -> None:
    counted, row = ",".join(map(str, range(9))), ",".join("012345680")
    data = loaded(written(tmp_path, f"{counted}\n1,{row[2:]}\n2,{row[2:]}\n"), label="0")
    assert len(data.train) == 2
    assert data.notes == ("toy.csv: the first row, 0 to 8, is taken for a header",)
    assert len(loaded(written(tmp_path, f"{row}\n1,{row[2:]}\n"), label="1").train) == 2
    assert len(read_table_inputs(written(tmp_path, "0,1,2\n3,4,5\n"))[0]) == 2  # too few to be sure


def test_the_label_column_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "a,Kind,b\n1,up,2\n3,down,4\n")
    assert error_of(path).endswith("(hint: --label NAME)")
    assert labels(loaded(path, label="kind")) == ["up", "down"]
    assert error_of(path, label="kid") == (
        ": no column 'kid', which --label names; got a, Kind, b (hint: did you mean Kind?)"
    )
    assert error_of(written(tmp_path, "label,class,a\nx,y,1\n")) == (
        ": several columns could hold the labels; got label, class; expected one of them named (hint: --label label)"
    )


def test_y_is_no_label_beside_x_or_z(tmp_path: Path) -> None:
    text = "label,x,y,z\nup,1,2,3\ndown,4,5,6\n"
    assert loaded(written(tmp_path, text)).train.x[..., 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    x, _ = read_table_inputs(written(tmp_path, "x,y,z\n1,2,3\n4,5,6\n"))
    assert np.stack(x)[..., 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert loaded(written(tmp_path, "a,y\n1,0\n2,1\n")).classes == ("0", "1")


def test_whole_numbers_are_classes(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, "label,a\n10,1\n2,2\n2.0,3\n-1,3\n"))
    assert (data.classes, labels(data)) == (("-1", "2", "10"), ["10", "2", "2", "-1"])


def test_regression(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, "target,a,b\n0.5,1,2\n2,3,4\n"))
    assert (data.targets, data.classes) == (("target",), ())
    np.testing.assert_array_equal(data.train.y, np.array([[0.5], [2]], np.float32), strict=True)
    path = written(tmp_path, "hot,a,wet,b\n5,1,7,2\n2,3,9,4\n")
    for task in ("auto", "regression"):
        data = loaded(path, label="hot, wet", task=task)
        assert data.targets == ("hot", "wet")
        assert data.train.y.tolist() == [[5, 7], [2, 9]]  # type: ignore[union-attr]
        assert data.train.x[..., 0].tolist() == [[1, 2], [3, 4]]
    assert error_of(path, label="hot,wet", task="classification") == (
        ": several columns of labels; got hot, wet; expected one, to tell classes apart"
    )
    path = written(tmp_path, "hot,a,wet,b\n5,1,7,2\n2,3,damp,4\n")
    assert error_of(path, label="hot,wet").startswith(
        ", row 3, column wet: a cell that is not a finite number in float32; got 'damp'; expected a number"
    )


def test_many_whole_numbers_are_asked_about(tmp_path: Path) -> None:
    path = written(tmp_path, "label,a\n" + "".join(f"{n},{n}\n" for n in range(50)))
    error = error_of(path)
    assert "labels that look like the targets of a regression; got float64, 50 values among 50 labels" in error
    assert error.endswith("(hint: --task regression for targets)")
    assert loaded(path, task="regression").targets == ("label",)
    assert len(loaded(path, task="classification").classes) == 50


def test_groups(tmp_path: Path) -> None:
    path = written(tmp_path, "label,who,a\nup,Bo,1\ndown,Al,2\nup,Bo,3\n")
    data = loaded(path, group="WHO")
    assert data.train.groups is not None
    assert data.train.groups.tolist() == [1, 0, 1]
    assert data.train.x.shape == (3, 1, 1)
    assert error_of(path).startswith(", row 2, column who: a cell that is not a finite number in float32; got 'Bo'; ")
    assert error_of(path).endswith("(hint: --label and --group name columns that are no values; drop others)")
    path = written(tmp_path, "label,who,a\nup,Bo,1\ndown,,2\n")
    assert error_of(path, group="who") == ", row 3, column who: an empty cell; expected a value"


def test_a_column_split(tmp_path: Path) -> None:
    text = "label,Split,a\nup,train,1\ndown,TEST,2\nup,test,3\ndown,train,4\nup,Valid,5\n"
    data = loaded(written(tmp_path, text))
    assert data.train.x.ravel().tolist() == [1, 4]
    assert data.test is not None
    assert data.test.x.ravel().tolist() == [2, 3]
    assert data.test.name_of(0) == "toy.csv row 3"
    assert data.validation is not None
    assert data.validation.x.ravel().tolist() == [5]
    assert error_of(written(tmp_path, text.replace("Valid", "dev"))) == (
        ", row 6, column Split: no split of this name; got 'dev'; expected train, val or test"
    )
    assert error_of(written(tmp_path, "label,split,a\nup,test,1\ndown,test,2\n")).startswith(
        ": no series of the training split; got test"
    )
    assert error_of(written(tmp_path, text.replace("down,TEST", "left,TEST"))).startswith(
        ", labels of toy.csv, test split, row 0: a label that no training sample has; got 'left'"
    )


def test_files_of_splits(tmp_path: Path) -> None:
    assert not recognises(tmp_path)
    written(tmp_path, WIDE, "Train.CSV")
    written(tmp_path, WIDE.replace("up,-1,0,1\n", ""), "test.csv")
    written(tmp_path, "unrelated", "notes.csv")
    written(tmp_path, WIDE, "valid.csv")
    assert recognises(tmp_path)
    data = loaded(tmp_path)
    assert data.name == tmp_path.name
    assert [(name, len(split)) for name, split in data.splits()] == [("train", 3), ("validation", 3), ("test", 2)]
    written(tmp_path, WIDE.replace("down", "left"), "test.csv")
    assert error_of(tmp_path).startswith(", labels of test.csv, row 1: a label that no training sample has; got 'left'")
    written(tmp_path, WIDE.replace("c", "split"), "test.csv")
    assert "a column split in one of several files" in error_of(tmp_path)
    written(tmp_path, WIDE, "val.csv")
    assert error_of(tmp_path) == (
        ": two files for the validation split; got val.csv and valid.csv; expected one of them"
    )


def test_a_test_file_of_other_width(tmp_path: Path) -> None:
    written(tmp_path, WIDE, "train.csv")
    written(tmp_path, "label,a\nup,1\n", "test.csv")
    assert error_of(tmp_path).startswith("/test.csv: other columns of values than before, or in another order; got a; ")


def test_long(tmp_path: Path) -> None:
    for text in (LONG, LONG.replace("id,time", "Series,T")):
        data = loaded(written(tmp_path, text))
        np.testing.assert_array_equal(
            data.train.x,
            np.array([[[10, -1], [20, -2], [30, -3]], [[4, 0], [5, 0], [6, 0]]], np.float32),
            strict=True,
        )
        assert labels(data) == ["up", "down"]
    assert data.notes == ("read in long form: rows of one Series are a series, ordered by T",)
    assert data.train.name_of(1) == "Series B"


def test_long_with_named_columns(tmp_path: Path) -> None:
    path = written(tmp_path, LONG.replace("id,time", "run,step"))
    data = loaded(path, series="run", time="step")
    assert data.train.x.shape == (2, 3, 2)
    assert data.notes == ()
    assert error_of(path, series="run") == ": --series without --time; expected both, for a table in long form"
    assert error_of(path, time="step") == ": --time without --series; expected both, for a table in long form"
    assert error_of(path, series="ran", time="step").startswith(
        ": no column 'ran', which --series names; got run, step"
    )
    assert error_of(path, series="run", time="Stop").endswith("(hint: did you mean step?)")


def test_long_only_where_a_series_has_several_rows(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, "id,t,label,a\n1,3,up,5\n2,4,down,6\n"))
    assert data.train.x[..., 0].tolist() == [[3, 5], [4, 6]]


def test_long_of_unequal_lengths(tmp_path: Path) -> None:
    path = written(tmp_path, LONG.replace("A,10,up,30,-3\n", ""))
    assert ": series of unequal lengths; got 2 steps" in error_of(path)
    assert loaded(path, length="longest").train.x[0, :, 0].tolist() == [10, 20, 0]


def test_dates(tmp_path: Path) -> None:
    times = ["2025-01-02", "2025-01-01 10:00", "2025-01-01T23:00:00+14:00"]  # the last is 09:00 UTC
    text = "id,time,label,x\n" + "".join(f"{s},{t},{s},{n}\n" for s in "ab" for n, t in enumerate(times))
    data = loaded(written(tmp_path, text))
    assert data.train.x[..., 0].tolist() == [[2, 1, 0], [2, 1, 0]]
    assert error_of(written(tmp_path, text.replace("2025-01-02", "soon"))) == (
        ", row 2, column time: neither a number nor a date; got 'soon'; "
        "expected a time, such as 12.5 or 2025-06-30 12:00:00 (ISO 8601)"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "A,1,up",
            "A,1,down",
            ", row 4, column label: label changes within series A; got 'down'; expected 'up', as in r",
        ),
        (
            "A,1,up",
            "A,2.0,up",
            ", row 4, column time: two rows of series A at one time; got '2.0'; expected another time",
        ),
        ("A,1,up", ",1,up", ", row 4, column id: an empty cell; expected a value"),
        ("A,1,up", "A,,up", ", row 4, column time: an empty cell; expected a value"),
        (
            "A,1,up,10",
            "A,1,up,",
            ", row 4, column x: an empty cell; expected a number (hint: fill the gaps, or drop the r",
        ),
    ],
)
def test_refused_long(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert error_of(written(tmp_path, LONG.replace(old, new))).startswith(expected)


def test_a_group_or_split_that_changes_within_a_series(tmp_path: Path) -> None:
    text = "id,time,label,who,split,x\n" + "".join(f"{s},{t},{s},{s},train,1\n" for s in "ab" for t in range(2))
    data = loaded(written(tmp_path, text), group="who")
    assert data.train.groups is not None
    assert data.train.groups.tolist() == [0, 1]
    changed = written(tmp_path, text.replace("b,1,b,b", "b,1,b,c"))
    assert error_of(changed, group="who").startswith(", row 5, column who: who changes within series b; got 'c'")
    changed = written(tmp_path, text.replace("b,1,b,b,train", "b,1,b,b,test"))
    assert error_of(changed, group="who").startswith(", row 5, column split: split changes within series b; got 'test'")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ": an empty file; got no rows; expected a header, and one row a series"),
        ("\n\n", ": an empty file; got no rows"),
        ("label,a\n", ": a header without rows; expected one row a series below it"),
        (WIDE + "up,1,2\n", ", row 5: a row of another number of cells than the first; got 3; expected 4"),
        (WIDE + "up,1,2,3,4\n", ", row 5: a row of another number of cells than the first; got 5; expected 4"),
        (WIDE.replace("b", "a"), ": two columns have one name; got 'a'; expected a name a column"),
        (
            WIDE.replace("3,2,1e0", "3,,1"),
            ", row 3, column b: an empty cell; expected a number (hint: fill the gaps, or",
        ),
        (WIDE.replace("3,2,1e0", "3,NaN,1"), ", row 3, column b: a missing value; got NaN; expected a number"),
        (WIDE.replace("3,2,1e0", "3,x,1"), ", row 3, column b: a cell that is not a finite number in float32; got 'x'"),
        (
            WIDE.replace("3,2,1e0", "3,1e99,1"),
            ", row 3, column b: a cell that is not a finite number in float32; got '1e",
        ),
        (WIDE.replace("down,", ","), ", row 3, column label: an empty cell; expected a value"),
        (WIDE.replace("up,-1", "\n\nnan,-1"), ", row 6, column label: an empty cell; expected a value"),
        (WIDE.replace("down", "up"), ": too few classes to tell apart; got 1; expected at least 2"),
        ("label\nup\ndown\n", ": no columns of values; got label; expected at least one"),
        ('label,a\n"up,1\n', ", row 2: a row of another number of cells than the first; got 1; expected 2"),
        (f"label,a\n{'u' * 200_000},1\n", ", row 2: not a CSV file; got field larger than field limit (131072)"),
    ],
)
def test_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert error_of(written(tmp_path, text)).startswith(expected)


def test_garbage(tmp_path: Path) -> None:
    for name in ("toy.csv", "toy.parquet"):
        for seed in range(20):
            (tmp_path / name).write_bytes(np.random.default_rng(seed).bytes(3000))
            assert error_of(tmp_path / name)
    (tmp_path / "toy.csv").write_bytes(b"label,a\nup,1\nd\xf6wn,2\n")
    assert ": not a text in UTF-8; got 'utf-8' codec can't decode byte 0xf6" in error_of(tmp_path / "toy.csv")
    assert error_of(tmp_path / "no.csv") == ": no such file"


def test_parquet(tmp_path: Path) -> None:
    path = parquet(tmp_path, label=["up", "down", "up"], a=[1, 2, 3], b=[0.5, 1.5, 2.5])
    data = loaded(path)
    assert labels(data) == ["up", "down", "up"]
    np.testing.assert_array_equal(
        data.train.x, np.array([[1, 0.5], [2, 1.5], [3, 2.5]], np.float32)[..., None], strict=True
    )
    assert data.train.name_of(0) == "toy.parquet row 1"
    assert loaded(parquet(tmp_path, label=[3, 1, 3], a=[1, 2, 3])).classes == ("1", "3")
    assert loaded(parquet(tmp_path, y=[0.5, 1.0, 2.0], a=[True, False, True])).targets == ("y",)


def test_parquet_of_many_types(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    coded = pa.array(["up", "down"]).dictionary_encode()
    data = loaded(parquet(tmp_path, label=coded, a=pa.array([1, 2], pa.uint8()), __index_level_0__=[7, 8]))
    assert labels(data) == ["up", "down"]
    assert data.train.x.ravel().tolist() == [1, 2]
    assert data.notes == ("toy.parquet: the index that pandas wrote is left out",)
    assert error_of(parquet(tmp_path, label=["a", "b"], x=[[1.0, 2.0], [3.0]])) == (
        ", column x: a column of a type that is not read; got list<element: double>; expected numbers, text or times "
        "(hint: one number a cell: a list a cell becomes a column a step)"
    )
    assert error_of(parquet(tmp_path, label=["a", "b"], x=[1.0, None])).startswith(", row 2, column x: an empty cell")
    assert error_of(parquet(tmp_path, label=["a", None], x=[1.0, 2.0])).startswith(
        ", row 2, column label: an empty cell"
    )
    assert error_of(parquet(tmp_path, label=["a", "b"], x=["1", "2"])).startswith(", row 1, column x: a cell that is")
    assert (
        error_of(parquet(tmp_path, label=pa.array([], pa.string())))
        == ": a table without rows; expected one row a series"
    )


def test_parquet_in_long_form(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    times = pa.array([3_000, 1_000, 2_000, 5_000], pa.timestamp("ms"))
    data = loaded(
        parquet(tmp_path, id=[1, 1, 2, 2], timestamp=times, label=["a", "a", "b", "b"], x=[1.0, 2.0, 3.0, 4.0])
    )
    assert data.train.x[..., 0].tolist() == [[2, 1], [3, 4]]


def test_parquet_that_is_damaged(tmp_path: Path) -> None:
    path = parquet(tmp_path, label=["up", "down"], a=[1, 2])
    whole = path.read_bytes()
    for length in (0, 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert error_of(path).startswith(": not a readable Parquet file; got ")


def test_parquet_with_text_that_is_not_utf_8(tmp_path: Path) -> None:
    path = parquet(tmp_path, label=["upwards", "down"], a=[1, 2])
    path.write_bytes(path.read_bytes().replace(b"upwards", b"\xffpwards"))
    assert error_of(path).startswith(": not a readable Parquet file; got ")


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert error_of(written(tmp_path, "", "toy.parquet")) == (
        ": Parquet files need pyarrow, which is not installed (hint: pip install 'tatami[parquet]', "
        "or save the table as CSV)"
    )
    assert loaded(written(tmp_path, WIDE)).classes == ("down", "up")


def test_folders_of_parquet(tmp_path: Path) -> None:
    parquet(tmp_path, "train.parquet", label=["up", "down"], a=[1, 2])
    parquet(tmp_path, "test.parquet", label=["up"], a=[1])
    data = loaded(tmp_path)
    assert data.test is not None
    written(tmp_path, WIDE, "train.csv")
    assert error_of(tmp_path) == (
        ": two data sets in one folder; got train.csv and train.parquet; expected one of them"
    )


def test_inputs(tmp_path: Path) -> None:
    path = written(tmp_path, WIDE)
    for text in (WIDE, "a,b,c\n1,2,3\n3,2,1\n-1,0,1\n", "1,2,3\n3,2,1\n-1,0,1\n"):
        x, names = read_table_inputs(written(tmp_path, text))
        assert [each.dtype for each in x] == [np.float32] * 3
        assert np.stack(x)[..., 0].tolist() == [[1, 2, 3], [3, 2, 1], [-1, 0, 1]]
        assert names == [f"{path}[{row}]" for row in range(3)]
    x, names = read_table_inputs(written(tmp_path, WIDE), DataOptions(label="label", group="who"))
    assert x[0].shape == (3, 1)
    for text in (LONG, LONG.replace("label,", "").replace("up,", "").replace("down,", "")):
        x, names = read_table_inputs(written(tmp_path, text))
        assert names == [f"{path}[A]", f"{path}[B]"]
        assert x[0].tolist() == [[10, -1], [20, -2], [30, -3]]


def test_columns_in_another_order_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("label,accx,accy\na,1,2\nb,3,4\n")
    (tmp_path / "test.csv").write_text("label,accy,accx\na,2,1\n")
    with pytest.raises(DataError) as caught:
        load_table(tmp_path, DataOptions(), str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path}/test.csv: other columns of values than before, or in another order; got accy, accx; "
        "expected accx, accy, as in train.csv"
    )


def test_a_table_that_lists_the_pictures_of_a_folder_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("file,width,label\na.png,3,cat\n")
    (tmp_path / "train").mkdir()
    assert not recognises(tmp_path)
