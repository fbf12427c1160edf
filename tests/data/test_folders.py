"""Class folders, in a folder or a zip: layouts, damaged files, sizes, groups, and the cache of large ones."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tatami.data import DataOptions, Dataset, cache, load
from tatami.errors import DataError, OptionError


def png(value: int, size: tuple[int, int] = (6, 4), mode: str = "RGB") -> bytes:
    """A picture of one grey, (width, height)."""
    buffer = io.BytesIO()
    Image.new("L", size, value).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


Files = dict[str, bytes]


def in_folder(root: Path, files: Files) -> str:
    for name, content in files.items():
        path = root / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return str(root / "set")


def in_zip(root: Path, files: Files) -> str:
    with zipfile.ZipFile(root / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return str(root / "set.zip")


both = pytest.mark.parametrize("put", [in_folder, in_zip])
Put = Callable[[Path, Files], str]


def error_of(source: str, options: DataOptions = DataOptions()) -> str:  # noqa: B008
    with pytest.raises(DataError) as caught:
        load(source, options)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(source, "DATA")


def greys(data: Dataset) -> list[int]:
    return [int(x[0, 0, 0]) for x in data.train.x]


PETS = {"cat/a.png": png(1), "cat/deep/b.PNG": png(2), "dog/a.png": png(3), "dog/c.png": png(4)}


@both
def test_unsplit(tmp_path: Path, put: Put) -> None:
    data = load(put(tmp_path, {**PETS, ".DS_Store": b"x", "cat/.hidden.png": b"", "__MACOSX/cat/._a.png": b""}))
    assert (data.name, data.kind, data.classes) == ("set", "image", ("cat", "dog"))
    assert data.train.x.shape == (4, 4, 6, 3)
    assert greys(data) == [1, 2, 3, 4]
    assert data.train.y is not None
    assert data.train.y.tolist() == [0, 0, 1, 1]
    assert data.train.name_of(1) == "cat/deep/b.PNG"
    assert data.validation is data.test is None
    assert data.problems == data.notes == ()


@both
@pytest.mark.parametrize("valid", ["val", "valid", "validation", "Val"])
@pytest.mark.parametrize("top", ["", "outer/"])
def test_splits_in_any_spelling(tmp_path: Path, put: Put, valid: str, top: str) -> None:
    files = {f"{top}Train/{name}": content for name, content in PETS.items()}
    files |= {f"{top}{valid}/cat/v.png": png(8), f"{top}TEST/dog/t.png": png(9)}
    data = load(put(tmp_path, files))
    assert greys(data) == [1, 2, 3, 4]
    assert data.validation is not None
    assert data.test is not None
    assert (data.validation.y.tolist(), data.test.y.tolist()) == ([0], [1])  # type: ignore[union-attr]
    assert (data.validation.x[0, 0, 0, 0], data.test.x[0, 0, 0, 0]) == (8, 9)


def test_classes_may_be_called_like_splits(tmp_path: Path) -> None:
    assert load(in_folder(tmp_path, {"train/a.png": png(1), "bus/a.png": png(2)})).classes == ("bus", "train")


def jpeg(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def huge_png() -> bytes:
    """A header that declares 50,000 x 50,000 pixels, and hardly any behind it."""
    chunks = [
        (b"IHDR", struct.pack(">2I5B", 50_000, 50_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"0")),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def the_worst() -> Files:
    """Pictures that fail, pictures that are unusual, and class folders that differ in case."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    whole = jpeg(Image.fromarray(noise))
    sixteen = io.BytesIO()
    Image.fromarray(np.full((40, 60), 0x8FFF, np.uint16)).save(sixteen, "PNG")
    palette = io.BytesIO()
    Image.fromarray(noise).convert("P").save(palette, "PNG")
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was turned: stored 40 wide and 60 high for a picture of 60 by 40
    upright = np.zeros((60, 40, 3), np.uint8)
    upright[:30] = 255
    return {
        "cat/good.jpg": whole,
        "cat/truncated.jpg": whole[: len(whole) // 2],
        "cat/empty.png": b"",
        "cat/text.jpg": b"hello, I am a text\n",
        "cat/huge.png": huge_png(),
        "Cat/other-case.jpg": whole,
        "dog/cmyk.jpg": jpeg(Image.fromarray(noise).convert("CMYK")),
        "dog/sixteen.png": sixteen.getvalue(),
        "dog/palette.png": palette.getvalue(),
        "dog/turned.jpg": jpeg(Image.fromarray(upright), exif=turned, quality=95),
        "dog/notes.txt": b"by hand",
    }


@both
def test_the_worst_folder_is_read_and_says_what_is_wrong(tmp_path: Path, put: Put) -> None:
    data = load(put(tmp_path, the_worst()))
    assert data.classes == ("Cat", "dog")
    names = [data.train.name_of(row) for row in range(len(data.train))]
    assert names == [
        "Cat/other-case.jpg",
        "cat/good.jpg",
        *(f"dog/{n}" for n in ("cmyk.jpg", "palette.png", "sixteen.png", "turned.jpg")),
    ]
    assert data.train.x.shape == (6, 40, 60, 3)
    assert (data.train.x[4] == 0x8F).all()
    turned = data.train.x[5]
    assert turned[:, 32:].min() > 240  # white is on the right once it is upright
    assert turned[:, :28].max() < 15
    said = {problem.where: f"{problem.problem}: {problem.outcome}" for problem in data.problems}
    assert set(said) == {
        "Cat, cat", "dog/notes.txt", "cat/empty.png", "cat/huge.png", "cat/text.jpg", "cat/truncated.jpg"
    }  # fmt: skip
    assert said["Cat, cat"] == "class folders that differ in letter case only: taken for one class, Cat"
    assert said["dog/notes.txt"] == "by its name no picture: left out"
    assert said["cat/empty.png"] == "not a readable picture; got an empty file: left out"
    assert said["cat/text.jpg"] == "not a readable picture; got bytes of no known kind of picture: left out"
    assert said["cat/huge.png"] == "too many pixels; got 2,500,000,000 pixels: left out"
    assert said["cat/truncated.jpg"].startswith("not a readable picture; got image file is truncated")
    assert data.notes == ("1 of 6 pictures are grey, the others RGB: all are read as RGB",)


@both
def test_strict_refuses_what_would_be_left_out(tmp_path: Path, put: Put) -> None:
    strict = DataOptions(strict=True)
    assert error_of(put(tmp_path, the_worst()), strict).startswith(
        "DATA: 6 problems in the data, and --strict allows none; got Cat, cat: class folders that differ in letter case"
    )
    (tmp_path / "one").mkdir()
    assert error_of(put(tmp_path / "one", {**PETS, "cat/x.png": b""}), strict) == (
        "DATA: 1 problem in the data, and --strict allows none; got cat/x.png: not a readable picture; "
        "got an empty file (hint: tatami data check lists them all)"
    )
    (tmp_path / "fine").mkdir()
    assert len(load(put(tmp_path / "fine", PETS), strict).train) == 4


def test_sizes_are_brought_to_the_median_or_as_told(tmp_path: Path) -> None:
    source = in_folder(tmp_path, {**PETS, "cat/wide.png": png(5, (12, 4))})
    data = load(source)
    assert data.train.x.shape == (5, 4, 6, 3)
    assert data.notes == (
        "pictures of 2 sizes, 4x6 to 4x12, are resized to 4x6, the median of their heights and widths",
    )
    assert load(source, DataOptions(size=(3, 5), colour="grey")).train.x.shape == (5, 3, 5, 1)


def test_resizing_is_that_of_prediction(tmp_path: Path) -> None:
    """The data set's samples equal what Preprocess.adapt makes of the same file for prediction."""
    from tatami.data import Preprocess, read_inputs

    noise = np.random.default_rng(1).integers(0, 256, (31, 23, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    source = in_folder(tmp_path, {**PETS, "dog/noise.png": buffer.getvalue()})
    for colour, channels in (("rgb", 3), ("grey", 1)):
        data = load(source, DataOptions(size=(10, 7), colour=colour))  # type: ignore[arg-type]
        row = [data.train.name_of(row) for row in range(5)].index("dog/noise.png")
        adapted = Preprocess("image", (10, 7, channels), 1 / 255, (0.0,) * channels, (1.0,) * channels).adapt(
            read_inputs(Path(source) / "dog/noise.png").x[0]
        )
        np.testing.assert_array_equal(data.train.x[row], adapted)


@both
def test_groups_by_a_pattern(tmp_path: Path, put: Put) -> None:
    files = {f"{kind}/{who}-{n}.png": png(1) for kind in ("cat", "dog") for who in ("ann", "bob") for n in range(2)}
    source = put(tmp_path, files)
    data = load(source, DataOptions(group="/([a-z]+)-"))
    assert data.train.groups is not None
    assert data.train.groups.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert error_of(source, DataOptions(group="(x)")).startswith("cat/ann-0.png: a file of no group; expected a path")
    with pytest.raises(OptionError, match=r"--group is no pattern; got \("):
        load(source, DataOptions(group="("))


def test_refusals(tmp_path: Path) -> None:
    def refused(name: str, files: Files) -> str:
        (tmp_path / name).mkdir()
        return error_of(in_folder(tmp_path / name, files))

    assert refused("none", {"a.txt": b""}).startswith(
        "DATA: no data set in here; got 1 file(s): .txt; expected one folder"
    )
    assert refused("loose", {"a.png": png(1)}).startswith("DATA: no class folders with samples in here; got a.png")
    assert "too few classes to tell apart; got 1" in refused("one", {"cat/a.png": png(1)})
    assert refused("empty", {**PETS, "emu/a.txt": b""}).startswith("DATA/emu: a class without a picture; ")
    assert refused("broken", {**PETS, "emu/a.png": b""}).startswith("DATA, train samples: empty class 'emu'")
    assert "none of the pictures can be read; got cat/a.png: not a readable" in refused(
        "all", {"cat/a.png": b"", "dog/a.png": b""}
    )
    split = {f"train/{name}": content for name, content in PETS.items()}
    assert "two folders for the validation split; got val/ and valid/" in refused(
        "twice", {**split, "val/cat/a.png": png(1), "valid/cat/a.png": png(1)}
    )
    assert "folders beside train/ that are no split; got extra/" in refused(
        "beside", {**split, "extra/cat/a.png": png(1)}
    )
    assert "no folder of training samples; got test/" in refused("test", {"test/cat/a.png": png(1)})
    assert "a label that no training sample has; got 'emu'" in refused("new", {**split, "test/emu/a.png": png(1)})
    assert "pictures and sounds in one data set; got cat/a.png and dog/a.wav" in refused(
        "mixed", {"cat/a.png": png(1), "dog/a.wav": b""}
    )


def test_damaged_zips(tmp_path: Path) -> None:
    source = Path(in_zip(tmp_path, PETS))
    whole = source.read_bytes()
    source.write_bytes(whole[:-30])
    assert error_of(str(source)).startswith("DATA: not a readable zip file; got ")
    at = whole.index(b"cat/a.png") + 20  # within the first picture
    source.write_bytes(whole[:at] + bytes(8) + whole[at + 8 :])
    assert [problem.where for problem in load(str(source)).problems] == ["cat/a.png"]


def test_what_memory_is_too_small_for_lies_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = {**the_worst(), **{f"dog/{n}.png": png(n, (60, 40)) for n in range(20)}}
    source = in_folder(tmp_path, files)
    inside = load(source)
    monkeypatch.setattr(cache, "memory", lambda: 1000)
    mapped, again = load(source), load(source)
    for data in (mapped, again):
        assert isinstance(data.train.x.base, np.memmap) or isinstance(data.train.x, np.memmap)
        np.testing.assert_array_equal(data.train.x, inside.train.x)
        assert (data.problems, data.notes, data.train.names) == (inside.problems, inside.notes, inside.train.names)
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 1
    (Path(source) / "dog/1.png").write_bytes(png(77, (60, 40)))  # another time and content: read again
    assert 77 in load(source).train.x[:, 0, 0, 0]
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 2
