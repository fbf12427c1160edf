"""Sounds, written by the standard library and by hand."""

from __future__ import annotations

import struct
import tracemalloc
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tatami.data.options import DataOptions
from tatami.data.tree import FolderTree
from tatami.data.wave import Sounds, decode_sound, read_sound_inputs, read_sounds, recognises
from tatami.errors import DataError

OPTIONS = DataOptions()


def pcm(path: Path, data: bytes, width: int = 2, channels: int = 1, rate: int = 8000) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path


def tone(path: Path, values: Sequence[int] = (0, 16384, -32768), channels: int = 1, rate: int = 8000) -> Path:
    return pcm(path, np.array(values, "<i2").tobytes(), 2, channels, rate)


def floats(values: Sequence[float], dtype: str = "<f4", tag: int = 3) -> bytes:
    data = np.array(values, dtype).tobytes()
    width = np.dtype(dtype).itemsize
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, 1, 8000, 8000 * width, width, 8 * width)
    body = b"WAVE" + head + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def read(folder: Path) -> Sounds:
    tree = FolderTree(folder)
    return read_sounds(tree, tree.files, OPTIONS)


def three_bytes(values: Sequence[int]) -> bytes:
    return b"".join(value.to_bytes(3, "little", signed=True) for value in values)


@pytest.mark.parametrize(
    ("width", "data"),
    [
        (1, bytes([128, 192, 0])),
        (2, np.array([0, 2**14, -(2**15)], "<i2").tobytes()),
        (3, three_bytes([0, 2**22, -(2**23)])),
        (4, np.array([0, 2**30, -(2**31)], "<i4").tobytes()),
    ],
)
def test_whole_numbers_of_every_width(tmp_path: Path, width: int, data: bytes) -> None:
    path = pcm(tmp_path / "a.WAV", data, width)
    assert recognises(path)
    x, names = read_sound_inputs(path)
    np.testing.assert_array_equal(x[0], np.array([[0], [0.5], [-1]], np.float32), strict=True)
    assert names == [str(path)]


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_floats_stay_as_they_are(dtype: str) -> None:
    sound = decode_sound(floats([0.25, -1.5, 0], dtype), "a.wav")
    np.testing.assert_array_equal(sound.x, np.array([[0.25], [-1.5], [0]], np.float32), strict=True)
    assert sound.rate == 8000


def test_stereo(tmp_path: Path) -> None:
    x, _ = read_sound_inputs(tone(tmp_path / "a.wav", [1, 2, 3, 4, 5, 6], channels=2))
    np.testing.assert_array_equal(x[0] * 32768, [[1, 2], [3, 4], [5, 6]])


def test_unknown_chunks_are_passed_over() -> None:
    body = floats([0.5])[12:]
    text = b"WAVE" + b"note" + struct.pack("<I", 4) + b"take" + body
    assert decode_sound(b"RIFF" + struct.pack("<I", len(text)) + text, "a.wav").x.tolist() == [[0.5]]


def test_damaged() -> None:
    whole = floats([0.5, 0.25, 0.125])
    empty = floats([])
    cases = [whole[:length] for length in range(len(whole))]
    cases += [empty, b"RIFF" + bytes(60), floats([1], tag=85), floats([1], "<f2"), b"x" * 1000]
    for content in cases:
        with pytest.raises(DataError, match=r"^f/a\.wav: not a readable WAV file; got .+; expected whole") as caught:
            decode_sound(content, "f/a.wav")
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"^a\.wav: a sound with NaN or infinity; expected finite samples$"):
        decode_sound(floats([0.5, np.nan]), "a.wav")
    with pytest.raises(DataError, match="a sound with NaN or infinity"):
        decode_sound(floats([1e300], "<f8"), "a.wav")


def test_a_declared_size_allocates_nothing() -> None:
    whole = floats([0.5, 0.25])
    streamed = whole[:40] + struct.pack("<I", 2**32 - 16) + whole[44:]  # as a writer that cannot go back leaves it
    tracemalloc.start()
    assert decode_sound(streamed, "a.wav").x.ravel().tolist() == [0.5, 0.25]
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def test_garbage() -> None:
    rng = np.random.default_rng(0)
    whole = np.frombuffer(floats(rng.normal(size=20).tolist()), np.uint8)
    for _ in range(300):
        content = whole.copy()
        content[rng.integers(0, 44, 3)] = rng.integers(0, 256, 3)
        try:
            sound = decode_sound(content.tobytes(), "a.wav")
        except DataError:
            continue
        assert sound.x.dtype == np.float32
        assert np.isfinite(sound.x).all()


def test_sounds_of_a_folder(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav", [1, 2, 3])
    (tmp_path / "b.wav").write_bytes(b"")
    tone(tmp_path / "c.wav", [4, 5])
    found = read(tmp_path)
    assert [(each * 32768).ravel().tolist() for each in found.x] == [[1, 2, 3], [4, 5]]
    assert (found.rows, found.notes, found.rate) == ((0, 2), (), 8000)
    [problem] = found.problems
    assert problem.where == "b.wav"
    assert str(problem).startswith("b.wav: not a readable WAV file; got ")


def test_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "b.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r": none of the sounds can be read; got b\.wav: not a readable WAV file"):
        read(tmp_path)


def test_sample_rates_must_agree(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav")
    tone(tmp_path / "b.wav", rate=44100)
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: sounds of different sample rates; got 8,000 Hz in a.wav, 44,100 Hz in b.wav; "
        "expected one rate (hint: resample them to one)"
    )


def test_mono_beside_stereo(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav", [2, 4, 6, 10], channels=2)
    tone(tmp_path / "b.wav", [7])
    found = read(tmp_path)
    assert [(each * 32768).tolist() for each in found.x] == [[[3], [8]], [[7]]]
    assert found.notes == ("1 of 2 sounds are mono, the others have 2 channels: all are mixed down to mono",)
    tone(tmp_path / "c.wav", [3, 6, 9], channels=3)
    assert read(tmp_path).notes[0].startswith("1 of 3 sounds are mono, the others have 2 to 3 channels: all")
    (tmp_path / "b.wav").unlink()
    assert read(tmp_path).notes == ("sounds of 2 to 3 channels: all are mixed down to mono",)
    (tmp_path / "c.wav").unlink()
    assert read(tmp_path).notes == ()
