"""Grad-CAM: Captum's published values, PyTorch's autograd and interpolation, and where its map is laid."""

import numpy as np
import pytest

from tatami.errors import OptionError
from tatami.inspect.grad_cam import class_map, grad_cam, last_map
from tatami.inspect.passes import activations

from .captum import IMAGE, TENSORS, TEXT


@pytest.mark.parametrize(
    ("x", "layer", "expected"),
    [
        (IMAGE, "conv1", [[11.25, 13.5], [20.25, 22.5]]),
        (IMAGE, "relu1", [[0, 4], [28, 32.5]]),
        (IMAGE, None, [[0, 4], [28, 32.5]]),
        (IMAGE + 1, "conv1", [[14.5, 19], [32.5, 37]]),
    ],
)
def test_captums_published_maps(make_subject, x, layer, expected):
    """Its tests/attr/layer/test_grad_cam.py."""
    subject = make_subject(TEXT, **TENSORS)
    np.testing.assert_allclose(class_map(subject, x, 0, layer)[0], expected, atol=0.01)


def test_captums_published_map_of_the_input_leaves_out_what_is_negative(make_subject):
    subject = make_subject(TEXT, **TENSORS)
    x = IMAGE.copy()
    x[0, 1, 1, 0] = -4
    expected = 0.5625 * x[..., 0]
    expected[0, 1, 1] = 0
    np.testing.assert_allclose(grad_cam(subject, x, 0, "input"), expected, atol=0.01)


@pytest.mark.parametrize("size", ["9x7x2", "11x2"])
def test_map_and_interpolation_are_pytorchs(make_subject, samples, size):
    torch = pytest.importorskip("torch", reason="compares with PyTorch's autograd and interpolation")
    subject = make_subject(f"INPUT({size}) -> CONV(3, S=2) -> TANH -> FC(3)")
    x, targets = samples(subject), [2, 0, 1]
    *lengths, _ = subject.network.input_shape
    A = torch.tensor(activations(subject, x)["tanh1"], requires_grad=True)
    score = A.flatten(1) @ torch.tensor(subject.state["fc1.weight"])
    score[range(3), targets].sum().backward()
    alpha = A.grad.flatten(1, -2).mean(dim=1)
    cam = torch.relu(torch.einsum("n...c,nc->n...", A.detach(), alpha))
    np.testing.assert_allclose(class_map(subject, x, targets), cam, atol=1e-5)
    mode = "bilinear" if len(lengths) == 2 else "linear"
    laid = torch.nn.functional.interpolate(cam[:, None], lengths, mode=mode, align_corners=False)[:, 0]
    found = grad_cam(subject, x, targets)
    assert (found.shape, found.dtype) == ((3, *lengths), np.float32)
    np.testing.assert_allclose(found, laid, atol=1e-5)


def test_a_map_of_one_position_covers_all(make_subject, samples):
    subject = make_subject("INPUT(6x5x1) -> CONV(2, 6x5, P=valid) -> FC(2)")
    x = samples(subject)
    found, maps = grad_cam(subject, x, 1), class_map(subject, x, 1)
    np.testing.assert_allclose(found, np.broadcast_to(maps, (3, 6, 5)))


def test_the_last_map(make_subject):
    assert last_map(make_subject("INPUT(8x1) -> CONV(2) -> POOL -> FC(3) -> RELU -> FC(2)")) == "pool1"
    assert last_map(make_subject("INPUT(8x1) -> FC(3)")) == "input"


@pytest.mark.parametrize(
    ("text", "layer", "problem"),
    [
        (TEXT, "conv2", "layer: no such layer; got conv2 (hint: did you mean conv1?)"),
        (TEXT, "xyz", "layer: no such layer; got xyz (hint: layers: input, conv1, relu1, fc1, relu2)"),
        (
            TEXT,
            "fc1",
            "fc1: this layer has no positions; got a plain vector of 4; expected a layer whose output is a map (hint: "
            "the last such layer is relu1)",
        ),
        (
            "INPUT(3) -> FC(2)",
            None,
            "input: this layer has no positions; got a plain vector of 3; expected a layer whose output is a map "
            "(hint: this network has none)",
        ),
    ],
)
def test_layers_without_a_map(make_subject, samples, text, layer, problem):
    subject = make_subject(text)
    with pytest.raises(OptionError) as caught:
        grad_cam(subject, samples(subject), 0, layer)
    assert str(caught.value) == problem
