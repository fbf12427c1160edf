"""The CPU engine in plain NumPy: every case of the table against the textbook engine, and which networks take it."""

import subprocess
import sys

import numpy as np
import pytest

from tatami.engines.cpu.model import CpuModel
from tatami.engines.textbook import TextbookModel
from tatami.network import find_network
from tatami.plan.tiny import is_tiny
from tatami.recipe import SGD, Adam, AdamW, CrossEntropy, Hinge, MeanSquaredError, RMSProp

from .cases import CASES, Case
from .cpu_pass import cpu_pass, largest_error, textbook_truth
from .textbook_pass import textbook_pass

WOVEN = [
    Case(text)
    for text in [
        # fused groups: batch norm with sum and activation, a sum with its activation, folded norms at inference
        "INPUT(3x2x4) -> CONV(4) -> BN -> RELU6 -> RES[CONV(4) -> BN -> LEAKY(0.2) -> CONV(4) -> BN] -> RELU -> FC(3)",
        "INPUT(3x2x4) -> RES[BN] -> RELU -> RES[CONV(4) -> RELU -> BN] -> LEAKY -> GAP",
        # one gradient for several readers, and a sum of a branch with itself
        "INPUT(3x2x4) -> CONV(4) -> ADD[ID | ID | BN] -> RELU -> ADD[TANH | DROPOUT(0.3) | MUL[ID | SIGMOID]] -> FC(2)",
        "INPUT(3x2x4) -> CONV(4) -> ADD[ID | ADD[ID | BN] | ID] -> ADD[ID | ID | ID] -> CONCAT[ID | ID] -> FC(2)",
        # joined maps, and their parts
        "INPUT(3x2x4) -> CONCAT[CONV(4) -> RELU | POOL(3, S=1, P=1) | CONCAT[BN | ID]] -> RELU -> SLICE(2, 9) -> LN",
        "INPUT(3x2x4) -> CONV(4) -> CONCAT[FLATTEN | FLATTEN -> RELU | GAP] -> SLICE(1, 30) -> FC(2) -> SOFTMAX",
        "INPUT(3x2x4) -> GELU -> CONCAT[CONV(4, 1) | SCALE -> ADD[SOFTMAX -> TANH | ID] -> RELU | BN -> RELU] -> FC(3)",
        "INPUT(3x2x4) -> SPLIT[CONV(2) -> RELU | ID] -> SHUFFLE(2) -> DWCONV(3) -> LRN(3, alpha=0.1) -> FC(2)",
    ]
]


@pytest.mark.parametrize(
    ("dtype", "more", "limit"), [("float64", 0, 1e-11), ("float64", 3, 1e-11), ("float32", 2, 2e-4)], ids=str
)
@pytest.mark.parametrize("case", [case for case in [*CASES, *WOVEN] if case.training], ids=str)
def test_both_passes(case, dtype, more, limit):
    """With all samples of the batch, and with fewer."""
    Y, dX, gradients = textbook_truth(case)

    found, backward = cpu_pass(case.network(), case.batch + more, dtype, plain=True)(case.weights(), case.inputs())
    d_found, found_gradients = backward(case.output_gradient())

    assert found.dtype == d_found.dtype == dtype
    assert largest_error(found, Y) < limit
    assert largest_error(d_found, dX) < limit
    assert set(found_gradients) == set(gradients)
    for name, gradient in gradients.items():
        assert largest_error(found_gradients[name], gradient) < limit, name


def make(kind, network, *, dtype="float64", batch=4, loss=None, optimizer=None, **options):
    recipe = {"optimizer": optimizer or SGD(), "loss": loss or CrossEntropy(), "seed": 1, "init": "he"}
    return kind(network, batch=batch, dtype=np.dtype(dtype), **recipe, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", [*CASES, *WOVEN], ids=str)
def test_inference(case, dtype):
    Y, _ = textbook_pass(case.network(), training=False)(case.weights(), case.inputs())
    model = make(CpuModel, case.network(), dtype=dtype, plain=True)
    model.load_state_dict({name: value.astype(dtype) for name, value in case.weights().items()})

    found = model.forward(case.inputs())

    assert found.dtype == dtype
    assert largest_error(found, Y) < (1e-11 if dtype == "float64" else 2e-5)


@pytest.mark.parametrize("text", ["INPUT(3x2x4)", "INPUT(3x2x4) -> FLATTEN", "INPUT(3x2x4) -> SLICE(1, 3)"])
def test_an_output_that_is_a_view_of_the_samples(text):
    network, x = find_network(text).build(), np.random.default_rng(0).standard_normal((3, 3, 2, 4))

    found = make(CpuModel, network, plain=True).forward(x)

    np.testing.assert_array_equal(found, make(TextbookModel, network).forward(x))


NETWORK = "INPUT(6x6x1) -> DROPOUT(0.2) -> CONV(3) -> BN -> RELU -> POOL -> DROPOUT(0.3) -> FC(5) -> TANH -> FC(3)"


@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(True), MeanSquaredError(), Hinge()], ids=str)
@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(weight_decay=0.1),
        SGD(momentum=0.9, nesterov=True),
        SGD(momentum=0.9),
        RMSProp(weight_decay=0.1),
        Adam(weight_decay=0.1),
        AdamW(weight_decay=0.2),
        SGD(momentum=0.9, clip_norm=0.1),
    ],
    ids=str,
)
def test_training_as_the_textbook_engine_does(loss, optimizer):
    """Several steps, of batches of several sizes, by the same random numbers."""
    network, rng = find_network(NETWORK).build(), np.random.default_rng(0)
    x, y = rng.standard_normal((9, 6, 6, 1)), rng.integers(3, size=9)
    plain = make(CpuModel, network, loss=loss, optimizer=optimizer, plain=True)
    book = make(TextbookModel, network, loss=loss, optimizer=optimizer)

    for part in (slice(0, 4), slice(4, 8), slice(8, 9)):
        assert plain.step(x[part], y[part], lr=0.05) == pytest.approx(book.step(x[part], y[part], lr=0.05), rel=1e-12)

    for name, value in book.state_dict().items():
        np.testing.assert_allclose(plain.state_dict()[name], value, rtol=0, atol=1e-9, err_msg=name)
    for name, value in book.training_state().items():
        np.testing.assert_allclose(plain.training_state()[name], value, rtol=0, atol=1e-9, err_msg=name)
    (loss_found, scores), (loss_true, truth) = plain.score(x, y), book.score(x, y)
    assert loss_found == pytest.approx(loss_true, rel=1e-9)
    np.testing.assert_allclose(scores, truth, rtol=0, atol=1e-9)


