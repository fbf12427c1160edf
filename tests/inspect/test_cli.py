"""`tatami inspect`: what it writes, what it refuses, and that nothing is left half-written."""

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tatami.data import Preprocess
from tatami.engines import compile
from tatami.formats import save_weights
from tatami.inspect.passes import activations
from tatami.inspect.subject import Subject
from tatami.network import find_network
from tatami.recipe import CrossEntropy
from tatami.train import TrainConfig, load_trained, train
from tatami.train.run import BEST, Identity, read_trained

MEMO = "INPUT -> [[CONV(6) -> RELU]*1 -> POOL]*2 -> [FC(8) -> RELU]*1 -> FC"
WAVE = "INPUT -> [CONV({4,6}, 5) -> BN -> RELU]*2 -> GAP -> FC -> SOFTMAX"


@pytest.fixture(scope="session")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with colour.npz, 8x8 images in red or blue, and a run on it."""
    folder = tmp_path_factory.mktemp("colour")
    y = np.arange(48) % 2
    x = np.random.default_rng(0).integers(0, 40, (48, 8, 8, 3)).astype(np.uint8)
    x[y == 0, ..., 0] += 180
    x[y == 1, ..., 2] += 180
    np.savez(folder / "colour.npz", x_train=x, y_train=y, x_test=x[:12], y_test=y[:12], classes=["red", "blue"])
    config = TrainConfig(str(folder / "colour.npz"), epochs=4, batch=8, lr=0.02)
    train(find_network(MEMO), config, folder / "run", lambda event: None)
    return folder


@pytest.fixture(scope="session")
def waves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the built-in signals."""
    folder = tmp_path_factory.mktemp("waves")
    config = TrainConfig("sample:gunpoint", epochs=2, batch=16, lr=0.01)
    train(find_network(WAVE), config, folder / "run", lambda event: None)
    return folder / "run"


