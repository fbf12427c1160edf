"""The quick answers of all layers are those of the textbook engine."""

import numpy as np
import pytest

from tatami.data import Preprocess
from tatami.engines import compile
from tatami.inspect.passes import activations
from tatami.inspect.subject import Subject
from tatami.network import find_network
from tatami.web.look_answers import answers


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(12x10x3) -> CONV(8,S=2) -> BN -> RELU -> DWCONV(3) -> CONV(6,groups=2,bias=no) -> POOL -> FC -> SOFTMAX",
        "INPUT(12x10x2) -> CONV(4, 5, P=valid) -> RES[CONV(4, 3, dilation=2) -> BN] -> RELU -> GAP -> FC(3)",
        "INPUT(30x2) -> CONV(4, 7, S=3) -> TANH -> CONCAT[CONV(3, 1) | POOL(3, S=1, P=1)] -> DROPOUT(0.5) -> FC(2)",
        "INPUT(7x7x2) -> CONV(8, 1) -> MUL[ID | GAP -> FC(8) -> SIGMOID] -> LRN -> FLATTEN -> FC(2)",
    ],
)
def test_quick_answers_are_those_of_the_textbook(text: str) -> None:
    network = find_network(text).build(None, 4)
    state = compile(network, "textbook", batch=4, seed=1).state_dict()
    rng = np.random.default_rng(0)
    for name, value in state.items():
        if name.endswith(("mean", "var")):
            state[name] = rng.uniform(0.5, 2, value.shape).astype(np.float32)  # as if it had been trained
    shape = network.input_shape
    kind = "image" if len(shape) == 3 else "signal"
    channels = (0.0,) * shape[-1], (1.0,) * shape[-1]
    subject = Subject(network, state, Preprocess(kind, shape, 1.0, *channels), (), kind)
    x = rng.normal(size=(3, *shape)).astype(np.float32)
    found, wanted = answers(subject, x), activations(subject, x)
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
