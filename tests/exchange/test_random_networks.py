"""Networks put together at random: layers in places that no table of cases thinks of."""

import random
from pathlib import Path

import numpy as np
import pytest

import tatami
from tatami.errors import TatamiError
from tatami.exchange.parcel import Parcel
from tatami.exchange.torch.writing import save_torch

from .parcels import TOLERANCE, error, own_scores, parcel_of, samples, to_first, to_last
from .test_torch_writing import program

LAYERS = [
    *("CONV(4)", "CONV(6, 2, bias=no)", "CONV(4, 3, S=2)", "CONV(2, 3, dilation=2)", "DWCONV(3)", "DWCONV(2, P=(1,0))"),
    *("RELU", "RELU6", "LEAKY(0.2)", "SIGMOID", "TANH", "GELU", "SILU", "HSIGMOID", "HSWISH", "SOFTMAX", "DROPOUT"),
    *("BN", "LN(eps=0.1)", "LRN(3, alpha=0.2)", "LRN(4, alpha=0.2)", "SCALE(init=0.5)", "SHUFFLE", "SLICE(0, 2)"),
    *("POOL", "POOL(3, S=1, P=same)", "POOL(avg, 2, S=1, P=(0,1), count_pad=yes)", "POOL(3, S=2, P=(0,1))"),
]
ENDS = ["", " -> FC(3)", " -> FLATTEN -> RELU -> FC(3)", " -> GAP -> FC(2) -> SOFTMAX", " -> RES[BN -> RELU] -> GAP"]


def chain(rng: random.Random, depth: int, longest: int) -> str:
    return " -> ".join(item(rng, depth) for _ in range(rng.randint(1, longest)))


def item(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.75:
        return rng.choice(LAYERS)
    a, b = chain(rng, depth - 1, 3), chain(rng, depth - 1, 2)
    gate = "MUL[ID | GAP -> FC(4) -> RELU -> FC(depth) -> SIGMOID]"
    return rng.choice(
        [f"RES[{a}]", f"RES[{a}] -> RELU", f"CONCAT[ID | {b}]", f"SPLIT[{a} | ID]", f"ADD[{a} | {a}]", gate]
    )


def network(seed: int) -> Parcel:
    """The first network of this seed whose shapes meet."""
    rng = random.Random(seed)
    while True:
        sizes = "x".join(str(rng.randint(5, 9)) for _ in range(rng.choice([1, 2, 2, 3])))
        try:
            return parcel_of(f"INPUT({sizes}x{rng.choice([2, 4])}) -> {chain(rng, 2, 6)}{rng.choice(ENDS)}")
        except TatamiError:
            continue


SEEDS = range(40)


@pytest.mark.parametrize("seed", SEEDS)
def test_onnx(seed: int) -> None:
    pytest.importorskip("onnx", reason="needs tatami[onnx]")
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    from tatami.exchange.onnx.writing import onnx_model

    parcel = network(seed)
    x = samples(parcel.network, 2)
    found = runtime.InferenceSession(onnx_model(parcel).SerializeToString()).run(None, {"input": to_first(x)})[0]
    assert error(to_last(found), own_scores(parcel, x)) < TOLERANCE, parcel.text


@pytest.mark.parametrize("seed", SEEDS)
def test_torch_out_and_in(seed: int, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs tatami[torch]")
    parcel = network(seed)
    x = samples(parcel.network, 2)
    expected = own_scores(parcel, x)

    save_torch(parcel, tmp_path)
    module = program(tmp_path)
    model = module.load()
    with torch.inference_mode():
        found = model(module.prepare(x)).numpy()
    assert error(to_last(found), expected) < TOLERANCE, parcel.text

    if seed % 4 == 0:
        back = tatami.from_torch(model, module.prepare(x))
        assert error(back.compile("textbook").forward(x), expected) < TOLERANCE, parcel.text
        assert back.plan().totals.params == sum(parameter.numel() for parameter in model.parameters())
        assert len(back.paths) > 0
        assert np.isfinite(expected).all()
