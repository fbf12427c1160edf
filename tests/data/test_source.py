"""What load and read_inputs accept, and how they refuse the rest."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tatami.data import DataOptions, load, read_inputs, refuse_unused
from tatami.data.source import DATA, INPUTS
from tatami.errors import DataError, OptionError

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def write_idx(folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").write_bytes(struct.pack(">4I2B", 0x803, 2, 1, 1, 5, 6))
    (folder / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I2B", 0x801, 2, 0, 1))


def load_error(source: str) -> str:
    with pytest.raises(DataError) as caught:
        load(source)
    return str(caught.value)


def input_error(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_inputs(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


def test_each_kind_of_source(tmp_path: Path) -> None:
    write_idx(tmp_path)
    np.savez(tmp_path / "a.NPZ", x=np.zeros((2, 3)), y=[0, 1])
    (tmp_path / "a.NPZ.npz").rename(tmp_path / "a.NPZ")
    assert load("sample:gunpoint").name == "gunpoint"
    assert load(str(tmp_path)).kind == "image"
    assert load(str(tmp_path / "train-images-idx3-ubyte")).kind == "image"
    assert load(str(tmp_path / "a.NPZ")).kind == "signal"


def test_idx_is_known_by_its_bytes(tmp_path: Path) -> None:
    write_idx(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").rename(tmp_path / "train-images")
    (tmp_path / "train-labels-idx1-ubyte").rename(tmp_path / "train-labels")
    assert load(str(tmp_path / "train-images")).train.x.ravel().tolist() == [5, 6]


def test_nothing_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    assert load_error(missing) == f"{missing!r}: no such file or folder; expected {DATA}"
    assert "sample:NAME (digits, gunpoint); a folder or a zip with one folder a class; a .npz" in DATA
    assert load_error("digits").endswith("(hint: for the built-in sample, write sample:digits)")
    assert "no such sample; got ''" in load_error("sample:")
    for name in ("x" * 5000, "a\0b"):
        assert "no such file or folder" in load_error(name)


def test_a_sample_as_input_is_its_test_split() -> None:
    inputs = read_inputs("sample:gunpoint")
    test = load("sample:gunpoint").test
    assert test is not None
    np.testing.assert_array_equal(inputs.x, test.x, strict=True)
    assert inputs.names[149] == "sample:gunpoint[149]"
    with pytest.raises(DataError, match=r"no such sample; .*did you mean sample:digits\?"):
        read_inputs("sample:digit")
    with pytest.raises(DataError, match=r"^digits: no such file; .*for the built-in sample, write sample:digits\)"):
        read_inputs("digits")


def test_the_source_is_named_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 3)), y=[0, 1])
    for source in ("sample:digits", tmp_path.name, f"{tmp_path.name}/a.npz", f"./{tmp_path.name}/a.npz"):
        assert load(source).source == source


def test_unknown_kinds(tmp_path: Path) -> None:
    (tmp_path / "a.doc").write_text("1,2\n")
    (tmp_path / "plain").write_text("1,2\n")
    assert load_error(str(tmp_path / "a.doc")) == (
        f"{tmp_path / 'a.doc'}: this kind of file is not a data set; got a .doc file; expected {DATA}"
    )
    assert "got a file of unknown kind" in load_error(str(tmp_path / "plain"))
    assert load_error(str(tmp_path)).startswith(f"{tmp_path}: no data set in here; got 2 file(s): .doc, no ending; ")
    expected = f"expected {INPUTS}"
    assert "a picture (.png, .jpg, " in INPUTS
    assert input_error(tmp_path / "a.doc") == f": this kind of file is not an input; got a .doc file; {expected}"
    assert input_error(tmp_path) == f": this kind of file is not an input; got a folder; {expected}"
    assert input_error(tmp_path / "none.png") == f": no such file; {expected}"


def test_idx_images_as_inputs(tmp_path: Path) -> None:
    write_idx(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    inputs = read_inputs(path)
    assert inputs.x.tolist() == [[[[5]]], [[[6]]]]
    assert inputs.names == (f"{path}[0]", f"{path}[1]")
    path.write_bytes(struct.pack(">4I", 0x803, 0, 1, 1))
    assert input_error(path).startswith(": no samples at all")


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".PNG"])
def test_lossless_pictures(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(RGB).save(path)
    inputs = read_inputs(path)
    assert inputs.names == (str(path),)
    np.testing.assert_array_equal(inputs.x, RGB[None], strict=True)
    Image.fromarray(RGB[..., 0]).save(path)
    np.testing.assert_array_equal(read_inputs(path).x, RGB[None, ..., :1], strict=True)


def test_jpeg_is_turned_upright(tmp_path: Path) -> None:
    picture = np.zeros((16, 32, 3), np.uint8)
    picture[:, :16] = 255  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held turned: rotate by 90 degrees clockwise to see it upright
    Image.fromarray(picture).save(tmp_path / "a.jpg", exif=exif, quality=95)
    x = read_inputs(tmp_path / "a.jpg").x[0]
    assert x.shape == (32, 16, 3)
    assert x[:14].min() > 240
    assert x[18:].max() < 15


def test_other_modes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(RGB).convert("P").save(path)
    assert read_inputs(path).x.shape == (1, 5, 7, 3)
    Image.fromarray(RGB[..., 0] > 99).save(path)
    assert set(read_inputs(path).x.ravel().tolist()) == {0, 255}
    Image.fromarray(np.array([[0, 256, 65535]], np.uint16)).save(path)
    assert read_inputs(path).x.ravel().tolist() == [0, 1, 255]
    Image.fromarray(np.array([[[9, 9, 9, 255], [9, 9, 9, 0]]], np.uint8)).save(path)
    assert read_inputs(path).x[0, 0].tolist() == [[9, 9, 9], [255, 255, 255]]
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "a.jpg")
    assert read_inputs(tmp_path / "a.jpg").x.shape == (1, 5, 7, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_damaged_pictures(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.tile(RGB, (5, 5, 1))).save(path)
    raw = path.read_bytes()
    for length in range(0, len(raw) * 9 // 10, 17):
        path.write_bytes(raw[:length])
        text = input_error(path)
        assert text.startswith(": not a readable picture; got ")
        assert text.endswith("; expected a whole PNG, JPEG, BMP, GIF, WEBP or TIFF file")


def test_a_picture_of_another_format_is_refused_whatever_its_name(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.ppm")
    (tmp_path / "a.ppm").rename(tmp_path / "a.png")
    assert input_error(tmp_path / "a.png").startswith(": not a readable picture; got bytes of no known kind of picture")


@pytest.mark.parametrize("side", [8193, 60000])
def test_decompression_bombs(tmp_path: Path, side: int) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(png)
    text = input_error(tmp_path / "a.png")
    assert text.startswith(": too many pixels; got ")
    assert text.endswith(
        "; expected at most 67,108,864 pixels (hint: the file may be a decompression bomb; otherwise make it smaller)"
    )


def test_options_without_effect_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 3)), y=[0, 1])
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "pets").mkdir()
    cases = [
        ("a.npz", {"label": "kind"}, "--label has no effect on these data; got kind; expected of such options"),
        ("a.csv", {"size": (8, 9)}, "--size has no effect on these data; got 8x9; expected of such options --label"),
        ("pets", {"task": "regression"}, "--task has no effect on these data; got regression"),
    ]
    for name, options, message in cases:
        with pytest.raises(OptionError) as caught:
            refuse_unused(str(tmp_path / name), DataOptions(**options))  # type: ignore[arg-type]
        assert str(caught.value).startswith(f"{tmp_path / name}: {message}")
    with pytest.raises(OptionError, match=r"sample:digits: --length has no effect on these data; got 3; .* none"):
        refuse_unused("sample:digits", DataOptions(length=3))
    refuse_unused(str(tmp_path / "a.npz"), DataOptions(length=3, strict=True))
    refuse_unused(str(tmp_path / "pets"), DataOptions(task="classification", group="(.)"))
    refuse_unused(str(tmp_path / "none"), DataOptions(label="kind"))
