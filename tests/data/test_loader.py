"""The loader: the same batches with a thread and without, errors that arrive, threads that end."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tatami.data import Preprocess, Split
from tatami.data.augment import Augment, Shift, make_augment
from tatami.data.loader import Batch, Loader
from tatami.errors import DataError, OptionError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (50, 8, 9, 3), dtype=np.uint8)
SIGNALS = RNG.normal(size=(50, 20, 2)).astype(np.float32)
PLAN = np.array_split(RNG.permutation(50), 7)


def loader(x: np.ndarray, preset: str | None = "strong", ahead: int = 2) -> Loader:
    kind: Any = "image" if x.ndim == 4 else "signal"
    augment = preset and make_augment(preset, kind, x.shape[1:], len(x))
    return Loader(Split(x, None), Preprocess.fit(x, kind), augment or None, seed=5, ahead=ahead)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tatami-loader"]


def assert_same(found: list[Batch], expected: list[Batch]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_array_equal(one.x, other.x)
        assert (one.mix is None) == (other.mix is None)
        if one.mix is not None and other.mix is not None:
            np.testing.assert_array_equal(one.mix.share, other.mix.share)
            np.testing.assert_array_equal(one.mix.partner, other.mix.partner)


@pytest.mark.parametrize("x", [IMAGES, SIGNALS])
@pytest.mark.parametrize("ahead", [1, 2, 20])
def test_a_thread_changes_nothing(x: np.ndarray, ahead: int) -> None:
    expected = list(loader(x, ahead=0).batches(PLAN, epoch=3))
    assert [batch.indices.tolist() for batch in expected] == [indices.tolist() for indices in PLAN]
    assert_same(list(loader(x, ahead=ahead).batches(PLAN, epoch=3)), expected)
    assert threads() == []


def test_a_batch_is_read_augmented_standardised_and_mixed() -> None:
    augment = make_augment("strong", "image", IMAGES.shape[1:], 50)
    preprocess = Preprocess.fit(IMAGES, "image")
    for batch, indices in zip(loader(IMAGES).batches(PLAN, epoch=3), PLAN, strict=True):
        mix = augment.mix(5, 3, indices)
        assert mix is not None
        expected = mix.blend(preprocess(augment(IMAGES[indices], 5, 3, indices)))
        np.testing.assert_array_equal(batch.x, expected)
        assert batch.x.dtype == np.float32
        assert batch.x.flags.c_contiguous
        assert batch.seconds > 0


@pytest.mark.parametrize("preset", [None, "none"])
def test_without_augmentation_it_is_preprocessing(preset: str | None) -> None:
    for batch in loader(IMAGES, preset).batches(PLAN, epoch=3):
        np.testing.assert_array_equal(batch.x, Preprocess.fit(IMAGES, "image")(IMAGES[batch.indices]))
        assert batch.mix is None


@pytest.mark.parametrize("ahead", [0, 2])
def test_an_epoch_can_be_taken_up_at_any_batch(ahead: int) -> None:
    expected = list(loader(IMAGES).batches(PLAN, epoch=3))
    for start in (0, 3, 6, 7):
        assert_same(list(loader(IMAGES, ahead=ahead).batches(PLAN, 3, start)), expected[start:])


def test_epochs_differ() -> None:
    one, other = (next(loader(IMAGES).batches(PLAN, epoch)) for epoch in (1, 2))
    assert (one.x != other.x).any()


@pytest.mark.parametrize("preset", [None, "none", "light", "strong"])
@pytest.mark.parametrize("ahead", [0, 2])
def test_parts_of_a_batch_are_prepared_as_the_whole(preset: str | None, ahead: int) -> None:
    """Also where a sample is mixed with one of another part."""
    for x in (IMAGES, SIGNALS):
        entire = list(loader(x, preset).batches(PLAN, epoch=3))
        kind: Any = "image" if x.ndim == 4 else "signal"
        augment = preset and make_augment(preset, kind, x.shape[1:], len(x))
        for bounds in (lambda n: slice(0, n // 3), lambda n: slice(n // 3, n), lambda n: slice(2, 3)):
            part = Loader(Split(x, None), Preprocess.fit(x, kind), augment or None, 5, ahead, bounds)
            for found, whole, indices in zip(part.batches(PLAN, epoch=3), entire, PLAN, strict=True):
                rows = bounds(len(indices))
                np.testing.assert_array_equal(found.x, whole.x[rows])
                assert (found.start, found.total) == (rows.start, len(indices))
                np.testing.assert_array_equal(found.indices[: len(found.x)], indices[rows])
                labels = RNG.normal(size=(50, 3)).astype(np.float32)
                if found.mix is not None and whole.mix is not None:
                    blended = found.mix.blend(labels[found.indices])
                    np.testing.assert_array_equal(blended, whole.mix.blend(labels[whole.indices])[rows])
        assert (preset == "strong") == (entire[0].mix is not None)


def test_samples_of_a_memory_map(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    found = list(loader(mapped).batches(PLAN, epoch=3))
    assert_same(found, list(loader(IMAGES).batches(PLAN, epoch=3)))
    assert all(type(batch.x) is np.ndarray for batch in found)


@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_an_error_arrives_where_its_batch_would_have(ahead: int) -> None:
    class Spoilt:
        def __getitem__(self, indices: np.ndarray) -> np.ndarray:
            if np.array_equal(indices, PLAN[4]):
                raise DataError("the file is gone", where="data.npz")
            return IMAGES[indices]

    spoilt = Loader(Split(Spoilt(), None), Preprocess.fit(IMAGES, "image"), None, seed=0, ahead=ahead)  # type: ignore[arg-type]
    found = []
    with pytest.raises(DataError, match=r"^data\.npz: the file is gone$"):
        found.extend(batch.indices for batch in spoilt.batches(PLAN, epoch=1))
    assert len(found) == 4
    assert threads() == []


class Counted(Augment):
    """Nothing is changed, but every batch is counted and takes its time."""

    made = 0
    pause = 0.0

    def __call__(self, x: np.ndarray, seed: int, epoch: int, indices: np.ndarray) -> np.ndarray:
        time.sleep(type(self).pause)
        type(self).made += 1
        return x


def counted(pause: float = 0.0, ahead: int = 2) -> tuple[Loader, type[Counted]]:
    kind = type("Counted", (Counted,), {"made": 0, "pause": pause})
    return Loader(Split(SIGNALS, None), Preprocess.fit(SIGNALS, "signal"), kind("signal"), seed=0, ahead=ahead), kind


def wait_until(condition: Any) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def test_so_many_batches_are_prepared_ahead_and_no_more() -> None:
    source, kind = counted(ahead=2)
    batches = source.batches(PLAN, epoch=1)
    next(batches)
    wait_until(lambda: kind.made == 3)
    time.sleep(0.05)
    assert kind.made == 3
    next(batches)
    wait_until(lambda: kind.made == 4)
    batches.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [GeneratorExit, KeyboardInterrupt, ValueError])
def test_the_thread_ends_when_the_consumer_does(error: type[BaseException]) -> None:
    source, kind = counted(pause=0.02)
    batches = source.batches(PLAN * 100, epoch=1)
    next(batches)
    assert len(threads()) == 1
    began = time.perf_counter()
    if error is GeneratorExit:
        batches.close()  # type: ignore[attr-defined]
    else:
        with pytest.raises(error):
            batches.throw(error())  # type: ignore[attr-defined]
    assert time.perf_counter() - began < 0.5
    assert threads() == []
    assert kind.made < 6


def test_a_forgotten_iterator_ends_its_thread() -> None:
    for _ in loader(SIGNALS).batches(PLAN, epoch=1):
        break
    wait_until(lambda: threads() == [])


def test_waiting_is_counted() -> None:
    slow, _ = counted(pause=0.02)
    assert slow.waited == 0
    list(slow.batches(PLAN, epoch=1))
    assert slow.waited > 7 * 0.02 * 0.8
    without_thread, _ = counted(pause=0.02, ahead=0)
    list(without_thread.batches(PLAN, epoch=1))
    assert without_thread.waited > 7 * 0.02 * 0.8

    fast, _ = counted(pause=0.005)
    for _ in fast.batches(PLAN, epoch=1):
        time.sleep(0.03)  # the engine at work, meanwhile the next batch becomes ready
    assert fast.waited < 7 * 0.02


def test_two_epochs_of_one_loader_at_once() -> None:
    source = loader(IMAGES, "light")
    expected = [list(loader(IMAGES, "light", ahead=0).batches(PLAN, epoch)) for epoch in (1, 2)]
    both = list(zip(source.batches(PLAN, 1), source.batches(PLAN, 2), strict=True))
    assert_same([one for one, _ in both], expected[0])
    assert_same([other for _, other in both], expected[1])


def test_samples_of_another_shape_are_refused_in_the_consumer() -> None:
    wrong = Loader(Split(IMAGES[:, :5], None), Preprocess.fit(IMAGES, "image"), Augment("image", (Shift(1),)), seed=0)
    with pytest.raises(DataError, match="samples of another shape; got"):
        list(wrong.batches(PLAN, epoch=1))


def test_a_negative_number_of_batches_ahead_is_refused() -> None:
    with pytest.raises(OptionError) as error:
        loader(IMAGES, ahead=-1)
    assert str(error.value) == "impossible number of batches ahead; got -1; expected a whole number from 0"
