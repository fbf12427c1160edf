"""Each finding is planted once, and absent once, in data sets made by hand."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tatami.data import Dataset, Split, check_health, galleries, load_sample
from tatami.data.dataset import Problem
from tatami.data.health import Health
from tatami.data.health_finding import Finding
from tatami.data.health_measure import measure
from tatami.data.health_samples import picture_address

CLASSES = ("cat", "dog")


def pictures(count: int, seed: int = 0, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 6, 5, channels)).astype(np.uint8)


def images(**changes: object) -> Dataset:
    """Twenty noisy images to train on, ten of each class, and four to test: nothing is wrong with them."""
    clean = Dataset(
        "pets", "image", Split(pictures(20), np.arange(20) % 2), Split(pictures(4, 1), np.arange(4) % 2), CLASSES
    )
    return replace(clean, **changes)  # type: ignore[arg-type]


def signals(channels: int = 2, **changes: object) -> Dataset:
    x = np.random.default_rng(2).normal(size=(20, 30, channels)).astype(np.float32)
    clean = Dataset("s", "signal", Split(x[:16], np.arange(16) // 8), Split(x[16:], np.array([0, 0, 1, 1])), CLASSES)
    return replace(clean, **changes)  # type: ignore[arg-type]


def regression(targets: np.ndarray | None = None, x: np.ndarray | None = None) -> Dataset:
    samples = np.random.default_rng(3).normal(size=(100, 12, 1)).astype(np.float32) if x is None else x
    y = np.linspace(-1, 1, 100, dtype=np.float32)[:, np.newaxis] if targets is None else targets
    return Dataset("r", "signal", Split(samples, y), None, (), targets=("load",))


def found(dataset: Dataset, kind: str) -> list[Finding]:
    return [finding for finding in check_health(dataset).findings if finding.kind == kind]


def one(dataset: Dataset, kind: str) -> tuple[str, str, tuple[str, ...]]:
    (finding,) = found(dataset, kind)
    return finding.level, finding.text, finding.names


def test_nothing_is_said_of_clean_data() -> None:
    health = check_health(images())
    assert health.findings == ()
    assert health.summary == "24 samples, 2 classes, 0 errors, 0 warnings"
    assert check_health(regression()).summary == "100 samples, 1 target, 0 errors, 0 warnings"
    assert [f.kind for f in check_health(signals()).findings] == ["small class"]  # 8 of each


def test_figures() -> None:
    dataset = images()
    health = check_health(dataset)
    train, test = health.splits
    assert (health.kind, health.shape, health.dtype, health.imbalance) == ("image", (6, 5, 1), "uint8", 1.0)
    assert (train.name, train.samples, train.bytes, train.counts) == ("train", 20, 600, (10, 10))
    assert (test.name, test.samples, test.counts) == ("test", 4, (2, 2))
    values = dataset.train.x.astype(float)
    assert (train.low, train.high) == (values.min(), values.max())
    assert train.mean == pytest.approx((values.mean(),))
    assert train.std == pytest.approx((values.std(),))


def test_many_blocks_measure_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(1e4, 0.1, (50, 7, 3)).astype(np.float32)
    monkeypatch.setattr("tatami.data.health_measure._BLOCK", 21 * 7)
    measured = measure(x)
    values = x.astype(np.float64)
    np.testing.assert_allclose(measured.mean, values.mean(axis=(0, 1)), rtol=1e-12)
    np.testing.assert_allclose(measured.std, values.std(axis=(0, 1)), rtol=1e-9)
    np.testing.assert_array_equal(measured.low, values.min(axis=(0, 1)))
    np.testing.assert_array_equal(measured.high, values.max(axis=(0, 1)))
    np.testing.assert_allclose(measured.means, values.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(measured.spreads, np.ptp(values, axis=1), rtol=1e-12)
    assert len(set(measured.digests)) == len(measured.digests) == 50


def test_a_memory_map_is_measured_like_an_array(tmp_path: Path) -> None:
    x = pictures(20)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert check_health(images(train=Split(mapped, np.arange(20) % 2))) == check_health(images())


def test_duplicates() -> None:
    x = pictures(20)
    x[6] = x[8] = x[2]
    dataset = images(train=Split(x, np.arange(20) % 2))
    assert one(dataset, "duplicates") == (
        "warning",
        "2 samples of train are copies of another one",
        ("train row 2 = train row 6 = train row 8",),
    )
    assert not found(dataset, "leakage")
    assert not found(dataset, "label conflict")
    x[6, 0, 0, 0] ^= 1
    assert one(images(train=Split(x, np.arange(20) % 2)), "duplicates")[1] == (
        "1 sample of train is a copy of another one"
    )


def test_label_conflicts() -> None:
    x = pictures(20)
    x[4] = x[6] = x[3]
    dataset = images(train=Split(x, np.arange(20) % 2))
    assert one(dataset, "label conflict") == (
        "error",
        "1 sample stands in the data more than once, with different labels",
        ("train row 3 (dog) = train row 4 (cat) = train row 6 (cat)",),
    )
    assert check_health(dataset).errors == 1


def test_a_conflict_shows_each_label_although_many_agree() -> None:
    x = pictures(20)
    x[:14:2] = x[0]
    x[15] = x[0]
    (_, _, (name,)) = one(images(train=Split(x, np.arange(20) % 2)), "label conflict")
    assert name == "train row 0 (cat) = train row 15 (dog) = train row 2 (cat) = train row 4 (cat) = 4 more"


def test_leakage() -> None:
    x, test = pictures(20), pictures(4, 1)
    test[2], test[3] = x[4], x[5]
    dataset = images(train=Split(x, np.arange(20) % 2), test=Split(test, np.arange(4) % 2))
    assert one(dataset, "leakage") == (
        "error",
        "2 samples of test are in train as well",
        ("train row 4 = test row 2", "train row 5 = test row 3"),
    )
    assert not found(dataset, "duplicates")
    renamed = replace(dataset.test, names=["a.png", "b.png", "c.png", "d.png"])
    assert one(replace(dataset, test=renamed), "leakage")[2][0] == "train row 4 = c.png"


def test_leakage_among_other_splits_is_a_warning() -> None:
    dataset = images(validation=Split(pictures(4, 1)[1:3], np.array([1, 0])))
    assert one(dataset, "leakage") == (
        "warning",
        "2 samples of test are in validation as well",
        ("validation row 0 = test row 1", "validation row 1 = test row 2"),
    )


def test_at_most_twenty_names() -> None:
    x = pictures(40)
    dataset = images(train=Split(x, np.arange(40) % 2), test=Split(x[:30].copy(), np.arange(30) % 2))
    level, text, names = one(dataset, "leakage")
    assert (level, text, len(names)) == ("error", "30 samples of test are in train as well", 20)


def test_classes_empty_and_small() -> None:
    few = images(train=Split(pictures(20), np.array([0] * 11 + [1] * 9)))
    assert one(few, "small class") == ("warning", "1 class has fewer than 10 samples in train", ("dog: 9",))
    none = images(classes=("cat", "dog", "emu"))
    assert [(f.level, f.text, f.names) for f in found(none, "empty class")] == [
        ("error", "1 class has no sample in train", ("emu",)),
        ("warning", "1 class has no sample in test", ("emu",)),
    ]
    assert not found(none, "small class")


@pytest.mark.parametrize(("dogs", "said"), [(10, False), (9, True)])
def test_imbalance(dogs: int, said: bool) -> None:
    dataset = images(train=Split(pictures(30 + dogs), np.array([0] * 30 + [1] * dogs)))
    assert check_health(dataset).imbalance == pytest.approx(30 / dogs)
    if said:
        text = "the largest class of train is 3.3 times the smallest"
        assert one(dataset, "imbalance") == ("warning", text, ("cat: 30", "dog: 9"))
    else:
        assert not found(dataset, "imbalance")


def test_classes_alike() -> None:
    level, _, names = one(images(classes=("Cat", "cat ")), "classes alike")
    assert (level, names) == ("warning", ("'Cat' = 'cat '",))
    assert not found(images(), "classes alike")


def test_constant_and_nearly_constant_images() -> None:
    x = pictures(20, channels=3)
    x[3] = (10, 20, 30)
    x[5] = 100
    x[5, 0, 0] = 103
    dataset = images(train=Split(x, np.arange(20) % 2), test=None)
    assert one(dataset, "constant") == (
        "warning",
        "1 image of train is constant",
        ("train row 3: 10, 20, 30 throughout",),
    )
    assert one(dataset, "nearly constant") == ("note", "1 image of train is nearly constant", ("train row 5",))


def test_flat_channels_of_signals() -> None:
    dataset = signals()
    dataset.train.x[4, :, 1] = 0.25
    dataset.train.x[6] = 1
    assert one(dataset, "flat channel") == (
        "warning",
        "1 signal of train has a channel that stands still",
        ("train row 4: channel 1",),
    )
    assert one(dataset, "constant")[2] == ("train row 6: 1, 1 throughout",)


def test_channels_that_never_vary() -> None:
    dataset = signals()
    dataset.train.x[..., 0] = 0.5
    dataset.test.x[..., 0] = 0.5  # type: ignore[union-attr]
    assert one(dataset, "constant channel") == (
        "warning",
        "1 channel never varies in train",
        ("channel 0: 0.5 throughout",),
    )
    assert not found(dataset, "flat channel")


def test_samples_that_are_not_finite_are_named_and_left_out_of_the_figures() -> None:
    dataset = signals()
    before = check_health(replace(dataset, train=dataset.train.take(np.arange(2, 16))))
    dataset.train.x[0, 3, 1] = np.nan
    dataset.train.x[1, 0, 0] = np.inf
    assert one(dataset, "not finite") == (
        "error",
        "2 signals of train hold NaN or infinity",
        ("train row 0", "train row 1"),
    )
    after = check_health(dataset).splits[0]
    assert after.mean == pytest.approx(before.splits[0].mean)
    assert after.std == pytest.approx(before.splits[0].std)
    dataset.train.x[:] = np.nan
    nothing = check_health(dataset).splits[0]
    assert (nothing.low, nothing.high, nothing.mean, nothing.std) == (None, None, (), ())


def test_images_in_negative() -> None:
    x = np.zeros((20, 6, 5, 1), np.uint8)
    x[:, 2, 2, 0] = np.arange(200, 220)
    x[7] = 255 - x[7]
    dataset = images(train=Split(x, np.arange(20) % 2), test=None)
    assert one(dataset, "tone") == (
        "note",
        "1 image of train is much brighter than those of train, perhaps a negative",
        ("train row 7",),
    )
    x[7] = 255 - x[7]
    assert not found(dataset, "tone")


def test_problems_of_reading() -> None:
    dataset = images(
        problems=(
            Problem("a.png", "not a readable picture"),
            Problem("b.png", "lies on its side", "turned upright"),
            Problem("c.png", "empty"),
        )
    )
    first, second = found(dataset, "reading")
    assert (first.level, first.text) == ("warning", "2 problems while reading: left out")
    assert first.names == ("a.png: not a readable picture", "c.png: empty")
    assert (second.level, second.text) == ("note", "1 problem while reading: turned upright")


def test_targets_of_a_regression() -> None:
    health = check_health(regression())
    (target,) = health.splits[0].targets
    assert (health.targets, health.imbalance, health.splits[0].counts) == (("load",), None, ())
    assert target.quantiles == pytest.approx((-1, -0.98, -0.5, 0, 0.5, 0.98, 1), abs=1e-6)
    assert (target.mean, target.std) == pytest.approx((0, np.linspace(-1, 1, 100).std()), abs=1e-6)


def test_targets_far_off_constant_or_not_finite() -> None:
    y = np.linspace(-1, 1, 100, dtype=np.float32)[:, np.newaxis]
    y[9] = 100
    _, text, names = one(regression(y), "target outlier")
    assert text == "1 sample has load in train more than 6 standard deviations from the mean of train"
    assert names == ("train row 9: 100",)
    y[9] = np.nan
    assert one(regression(y), "target not finite") == (
        "error",
        "1 sample has NaN or infinity for load in train",
        ("train row 9",),
    )
    assert one(regression(np.full((100, 1), 2, np.float32)), "constant target")[1] == "load is 2 throughout train"
    assert not {"target outlier", "constant target"} & {f.kind for f in check_health(regression()).findings}


def test_equal_samples_of_a_regression_with_other_targets_are_a_warning() -> None:
    x = np.random.default_rng(3).normal(size=(100, 12, 1)).astype(np.float32)
    x[1] = x[0]
    level, _, names = one(regression(x=x), "label conflict")
    assert (level, names) == ("warning", ("train row 0 (-1) = train row 1 (-0.979798)",))


def test_errors_come_first() -> None:
    x = pictures(20)
    x[4], x[7] = x[3], 90
    x[9] = 100
    x[9, 0, 0] = 102
    health: Health = check_health(images(train=Split(x, np.arange(20) % 2), test=None))
    assert [f.level for f in health.findings] == ["error", "warning", "warning", "note"]
    assert health.summary == "20 samples, 2 classes, 1 error, 2 warnings"


def test_the_built_in_samples_have_no_errors() -> None:
    assert check_health(load_sample("digits")).errors == 0
    assert check_health(load_sample("gunpoint")).errors == 0


def decoded(address: str) -> Image.Image:
    head, _, data = address.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_galleries_show_samples_of_each_class() -> None:
    dataset = images()
    cats, dogs = galleries(dataset)
    assert (cats.title, dogs.title, len(cats.samples)) == ("cat", "dog", 8)
    assert (cats.samples[0].name, cats.samples[-1].name) == ("train row 0", "train row 18")
    np.testing.assert_array_equal(np.asarray(decoded(cats.samples[0].picture)), dataset.train.x[0, ..., 0])


def test_pictures_are_small_and_floats_are_stretched() -> None:
    assert decoded(picture_address(np.zeros((300, 200, 3), np.uint8))).size == (43, 64)
    ramp = np.linspace(-2, 3, 6, dtype=np.float32).reshape(2, 3, 1)
    np.testing.assert_array_equal(np.asarray(decoded(picture_address(ramp))), [[0, 51, 102], [153, 204, 255]])
    np.testing.assert_array_equal(np.asarray(decoded(picture_address(np.full((2, 2, 1), 7.0)))), np.zeros((2, 2)))


def test_curves_of_signals_are_thinned() -> None:
    x = np.random.default_rng(0).normal(size=(2, 1000, 9)).astype(np.float32)
    (only, _) = galleries(Dataset("s", "signal", Split(x, np.array([0, 1])), None, CLASSES))
    (shown,) = only.samples
    assert (len(shown.curves), len(shown.curves[0])) == (6, 200)
    assert shown.curves[2][0] == pytest.approx(x[0, 0, 2], rel=1e-3)
    assert shown.curves[2][-1] == pytest.approx(x[0, -1, 2], rel=1e-3)


def test_a_regression_is_shown_from_the_lowest_target_up() -> None:
    (gallery,) = galleries(regression(np.linspace(1, -1, 100, dtype=np.float32)[:, np.newaxis]))
    assert gallery.title == "from the lowest load to the highest"
    assert gallery.samples[0].name == "train row 99: load = -1"
    assert gallery.samples[-1].name == "train row 0: load = 1"


def test_notes_of_the_reader_are_findings() -> None:
    found = check_health(replace(load_sample("gunpoint"), notes=("series of 3 to 150 steps are padded",)))
    assert Finding("note", "reading", "series of 3 to 150 steps are padded") in found.findings
    assert not found.errors
