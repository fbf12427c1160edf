"""Weights survive a round trip bit for bit; files that are not weights are refused by name."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file, save

from tatami.errors import RunError
from tatami.formats import load_weights, save_weights

arrays = st.sampled_from(["float32", "float64", "int64", "uint64"]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tensors=st.dictionaries(st.text(min_size=1, max_size=8).filter(lambda s: s != "__metadata__"), arrays, max_size=4)
)
def test_round_trip(tmp_path: Path, tensors: dict[str, np.ndarray]) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, tensors, {"classes": '["猫", "dog"]', "": ""})
    loaded, metadata = load_weights(path)
    assert metadata == {"classes": '["猫", "dog"]', "": ""}
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        assert loaded[name].shape == tensor.shape
        assert loaded[name].tobytes() == tensor.tobytes()
        assert loaded[name].flags.writeable


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    save_weights(tmp_path / "w", {"a": np.zeros(2)}, {})
    assert (tmp_path / "w").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_views_and_foreign_byte_order(tmp_path: Path) -> None:
    a = np.arange(12, dtype=np.float32).reshape(3, 4)
    save_weights(tmp_path / "w", {"t": a.T, "step": a[::2, ::-1], "big": a.astype(">f4")}, {})
    loaded, _ = load_weights(tmp_path / "w")
    np.testing.assert_array_equal(loaded["t"], a.T)
    np.testing.assert_array_equal(loaded["step"], a[::2, ::-1])
    np.testing.assert_array_equal(loaded["big"], a)


def test_the_layout_is_safetensors_own(tmp_path: Path) -> None:
    """Read by hand, from the format's specification: u64 length, JSON header, raw little-endian data."""
    save_weights(tmp_path / "w", {"a": np.array([1.5, -2.0], np.float32)}, {"k": "v"})
    raw = (tmp_path / "w").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    assert header == {"__metadata__": {"k": "v"}, "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    assert raw[8 + length :] == struct.pack("<2f", 1.5, -2.0)


def test_one_entry_is_byte_for_byte_what_the_library_writes(tmp_path: Path) -> None:
    for tensor in (np.arange(3, dtype=np.float32), np.array(3.0), np.zeros((0, 2), np.int64)):
        save_weights(tmp_path / "w", {"ä": tensor}, {"k": '"猫"\n\x00'})
        assert (tmp_path / "w").read_bytes() == save({"ä": tensor}, {"k": '"猫"\n\x00'})


SAVE = """
import sys
from pathlib import Path
import numpy as np
from tatami.formats import save_weights
names = ["b", "a", "ä", "step"][:: int(sys.argv[2])]
tensors = {name: np.arange(len(name) + 3, dtype="uint64" if name == "step" else "float32") for name in names}
save_weights(sys.argv[1], tensors, {key: key * 3 for key in {"network", "classes", "epoch", "tatami", "preprocess"}})
"""


def test_equal_weights_make_equal_files_in_any_process_and_order(tmp_path: Path) -> None:
    files = []
    for seed, direction in (("0", "1"), ("1", "-1"), ("2", "1")):
        path = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        subprocess.run([sys.executable, "-c", SAVE, str(path), direction], env=environment, check=True)
        files.append(path.read_bytes())
    assert files[0] == files[1] == files[2]
    assert load_weights(tmp_path / "0")[1].keys() == {"network", "classes", "epoch", "tatami", "preprocess"}
    loaded = load_file(tmp_path / "0")
    assert loaded["step"].tolist() == list(range(7))
    assert loaded["ä"].dtype == np.float32


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, {"a": np.arange(5.0), "b": np.zeros((2, 2), np.float32)}, {"k": "v"})
    raw = path.read_bytes()
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        with pytest.raises(RunError) as caught:
            load_weights(path)
        assert str(caught.value).startswith(f"{path}: not a readable weights file; got ")
        assert "\n" not in str(caught.value)
    path.write_bytes(raw + b"x")
    with pytest.raises(RunError, match="not a readable weights file"):
        load_weights(path)


def test_foreign_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    for path in (tmp_path / "a.npz", tmp_path):
        with pytest.raises(RunError, match=r"not a readable weights file.*expected a whole safetensors file"):
            load_weights(path)
    with pytest.raises(RunError) as caught:
        load_weights(tmp_path / "none")
    assert str(caught.value) == f"{tmp_path / 'none'}: no such weights file"


@pytest.mark.parametrize("dtype", ["F16", "BF16", "I8"])
def test_foreign_dtypes(tmp_path: Path, dtype: str) -> None:
    size = 1 if dtype == "I8" else 2
    header = json.dumps({"a": {"dtype": dtype, "shape": [1], "data_offsets": [0, size]}}).encode()
    (tmp_path / "w").write_bytes(struct.pack("<Q", len(header)) + header + b"\x00" * size)
    with pytest.raises(RunError, match=r"w: (tensor 'a' has a dtype that tatami does not use|not a readable)"):
        load_weights(tmp_path / "w")


def test_what_cannot_be_saved_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "w"
    with pytest.raises(RunError) as caught:
        save_weights(path, {"a": np.zeros(2, np.complex64)}, {})
    assert str(caught.value) == (
        f"{path}: tensor 'a' has a dtype that is not saved; got complex64; "
        "expected one of float32, float64, int64, uint64"
    )
    with pytest.raises(RunError, match="metadata 'epoch' is not text; got int; expected a string"):
        save_weights(path, {}, {"epoch": 3})  # type: ignore[dict-item]
    with pytest.raises(RunError, match="w: no tensor may be called '__metadata__'"):
        save_weights(path, {"__metadata__": np.zeros(2)}, {})
    with pytest.raises(RunError, match=r"w: a name or metadata that is not Unicode; got .*udcff"):
        save_weights(path, {}, {"network": "\udcff"})
    with pytest.raises(RunError, match="cannot write this file"):
        save_weights(tmp_path / "no" / "w", {}, {})
    assert list(tmp_path.iterdir()) == []


def test_only_some_tensors_are_read(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, {"a": np.ones(2, np.float32), "b": np.zeros(3, np.float32)}, {"key": "value"})
    tensors, metadata = load_weights(path, ["b", "c"])
    assert list(tensors) == ["b"]
    np.testing.assert_array_equal(tensors["b"], np.zeros(3))
    assert metadata == {"key": "value"}
