"""What has happened in an exploration, line by line on disk: enough to go on from, whenever it stops.

``events.jsonl`` holds a line of JSON an event, each with ``at``, the seconds that the exploration has taken: ``began``
(a job was given to a worker), ``ended`` (with its result), ``lost`` (its worker is gone), ``tested``, ``left``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from tatami.errors import RunError
from tatami.explore.halving import FINAL, Job, Ladder, Score, Standing
from tatami.explore.trial import Result

FILE = "events.jsonl"


class Journal:
    """The events of one exploration.

    Args:
        folder: of the exploration.

    Raises:
        RunError: the file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.began: list[Job] = []
        self.results: dict[Job, Result] = {}
        self.tested: list[dict[str, Any]] = []
        self.losses: dict[Job, int] = {}
        self.spent = 0.0
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise RunError(
                    "not an event of an exploration", where=f"{self.path}:{number}", got=line[:60]
                ) from error
        if whole != text:  # a line that was cut off, as by a crash
            self.path.write_text(whole, encoding="utf-8")

    @property
    def pending(self) -> list[Job]:
        """Jobs of the search that began and have no result."""
        return [job for job in self.began if job.rung != FINAL and job not in self.results]

    @property
    def trials(self) -> int:
        """How many trials have begun."""
        return len({job.trial for job in self.began})

    def latest(self, trial: int) -> Result | None:
        """The result of a trial on the highest rung that it has reached."""
        of_trial = {job.rung: result for job, result in self._searched() if job.trial == trial}
        return of_trial[max(of_trial)] if of_trial else None

    def standing(self, ladder: Ladder, running: set[Job]) -> Standing:
        """What is known, as the rule of promotion takes it."""
        scores: tuple[dict[int, Score], ...] = tuple({} for _ in ladder.epochs)
        for job, result in self._searched():
            scores[job.rung][job.trial] = result.rank
        return Standing(scores, frozenset(running))

    def _searched(self) -> Iterator[tuple[Job, Result]]:
        return ((job, result) for job, result in self.results.items() if job.rung != FINAL)

    def add(self, event: str, at: float, **values: Any) -> None:
        """Write one event.

        Raises:
            RunError: the disk does not take it.
        """
        said = {"event": event, "at": round(at, 3), **values}
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(said, allow_nan=False) + "\n")
        except OSError as error:
            raise RunError("the exploration cannot be written", where=str(self.path), got=error.strerror) from error
        self._take(json.loads(json.dumps(said)))

    def add_result(self, job: Job, at: float, result: Result) -> None:
        """Write the result of a job."""
        self.add("ended", at, trial=job.trial, rung=job.rung, **asdict(result))

    def _take(self, said: dict[str, Any]) -> None:
        event, self.spent = said.pop("event"), float(said.pop("at"))
        if event == "tested":
            self.tested.append(said)
        if event not in ("began", "ended", "lost"):
            return
        job = Job(int(said.pop("trial")), int(said.pop("rung")))
        if event == "began" and job not in self.began:
            self.began.append(job)
        elif event == "ended":
            self.results[job] = msgspec.convert(said, Result)
        elif event == "lost":
            self.losses[job] = self.losses.get(job, 0) + 1