class Page(HTMLParser):
    """A page, taken apart: texts, and every attribute of every element."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def addresses(self) -> Iterator[str]:
        """Everything that a browser would ask for."""
        for _, attributes in self.elements:
            yield from (attributes[name] or "" for name in ("src", "href") if name in attributes)
        yield from re.findall(r"url\(([^)]*)\)", self.source)

    def labels(self, start: str) -> list[str]:
        found = [a.get("alt") or a.get("aria-label") or "" for tag, a in self.elements if tag in ("img", "svg")]
        return [label for label in found if label.startswith(start)]


def test_the_page_needs_nothing_else(tatami, stripes: Path, tmp_path: Path) -> None:
    result = tatami("inspect", stripes / "run", stripes / "colour.npz", "--sample", "3,5", "-o", tmp_path / "page.html")
    assert (result.code, result.out) == (0, f"wrote {tmp_path}/page.html\n")
    page = Page(tmp_path / "page.html")
    assert page.open == []
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses())
    assert "script" not in {tag for tag, _ in page.elements}
    assert not re.search(r"https?:(?!//www\.w3\.org)", page.source)
    assert all(attributes.get("alt") for tag, attributes in page.elements if tag == "img")
    assert all(a.get("aria-label") or a.get("aria-hidden") for tag, a in page.elements if tag == "svg")


def test_a_sample_shows_prediction_maps_and_what_its_score_depends_on(tatami, stripes: Path, tmp_path: Path) -> None:
    tatami("inspect", stripes / "run", stripes / "colour.npz", "--sample", "3,5", "-o", tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    for row in (3, 5):
        assert f"{stripes}/colour.npz[{row}]" in page.text
    assert page.text.count("What the score of blue depends on") == 2
    for method in ("Saliency", "SmoothGrad", "Integrated gradients", "Grad-CAM", "Occlusion"):
        assert len(page.labels(method)) == 2
    for layer, units in (("conv1", 6), ("relu1", 6), ("pool1", 6), ("conv2", 6)):
        assert len(page.labels(f"{layer}, unit")) == 2 * units
    for layer, units in (("fc1", 8), ("relu3", 8), ("fc2", 2)):
        assert page.labels(f"{layer}: {units} values") == [f"{layer}: {units} values"] * 2
    assert len(page.labels("conv1, filter")) == 6
    assert "in the colours that it answers to" in page.text


def test_layers_units_and_the_target_can_be_chosen(tatami, stripes: Path, tmp_path: Path) -> None:
    result = tatami(
        *("inspect", stripes / "run", stripes / "colour.npz", "--sample", 3, "-o", tmp_path / "page.html"),
        *("--layers", "conv2,relu1", "--target", "red", "--unit", "conv2:4"),
    )
    assert result.code == 0
    page = Page(tmp_path / "page.html")
    assert "What the score of red depends on" in page.text
    assert len(page.labels("conv2, unit")) == len(page.labels("relu1, unit")) == 6
    assert page.labels("conv1, unit") == page.labels("conv1, filter") == []
    (seen,) = page.labels("unit conv2:4")
    assert "its receptive field there is 8x8" in seen  # 1 + 2 of conv1, 1 of pool1, 2*2 of conv2


def test_methods_can_be_chosen(tatami, stripes: Path, tmp_path: Path) -> None:
    result = tatami(
        *("inspect", stripes / "run", stripes / "colour.npz", "--sample", 3, "-o", tmp_path / "all.npz"),
        *("--methods", "occlusion,saliency"),
    )
    assert result.code == 0
    methods = {"saliency", "smooth_grad", "integrated_gradients", "grad_cam", "occlusion"}
    with np.load(tmp_path / "all.npz") as found:
        assert methods & set(found.files) == {"saliency", "occlusion"}


def save_untrained(path: Path, text: str, classes: str, preprocess: Preprocess) -> Path:
    """Weights that nobody trained, with what belongs to them."""
    model = compile(find_network(text).build(), "textbook", batch=1, seed=0)
    identity = Identity(text, tuple(classes), preprocess, CrossEntropy())
    save_weights(path, model.state_dict(), identity.to_metadata())
    return path


def test_a_picture_in_negative_is_noted(tatami, tmp_path: Path) -> None:
    dark = Preprocess("image", (4, 4, 1), 1 / 255, (0.1,), (0.2,))
    run = save_untrained(tmp_path / "run.safetensors", "INPUT(4x4x1) -> FC(2)", "ab", dark)
    new, page = tmp_path / "new.png", tmp_path / "page.html"
    Image.fromarray(np.full((4, 4), 250, np.uint8)).save(new)
    noted = f"note: {new} is much brighter than the training images; "
    assert tatami("inspect", run, new, "-o", page).err.startswith(f"{noted}it may be in negative: try --invert\n")
    assert "--invert" not in tatami("inspect", run, new, "-o", page, "--invert").err
    Image.fromarray(np.full((4, 4), 5, np.uint8)).save(new)
    assert tatami("inspect", run, new, "-o", page, "--invert").err.startswith(f"{noted}try without --invert\n")


def test_arrays_are_those_of_the_network(tatami, stripes: Path, tmp_path: Path) -> None:
    result = tatami(
        *("inspect", stripes / "run", stripes / "colour.npz", "--sample", "5,3", "-o", tmp_path / "all.npz"),
        *("--unit", "conv1:2", "--target", "red"),
    )
    assert result.code == 0
    _, identity, weights = read_trained(stripes / "run")
    with np.load(stripes / "colour.npz") as data:
        raw = data["x_test"][[5, 3]]
    trained = load_trained(stripes / "run")
    with np.load(tmp_path / "all.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["input"], raw)
        assert list(found["names"]) == [f"{stripes}/colour.npz[5]", f"{stripes}/colour.npz[3]"]
        assert list(found["classes"]) == ["red", "blue"]
        assert list(found["targets"]) == ["red", "red"]
        scores = trained.model.forward(identity.preprocess(raw))
        np.testing.assert_allclose(found["activations.fc2"], scores, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found["outputs"].sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(found["outputs"].argmax(axis=1), scores.argmax(axis=1))
        np.testing.assert_array_equal(found["weights.conv1"], weights["conv1.weight"])
        assert found["saliency"].shape == found["smooth_grad"].shape == (2, 8, 8, 3)
        assert found["grad_cam"].shape == found["occlusion"].shape == (2, 8, 8)
        maps, at = found["activations.conv1"], found["unit.conv1.2.position"]
        for i in range(2):
            assert maps[i, at[i, 0], at[i, 1], 2] == maps[i, ..., 2].max() == found["unit.conv1.2.activation"][i]
            np.testing.assert_array_equal(found["unit.conv1.2.field"][i], [(a - 1, a + 2) for a in at[i]])


def test_a_picture_holds_inputs_attributions_and_maps(tatami, stripes: Path, waves: Path, tmp_path: Path) -> None:
    for run, files in ((stripes / "run", stripes / "colour.npz"), (waves, "sample:gunpoint")):
        result = tatami("inspect", run, files, "--sample", 0, "-o", tmp_path / "all.png", "--layers", "conv1,fc1")
        assert result.code == 0
        with Image.open(tmp_path / "all.png") as image:
            assert image.format == "PNG"
            assert image.width > 1000
            image.verify()


def test_signals_are_drawn_as_curves(tatami, waves: Path, tmp_path: Path) -> None:
    result = tatami(
        "inspect", waves, "sample:gunpoint", "--sample", 7, "-o", tmp_path / "page.html", "--unit", "conv2:1"
    )
    assert result.code == 0
    page = Page(tmp_path / "page.html")
    assert page.open == []
    assert "img" not in {tag for tag, _ in page.elements}
    assert len(page.labels("conv2, filter")) == 6
    assert len(page.labels("conv1, unit")) == len(page.labels("conv1, filter")) == 4
    assert len(page.labels("Grad-CAM")) == 1
    (seen,) = page.labels("unit conv2:1")
    assert seen.endswith("its receptive field there is 9")


def test_only_some_samples_and_units_are_shown_and_that_is_said(tatami, waves: Path, tmp_path: Path) -> None:
    result = tatami("inspect", waves, "sample:gunpoint", "-o", tmp_path / "page.html", "--layers", "gap1")
    assert result.code == 0
    note = "only the first 4 samples are shown; --sample chooses others"
    assert f"note: {note}\n" in result.err
    assert note in Page(tmp_path / "page.html").text


def test_over_the_data_of_the_run_units_are_counted_and_samples_embedded(tatami, stripes: Path, tmp_path: Path) -> None:
    arguments = ("inspect", stripes / "run", stripes / "colour.npz", "--sample", 0, "--tsne")
    assert tatami(*arguments, "-o", tmp_path / "all.npz").code == 0
    network, identity, weights = read_trained(stripes / "run")
    with np.load(stripes / "colour.npz") as data:
        raw, y = data["x_test"], data["y_test"]
    subject = Subject(network, weights, identity.preprocess, identity.classes, "image")
    answers = activations(subject, identity.preprocess(raw))
    with np.load(tmp_path / "all.npz", allow_pickle=False) as found:
        for layer in ("relu1", "relu2", "relu3"):
            ever = answers[layer].reshape(-1, answers[layer].shape[-1]).max(axis=0)
            np.testing.assert_array_equal(found[f"dead.{layer}"], np.flatnonzero(ever <= 0))
        np.testing.assert_array_equal(found["embedding.labels"], y)
        assert found["embedding.pca"].shape == found["embedding.tsne"].shape == (12, 2)
        best = answers["conv2"].max(axis=(0, 1, 2)).argsort()[::-1][:3]
        names = [name for name in found.files if name.startswith("patches.conv2") and name.endswith("activation")]
        assert names == [f"patches.conv2.{unit}.activation" for unit in best]
        strongest = np.sort(answers["conv2"][..., best[0]].max(axis=(1, 2)))[::-1][:8]
        np.testing.assert_allclose(found[names[0]], strongest, rtol=1e-5)

    assert tatami(*arguments, "-o", tmp_path / "page.html").code == 0
    page = Page(tmp_path / "page.html")
    assert f"all 12 test samples of {stripes}/colour.npz" in page.text
    assert page.labels("12 samples as points") == ["12 samples as points, by pca", "12 samples as points, by tsne"]
    assert len(page.labels("row ")) == 2 * 3 * 8  # pieces of three units of each of two CONV


def test_samples_of_the_data_are_spread_and_too_few_are_noted(tatami, stripes: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = tatami(
        "inspect", stripes / "run", stripes / "colour.npz", "--sample", 0, "--samples", 3, "--tsne", "-o", page
    )
    assert result.err == "note: no embedding by tsne: x: too few samples to embed; got 3; expected at least 4\n"
    assert "3 of the 12 test samples" in Page(page).text


def test_without_the_data_the_rest_is_shown_and_that_is_noted(tatami, stripes: Path, tmp_path: Path) -> None:
    with np.load(stripes / "colour.npz") as data:
        Image.fromarray(data["x_test"][1]).save(tmp_path / "one.png")
    for run, why in (
        (stripes / "run" / BEST, "these weights come without their run, so its data are not known"),
        (tmp_path / "moved", "the run's data cannot be read"),
    ):
        if not run.exists():
            shutil.copytree(stripes / "run", run)
            config = run / "config.toml"
            config.write_text(config.read_text().replace("colour.npz", "gone.npz"))
        result = tatami("inspect", run, tmp_path / "one.png", "-o", tmp_path / "page.html")
        assert result.code == 0
        assert result.err.startswith(f"note: no dead units, patches and embedding: {why}")
        assert result.err.count("\n") == 1
        page = Page(tmp_path / "page.html")
        assert why in page.text
        assert "What the score of blue depends on" in page.text
        assert "Embedding" not in page.text


def test_a_regression_shows_what_is_predicted(tatami, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 12, 2)).astype(np.float32)
    y = np.stack([10 + x.mean(axis=(1, 2)), x[:, 0, 0]], axis=1).astype(np.float32)
    np.savez(tmp_path / "wave.npz", x=x, y=y, targets=["mean", "first"])
    config = TrainConfig(str(tmp_path / "wave.npz"), epochs=2, batch=8, lr=0.01)
    train(find_network("INPUT -> CONV(4, 3) -> TANH -> FC"), config, tmp_path / "run", lambda event: None)
    arguments = ("inspect", tmp_path / "run", tmp_path / "wave.npz", "--sample", 2)
    assert tatami(*arguments, "-o", tmp_path / "all.npz", "--target", "first").code == 0
    trained = load_trained(tmp_path / "run")
    assert trained.identity.standard is not None
    expected = trained.identity.standard.back(trained.model.forward(trained.identity.preprocess(x[2:3])))
    with np.load(tmp_path / "all.npz") as found:
        np.testing.assert_allclose(found["outputs"], expected, rtol=1e-4)
        assert list(found["classes"]) == ["mean", "first"]
        assert list(found["targets"]) == ["first"]
        assert "embedding.labels" not in found.files
    assert tatami(*arguments, "-o", tmp_path / "page.html").code == 0
    page = Page(tmp_path / "page.html")
    assert "What the predicted mean depends on" in page.text
    assert f"{expected[0, 0]:.4g}" in page.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--layers", "conv9"), "layer: no such layer; got conv9 (hint: did you mean conv2?)"),
        (("--unit", "conv2:6"), "conv2: no such unit; got 6; expected 0 to 5, as the layer has 6 units"),
        (("--unit", "conv2"), "--unit: not a unit; got conv2; expected a layer and a number, as conv3:5"),
        (
            ("--target", "rde"),
            "--target: no such class or target; got rde; expected red, blue (hint: did you mean red?)",
        ),
        (
            ("--methods", "saliency,gradcam"),
            "--methods: no such method; got gradcam; expected saliency, smooth_grad, integrated_gradients, grad_cam, "
            "occlusion (hint: did you mean grad_cam?)",
        ),
        (("--sample", "12"), "--sample: no such sample; got 12; expected 0 to 11"),
        (("--sample", "9" * 25), f"--sample: no such sample; got {'9' * 25}; expected 0 to 11"),
        (("--sample", "1,-2"), "--sample: not a list of numbers; got -2; expected as 3 or 3,5, from 0"),
        (
            ("-o", "page.pdf"),
            "-o: the ending does not say what to write; got page.pdf; "
            "expected a name *.html, *.png or *.npz, or --format",
        ),
    ],
)
def test_what_cannot_be_is_one_line(
    tatami, stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = tatami("inspect", stripes / "run", stripes / "colour.npz", "-o", "page.html", *options)
    assert (result.code, result.out, result.err) == (2, "", f"error: {message}\n")
    assert list(tmp_path.iterdir()) == []


def test_files_that_do_not_fit_and_runs_without_weights(tatami, stripes: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    signal = tatami("inspect", stripes / "run", "sample:gunpoint", "-o", page)
    assert signal.code == 2
    assert signal.err.startswith("error: sample:gunpoint[0]: samples of another range of values; got float32")
    missing = tatami("inspect", stripes / "run", "no.png", "-o", page)
    assert (missing.code, missing.err.count("\n")) == (2, 1)
    assert missing.err.startswith("error: no.png: no such file")
    shutil.copytree(stripes / "run", tmp_path / "bare")
    (tmp_path / "bare" / BEST).unlink()
    bare = tatami("inspect", tmp_path / "bare", stripes / "colour.npz", "-o", page)
    assert bare.err == f"error: {tmp_path}/bare: no trained weights here; expected a run directory with {BEST}\n"
    unwritable = tatami("inspect", stripes / "run", stripes / "colour.npz", "-o", tmp_path / "none" / "page.html")
    assert unwritable.code == 2
    assert not page.exists()


def test_a_network_without_maps_has_no_grad_cam(tatami, tmp_path: Path) -> None:
    x = np.eye(8, 4, dtype=np.uint8).reshape(8, 2, 2) * 200
    np.savez(tmp_path / "x.npz", x=x, y=np.arange(8) % 2)
    config = TrainConfig(str(tmp_path / "x.npz"), epochs=1, batch=4, validation=0)
    train(find_network("INPUT -> FC"), config, tmp_path / "run", lambda event: None)
    result = tatami("inspect", tmp_path / "run", tmp_path / "x.npz", "--sample", 0, "-o", tmp_path / "page.html")
    assert result.code == 0, result.err
    page = Page(tmp_path / "page.html")
    assert page.labels("Grad-CAM") == []
    assert len(page.labels("Occlusion")) == 1
    assert len(page.labels("fc1, filter")) == 2


def test_the_memo_network_on_one_digit_is_a_page_under_3_mb(tatami, tmp_path: Path) -> None:
    text = "INPUT(28x28x1) -> [[CONV -> RELU]*2 -> POOL]*2 -> [FC -> RELU]*1 -> FC(10)"
    digits = Preprocess("image", (28, 28, 1), 1 / 255, (0.13,), (0.31,))
    run = save_untrained(tmp_path / "memo.safetensors", text, "0123456789", digits)
    for options in ((), ("--all-units",)):
        page = tmp_path / "page.html"
        result = tatami("inspect", run, "sample:digits", "--sample", 0, "-o", page, *options)
        assert result.code == 0, result.err
        assert 100_000 < page.stat().st_size < 3_000_000
        assert ("first 16 of 32 units" in page.read_text(encoding="utf-8")) == (not options)
