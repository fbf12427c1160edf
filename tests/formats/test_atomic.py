"""A file is whole or not there, and a failed write leaves the old one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tatami.errors import RunError
from tatami.formats import atomic_path, atomic_write


def test_writes_bytes_and_text(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a.bin", b"\x00\xff")
    atomic_write(tmp_path / "a.txt", "畳み込み\n")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\xff"
    assert (tmp_path / "a.txt").read_bytes() == "畳み込み\n".encode()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bin", "a.txt"]


def test_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    atomic_write(path, "old")
    atomic_write(path, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("failure", [ValueError("stop"), KeyboardInterrupt()])
def test_an_error_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write() -> None:
        with atomic_path(path) as beside:
            beside.write_text("half of the n")
            raise failure

    with pytest.raises(type(failure)):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_rename_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RunError) as caught:
        atomic_write(path, "new")
    assert str(caught.value) == (
        f"{path}: cannot write this file; got No space left on device; expected a writable folder with room"
    )
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"nowhere.a\.txt: cannot write this file; got No such file or directory"):
        atomic_write(tmp_path / "nowhere" / "a.txt", "x")
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_file_lies_beside_and_keeps_the_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "model.onnx") as beside:
        assert beside.parent == tmp_path.resolve()
        assert beside.suffix == ".onnx"
        beside.write_bytes(b"x")


@pytest.mark.skipif(os.name == "nt", reason="symbolic links and modes are POSIX here")
def test_follows_a_link_and_honours_the_umask(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    atomic_write(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"
    plain = tmp_path / "plain.txt"
    plain.write_text("x")
    assert (tmp_path / "real.txt").stat().st_mode == plain.stat().st_mode
