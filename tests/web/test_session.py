from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tatami.errors import DataError, OptionError, RunError
from tatami.web.data_name import data_name
from tatami.web.session import MOST_KEPT, Session


def test_data_that_are_not_there_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        Session(data=str(tmp_path / "nothing"))
    with pytest.raises(DataError, match="did you mean sample:digits"):
        Session(data="sample:digit")


def test_names_of_data_and_runs_tell_no_place(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    session = Session(data=str(tmp_path / "pictures"), runs_folder=tmp_path / "runs")
    assert session.data_ids() == ["pictures", "sample:digits", "sample:gunpoint"]
    assert session.data("pictures") == str(tmp_path / "pictures")
    assert session.data("sample:digits") == "sample:digits"
    assert Session(data="sample:gunpoint").data_ids() == ["sample:gunpoint", "sample:digits"]
    assert session.run_ids() == []


def test_what_is_kept_is_made_once_and_anew_when_it_changes() -> None:
    session, made = Session(), []
    for stamp in (1, 1, 2, 2, 1):
        session.kept("key", stamp, lambda: made.append(1))
    assert len(made) == 3
    assert session.kept("outer", 0, lambda: session.kept("inner", 0, lambda: 5)) == 5


def test_closers_are_called_once_the_last_first() -> None:
    session, called = Session(), []
    session.on_close(lambda: called.append("first"))
    session.on_close(lambda: called.append("second"))
    session.close()
    session.close()
    assert called == ["second", "first"]
    assert session.closing.is_set()


def test_runs_are_named_by_their_folders_the_given_one_first(tmp_path: Path) -> None:
    for name in ("elsewhere/mine", "runs/a", "runs/b", "runs/no-run"):
        (tmp_path / name).mkdir(parents=True)
        if name != "runs/no-run":
            (tmp_path / name / "config.toml").write_text("")
    session = Session(runs_folder=tmp_path / "runs", run=tmp_path / "elsewhere" / "mine")
    assert session.run_ids()[0] == "mine"
    assert set(session.run_ids()) == {"mine", "a", "b"}
    assert session.run("mine") == tmp_path / "elsewhere" / "mine"
    with pytest.raises(RunError, match=r"no such run here; got '\.\./elsewhere/mine'; expected one of mine"):
        session.run("../elsewhere/mine")
    with pytest.raises(OptionError, match="no such data here"):
        session.data(str(tmp_path))


def test_nobody_waits_for_what_another_has_made() -> None:
    session, began, free = Session(), threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        assert free.wait(10)
        return "slow"

    other = threading.Thread(target=lambda: session.kept("slow", 0, slow))
    other.start()
    assert began.wait(10)
    assert session.kept("fast", 0, lambda: "fast") == "fast"
    free.set()
    other.join(10)
    assert session.kept("slow", 0, lambda: "again") == "slow"
    assert not session._making


def test_keys_are_forgotten_with_what_was_kept() -> None:
    session = Session()
    for number in range(50):
        session.kept(("line", number), 0, lambda: "network")
    with pytest.raises(ZeroDivisionError):
        session.kept("fails", 0, lambda: 1 // 0)
    assert len(session._kept) == MOST_KEPT
    assert not session._making


@pytest.mark.parametrize(
    ("data", "name"),
    [("/home/ann/pets/", "pets"), ("C:\\data\\pets.npz", "pets.npz"), ("sample:digits", "sample:digits"), ("/", "/")],
)
def test_of_data_only_the_last_part_is_told(data: str, name: str) -> None:
    assert data_name(data) == name
