"""What the arguments of `tatami predict` stand for."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tatami.errors import DataError
from tatami.train.inputs import resolve


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: pictures in folders, one of them hidden, and files that are none."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.png", "deep/er/c.JPG", "deep/.hidden/d.png", "deep/.e.png", "other/x[1].png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), 7, np.uint8)).save(path)
    (tmp_path / "deep" / "notes.txt").write_text("no picture")
    (tmp_path / "empty").mkdir()
    return tmp_path


def names(*arguments: str, stdin: bytes = b"") -> list[str]:
    sources, problems = resolve(arguments, io.BytesIO(stdin))
    assert problems == []
    return [source.name for source in sources]


def test_files_folders_and_patterns_in_their_order(pictures: Path) -> None:
    assert names("b.png", "a.png") == ["b.png", "a.png"]
    assert names("deep") == [str(Path("deep/er/c.JPG"))]
    assert names("*.png") == ["a.png", "b.png"]
    assert names("**/*.JPG", "sample:digits") == [str(Path("deep/er/c.JPG")), "sample:digits"]
    assert names("d*") == [str(Path("deep/er/c.JPG"))]  # a folder that a pattern matches
    assert names("other/x[1].png") == ["other/x[1].png"]  # a file of that name comes before the pattern


def test_standard_input_is_a_list_of_paths(pictures: Path) -> None:
    assert names("-", stdin=b"b.png\r\n\n  a.png \n") == ["b.png", "a.png"]
    assert names("a.png", "-", "b.png", stdin=b"deep\n") == ["a.png", str(Path("deep/er/c.JPG")), "b.png"]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP"])
def test_standard_input_is_a_picture(format: str) -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    file = io.BytesIO()
    Image.fromarray(image).save(file, format)
    (source,), _ = resolve(["-"], io.BytesIO(file.getvalue()))
    inputs = source.read("image")
    assert inputs.names == ("-",)
    assert inputs.x.shape == (1, 8, 8, 1)
    assert np.abs(inputs.x[0, ..., 0].astype(int) - image).max() <= (3 if format == "JPEG" else 0)


def test_standard_input_is_an_npz_file() -> None:
    file = io.BytesIO()
    np.savez(file, x=np.zeros((2, 5, 1), np.float32))
    (source,), _ = resolve(["-"], io.BytesIO(file.getvalue()))
    assert source.read("signal").names == ("-[0]", "-[1]")
    (cut,), _ = resolve(["-"], io.BytesIO(file.getvalue()[:60]))
    with pytest.raises(DataError, match=r"^-: not a readable NPZ file"):
        cut.read("signal")


def test_a_word_that_begins_as_a_bitmap_is_a_path(pictures: Path) -> None:
    (pictures / "BMW.png").write_bytes((pictures / "a.png").read_bytes())
    assert names("-", stdin=b"BMW.png\n") == ["BMW.png"]


@pytest.mark.parametrize(
    ("argument", "stdin", "message"),
    [
        ("empty", b"", "empty: no pictures or sounds in this folder; expected files *.png, *.jpg"),
        ("*.gif", b"", "*.gif: nothing matches this pattern"),
        ("absent.png", b"", "absent.png: no such file"),
        ("-", b"", "-: nothing on standard input; expected a picture, an NPZ file, or paths"),
        ("-", b"\xff\xfe\x00", "-: standard input is neither a picture, nor an NPZ file, nor a list of paths; got 3"),
        ("-", b"absent.png\n", "absent.png: no such file"),
    ],
)
def test_an_argument_that_means_no_file(pictures: Path, argument: str, stdin: bytes, message: str) -> None:
    sources, problems = resolve(["a.png", argument], io.BytesIO(stdin))
    assert [source.name for source in sources] == ["a.png"]
    (problem,) = problems
    assert str(problem).startswith(message)
    assert "\n" not in str(problem)
