"""Answers about a run's test, for which the page waits: they are worked out behind it and kept.

An answer is either what was asked for, or ``{"working": {"done", "total"}}``: how far the work is. The page asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tatami.data import Split
from tatami.data.dataset import Array
from tatami.inspect.embedding import Method, embedding
from tatami.inspect.patches import Patch, top_patches_of_units
from tatami.web.arrays import packed
from tatami.web.look_jobs import Jobs, Progress, Work
from tatami.web.look_tested import Tested, predict
from tatami.web.opened_run import Opened, read_samples

PATIENCE = 0.25
"""Seconds that an answer waits for the work before it tells how far that is."""

MOST_SHOWN = 60
"""Samples of a cell of the confusion matrix in one answer."""

MOST_SEARCHED = 1000
"""Samples in an embedding plot, and those that are searched for what excites a unit."""

MOST_PATCHES = 12

Answer = dict[str, Any]
Patches = dict[tuple[str, int], list[Patch]]


@dataclass(frozen=True)
class Behind:
    """All such answers. What is asked for has been checked."""

    jobs: Jobs

    def samples(self, opened: Opened, told: Callable[[Split], Answer]) -> Answer:
        """What is told of the samples of the run's test."""
        return self._worked((*opened.key, "samples"), lambda progress: read_samples(opened).split, told)

    def cell(self, opened: Opened, true: int, predicted: int, first: int) -> Answer:
        """The samples behind a cell of the confusion matrix, the surest first, from the ``first`` on."""

        def told(tested: Tested) -> Answer:
            rows = tested.cell(true, predicted)
            return {
                "count": len(rows),
                "samples": [tested.shown(int(row)) for row in rows[first : first + MOST_SHOWN]],
            }

        return self._tested(opened, told)

    def embedding(self, opened: Opened, method: Method) -> Answer:
        """Points of the plane, one for each sample, or for some spread over many."""

        def told(tested: Tested) -> Answer:
            rows, labels, predicted = tested.spread(MOST_SEARCHED), tested.labels, tested.predicted

            def work(progress: Progress) -> Array:
                progress(0, 0)  # it has no parts that are told of
                subject = opened.subject
                return embedding(subject, subject.prepare(np.asarray(tested.split.take(rows).x)), method)

            return self._worked(
                (*opened.key, "embedding", method),
                work,
                lambda points: {
                    "points": packed(points),
                    "rows": rows.tolist(),
                    "count": len(tested.split),
                    "true": None if labels is None else labels[rows].tolist(),
                    "predicted": None if predicted is None else predicted[rows].tolist(),
                },
            )

        return self._tested(opened, told)

    def patches(self, opened: Opened, layer: str, unit: int) -> Answer:
        """What excites a unit most among the samples, or among some spread over many."""

        def told(tested: Tested) -> Answer:
            rows = tested.spread(MOST_SEARCHED)

            def work(progress: Progress) -> Patches:  # of all units: one pass over the samples finds them
                units = {layer: range(opened.subject.network[layer].shape[-1])}
                return top_patches_of_units(opened.subject, tested.split.take(rows), units, MOST_PATCHES, progress)

            def patches(found: Patches) -> Answer:
                return {
                    "searched": len(rows),
                    "count": len(tested.split),
                    "patches": [
                        {
                            **tested.shown(int(rows[patch.index]), patch.field),
                            "value": patch.value,
                            "position": patch.position,
                            "field": patch.field,
                        }
                        for patch in found[layer, unit]
                    ],
                }

            return self._worked((*opened.key, "patches", layer), work, patches)

        return self._tested(opened, told)

    def _tested(self, opened: Opened, told: Callable[[Tested], Answer]) -> Answer:
        def of_samples(split: Split) -> Answer:
            return self._worked(
                (*opened.key, "outputs"),
                lambda progress: predict(opened, split, progress),
                lambda outputs: told(Tested(opened, split, outputs)),
            )

        return self.samples(opened, of_samples)

    def _worked(self, key: Hashable, work: Work, told: Callable[[Any], Answer]) -> Answer:
        """What is told of the result of some work; until it is there, how far it is."""
        job = self.jobs.ask(key, work)
        if not self.jobs.wait(job, PATIENCE):
            return {"working": {"done": job.done, "total": job.total}}
        if job.error is not None:
            raise job.error
        return told(job.value)
