"""Work behind the page: done once, newest first, its failures told, ended with the server."""

import threading
import time

import pytest

from tatami.errors import DataError
from tatami.web.look_jobs import MOST_KEPT, Jobs, Progress, Work


def test_work_is_done_once_and_the_newest_first() -> None:
    jobs, order = Jobs(), []
    gate = threading.Event()

    def work(name: str) -> Work:
        def done(progress: Progress) -> str:
            assert gate.wait(10)
            progress(1, 1)
            order.append(name)
            return name

        return done

    first = jobs.ask("a", work("a"))
    until = time.monotonic() + 10
    while jobs.waiting and time.monotonic() < until:
        time.sleep(0.01)  # until the first has begun
    others = [jobs.ask(name, work(name)) for name in "bc"]
    assert not jobs.wait(others[1], 0.01)
    assert jobs.ask("b", work("b")) is others[0]  # asked for again: it is next
    gate.set()
    assert all(jobs.wait(job, 10) for job in (first, *others))
    assert order == ["a", "b", "c"]
    assert (first.value, first.done, first.total) == ("a", 1, 1)
    assert jobs.ask("a", work("again")) is first
    jobs.close()


def test_work_that_fails_is_told_once_and_begun_anew() -> None:
    jobs, count = Jobs(), []

    def work(progress: Progress) -> None:
        count.append(1)
        raise DataError("gone", where="data")

    job = jobs.ask("a", work)
    assert jobs.wait(job, 10)
    assert str(jobs.ask("a", work).error) == "data: gone"
    again = jobs.ask("a", work)
    assert jobs.wait(again, 10)
    assert len(count) == 2
    jobs.close()


def test_a_fault_of_the_work_is_told_and_the_next_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = Jobs()
    job = jobs.ask("a", lambda progress: 1 // 0)
    assert jobs.wait(job, 10)
    assert "this could not be computed; got ZeroDivisionError" in str(job.error)
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert jobs.wait(jobs.ask("b", lambda progress: 2), 10)
    jobs.close()


def test_closing_stops_work_at_its_next_word() -> None:
    jobs, begun = Jobs(), threading.Event()

    def work(progress: Progress) -> None:
        begun.set()
        for i in range(10_000):
            progress(i, 10_000)
            time.sleep(0.001)

    job = jobs.ask("a", work)
    assert begun.wait(10)
    jobs.close()
    assert not job.is_finished
    assert job.done < 9_999


def test_what_is_asked_for_is_kept_and_the_rest_forgotten() -> None:
    jobs, made = Jobs(), []

    def ask(name: str) -> None:
        assert jobs.wait(jobs.ask(name, lambda progress: made.append(name)), 10)

    ask("samples")
    for number in range(3 * MOST_KEPT):
        ask(f"layer {number}")
        ask("samples")  # what every other answer is made from
    ask("layer 0")
    assert made.count("samples") == 1
    assert made.count("layer 0") == 2
    jobs.close()