@pytest.mark.parametrize("case", WOVEN, ids=str)
def test_a_step_moves_all_that_moves(case):
    """The running statistics too, though other tensors have come and gone since the batch's were taken."""
    network = case.network()
    plain, book = (make(kind, network, loss=MeanSquaredError()) for kind in (CpuModel, TextbookModel))
    x, y = case.inputs(), case.output_gradient()

    assert plain.step(x, y) == pytest.approx(book.step(x, y), rel=1e-11)

    for name, value in book.state_dict().items():
        np.testing.assert_allclose(plain.state_dict()[name], value, rtol=1e-9, atol=1e-9, err_msg=name)


def test_gradients_change_nothing():
    network, rng = find_network(NETWORK).build(), np.random.default_rng(0)
    x, y = rng.standard_normal((4, 6, 6, 1)), rng.integers(3, size=4)
    plain, book = make(CpuModel, network, plain=True), make(TextbookModel, network)
    before = plain.state_dict()

    loss, gradients = plain.gradients(x, y)

    assert loss == pytest.approx(book.gradients(x, y)[0], rel=1e-12)
    for name, gradient in book.gradients(x, y)[1].items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=0, atol=1e-11, err_msg=name)
    for name, value in plain.state_dict().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_a_maximum_of_nan_is_nan():
    network, x = find_network("INPUT(4x1) -> POOL -> FLATTEN").build(), np.array([[1.0, np.nan, 2.0, 3.0]])[..., None]

    np.testing.assert_array_equal(make(CpuModel, network, plain=True).forward(x), [[np.nan, 3.0]])


def test_a_window_of_more_than_256_places():
    case = Case("INPUT(18x18x1) -> POOL(17, S=1)")
    Y, dX, _ = textbook_truth(case)

    found, backward = cpu_pass(case.network(), case.batch, plain=True)(case.weights(), case.inputs())

    np.testing.assert_array_equal(found, Y)
    np.testing.assert_array_equal(backward(case.output_gradient())[0], dX)


# --- which networks ---

MEMO = "INPUT(64x1) -> [CONV(8, 5) -> RELU -> POOL]*2 -> FC(16) -> RELU -> FC(3)"
LENET = (
    "INPUT(28x28x1) -> CONV(6, 5) -> RELU -> POOL -> CONV(16, 5, P=0) -> RELU -> POOL "
    "-> FC(120) -> RELU -> FC(84) -> RELU -> FC(10)"
)


@pytest.mark.parametrize(
    ("text", "batch", "tiny"),
    [
        ("INPUT(2) -> FC(16) -> RELU -> FC(2)", 64, True),
        (MEMO, 64, True),
        (MEMO, 300, False),
        (LENET, 1, True),
        (LENET, 64, False),
        ("vgg16", 1, False),
    ],
)
def test_which_networks_are_tiny(text, batch, tiny):
    assert is_tiny(find_network(text).build(), batch) is tiny


def test_the_networks_of_the_table_are_tiny():
    assert all(is_tiny(case.network(), case.batch) for case in CASES)


SCRIPT = f"""
import sys
import numpy as np
from tatami.engines import compile
from tatami.network import find_network

model = compile(find_network("{MEMO}").build(), batch=8)
x, y = np.zeros((8, 64, 1)), np.zeros(8, int)
model.step(x, y), model.gradients(x, y), model.score(x, y), model.memory()
assert model.plain
print(sorted({{name.partition(".")[0] for name in sys.modules}} & {{"numba", "llvmlite"}}))
"""


def test_a_tiny_network_trains_without_numba():
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)

    assert (result.stdout.strip(), result.stderr) == ("[]", "")
