"""The kernels that a plan counts, against the operators that PyTorch runs in the torch engine's module.

On a processor, where the operators are the same. Which of them are several kernels on a card is said here again, from
PyTorch's sources.
"""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from tatami.engines import compile  # noqa: E402
from tatami.network import Network, build  # noqa: E402
from tatami.notation import parse  # noqa: E402
from tatami.plan.devices import Device, Dtype  # noqa: E402
from tatami.plan.time import foretell_time  # noqa: E402

SEVERAL = {
    "native_batch_norm.default": 3,  # sums, running statistics, the map
    "native_batch_norm_backward.default": 2,
    "native_layer_norm_backward.default": 2,  # dX; scale and shift
    "slice_backward.default": 2,  # zeros, and a copy into them
    "_unsafe_view.default": 0,
}


class Kernels(TorchDispatchMode):
    """Counts what operators start: nothing for views, and for memory that is merely asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name, alias = func.__name__, [one.alias_info for one in func._schema.returns]
        if name == "convolution.default":
            self.count += 2 if args[2] is not None else 1  # the bias is added by a kernel of its own
        elif name == "convolution_backward.default":
            self.count += sum(args[-1])  # of input, weight and bias those that are wanted
        elif "empty" not in name and all(info is None or info.is_write for info in alias):
            self.count += SEVERAL.get(name, 1)
        return func(*args, **(kwargs or {}))


def run(network: Network, dtype: Dtype) -> tuple[int, int]:
    """Kernels of the forward and of the backward pass."""
    model = compile(network, "torch", batch=3, device="cpu")
    module = model.module.train()
    x = torch.randn(3, *network.input_shape).movedim(-1, 1)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bf16"):
        with Kernels() as forward:
            output = module(x)
        gradient = torch.ones_like(output)
        with Kernels() as backward:
            output.backward(gradient)
    return forward.count, backward.count


LAYERS = [
    *(
        "RELU",
        "TANH",
        "SOFTMAX",
        "GELU",
        "HSWISH",
        "SILU",
        "BN",
        "LN",
        "LRN",
        "SCALE",
        "POOL(2)",
        "POOL(2, avg)",
        "GAP",
    ),
    *(
        "FLATTEN",
        "SHUFFLE(2)",
        "SLICE(0, 2)",
        "CONV(8, 3, bias=no)",
        "CONV(8, 3)",
        "DWCONV(3)",
        "FC(5)",
        "FC(5, bias=no)",
    ),
    *("ADD[RELU | TANH]", "ADD[TANH | ID]", "ADD[TANH | RELU | ID]", "MUL[RELU | TANH]", "MUL[GAP -> SIGMOID | ID]"),
    "[RES[CONV(4) -> BN -> RELU -> CONV(4) -> BN] -> RELU]*2 -> GAP -> FC(3)",
    "RES[CONV(8, 1) -> BN -> SILU -> DWCONV(3) -> BN -> SILU -> MUL[GAP -> FC(8) -> SIGMOID | ID] -> CONV(4, 1) -> BN]",
]


# In bf16 the float32 factors of SCALE make a float32 map, which the time does not follow.
CASES = [(layer, dtype) for layer in LAYERS for dtype in ("float32", "bf16") if (layer, dtype) != ("SCALE", "bf16")]


@pytest.mark.parametrize(("layer", "dtype"), CASES)
def test_kernels_of_a_step(layer: str, dtype: Dtype) -> None:
    network = build(parse(f"INPUT(8x8x4) -> CONV(4, 1) -> TANH -> {layer} -> TANH"))
    card = Device("card", bandwidth_gbs=100, fp32_tflops=1, bf16_tflops=8)
    time = foretell_time(network, card, 3, dtype=dtype)
    planned = tuple(sum(getattr(one, way).kernels for one in time.layers) for way in ("forward", "backward"))
    assert planned == run(network, dtype)
