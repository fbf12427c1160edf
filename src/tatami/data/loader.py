"""Batches prepared ahead of the engine: read, augmented and standardised in a thread, in order, the same every time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from tatami.data.augment import Augment, Mix
from tatami.data.dataset import Split
from tatami.data.preprocess import Preprocess
from tatami.errors import OptionError

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch, or a part of one, ready for the engine.

    Attributes:
        indices: int64 (n,), rows of the split; of a part that is mixed, also those of partners outside of it, behind.
        x: float32 (n, ...), standardised, and blended where there is a ``mix``.
        mix: whose label counts for how much; None where samples are not mixed.
        seconds: that it took to prepare.
        start: place of the first sample within the whole batch.
        total: samples of the whole batch.
    """

    indices: Indices
    x: NDArray[np.float32]
    mix: Mix | None
    seconds: float
    start: int
    total: int


def whole(total: int) -> slice:
    """All positions of a batch of ``total`` samples."""
    return slice(0, total)


class Loader:
    """Prepares the batches of a split.

    Args:
        split: the samples; may be a memory map.
        preprocess: standardises them.
        augment: changes them before that; None for nothing.
        seed: of the augmentation.
        ahead: how many batches may lie ready; with 0 there is no thread, and each is prepared when it is asked for.
        part: which positions of a batch of so many samples are prepared; they become the same as in the whole batch.

    Attributes:
        waited: seconds that the consumer has waited for batches so far. When that is a good part of its time, the data
            starve the engine.

    Raises:
        OptionError: a negative ``ahead``.
    """

    def __init__(
        self,
        split: Split,
        preprocess: Preprocess,
        augment: Augment | None,
        seed: int,
        ahead: int = 2,
        part: Callable[[int], slice] = whole,
    ) -> None:
        if ahead < 0:
            raise OptionError("impossible number of batches ahead", got=ahead, expected="a whole number from 0")
        self._split, self._preprocess, self._augment, self._seed = split, preprocess, augment, seed
        self._ahead, self._part = ahead, part
        self.waited = 0.0

    def batches(self, plan: Sequence[Indices], epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch.

        What a batch holds depends on the seed, the epoch and its indices alone. An error in preparing one is raised
        where that batch would have come. Closing the iterator early ends the thread after the batch in hand.

        Args:
            plan: the indices of each batch of the epoch.
            epoch: its number, for the augmentation.
            start: the first batch that is wanted, where an epoch is taken up again.
        """
        prepare = partial(self._prepare, epoch)
        if self._ahead:
            yield from self._in_thread(prepare, plan[start:])
            return
        for indices in plan[start:]:
            batch = prepare(indices)
            self.waited += batch.seconds
            yield batch

    def _prepare(self, epoch: int, indices: Indices) -> Batch:
        began = time.perf_counter()
        rows, total = self._part(len(indices)), len(indices)
        mix = self._augment.mix(self._seed, epoch, indices) if self._augment is not None else None
        if mix is None:
            indices = indices[rows]
        else:
            needed, mix = mix.part(rows)
            indices = indices[needed]
        x = np.asarray(self._split.x[indices])
        if self._augment is not None:
            x = self._augment(x, self._seed, epoch, indices)
        standardised = self._preprocess(x)
        if mix is not None:
            standardised = mix.blend(standardised)
        return Batch(indices, standardised, mix, time.perf_counter() - began, rows.start, total)

    def _in_thread(self, prepare: Callable[[Indices], Batch], wanted: Sequence[Indices]) -> Iterator[Batch]:
        ready: SimpleQueue[Batch | BaseException | None] = SimpleQueue()
        room = threading.Semaphore(self._ahead)
        stopped = threading.Event()
        # A daemon, so that an iterator that nobody closes cannot keep the interpreter from ending.
        thread = threading.Thread(
            target=_fill, args=(prepare, wanted, ready, room, stopped), name="tatami-loader", daemon=True
        )
        thread.start()
        try:
            while True:
                began = time.perf_counter()
                found = ready.get()
                self.waited += time.perf_counter() - began
                if found is None:
                    return
                if isinstance(found, BaseException):
                    raise found
                room.release()
                yield found
        finally:
            stopped.set()
            room.release()  # should it wait for room
            thread.join()


def _fill(
    prepare: Callable[[Indices], Batch],
    wanted: Sequence[Indices],
    ready: SimpleQueue[Batch | BaseException | None],
    room: threading.Semaphore,
    stopped: threading.Event,
) -> None:
    """Prepare batch after batch where there is room; None says that there are no more."""
    try:
        for indices in wanted:
            room.acquire()
            if stopped.is_set():
                return
            ready.put(prepare(indices))
        ready.put(None)
    except BaseException as error:  # whatever it is, the consumer must hear of it rather than wait for ever
        ready.put(error)
