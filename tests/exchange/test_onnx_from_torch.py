"""What torch.onnx.export writes, by both of its exporters: read back, it computes PyTorch's scores."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest

from tatami.engines import compile
from tatami.network.fold import folded_text

from .parcels import TOLERANCE, error, to_first, to_last
from .torchvision_models import torchvision_models

pytest.importorskip("onnx", reason="needs tatami[onnx]")
torch = pytest.importorskip("torch", reason="needs tatami[torch]")

from torch import nn  # noqa: E402

from tatami.exchange.onnx.reading import import_onnx  # noqa: E402

EXPORTERS = ["by tracing", "by torch.export"]


@contextmanager
def _in_silence() -> Iterator[None]:
    """Neither exporter is quiet about itself."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def exported(module: nn.Module, x: "torch.Tensor", exporter: str) -> bytes:
    if exporter == "by torch.export":
        pytest.importorskip("onnxscript", reason="needs onnxscript, which torch.onnx.export asks for")
    file = io.BytesIO()
    with _in_silence():
        if exporter == "by torch.export":
            torch.onnx.export(module, (x,), dynamo=True, verbose=False).save(file)
        else:
            names = {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}
            torch.onnx.export(module, (x,), file, dynamo=False, **names)
    return file.getvalue()


def settled(module: nn.Module) -> nn.Module:
    """With statistics and biases of no special value."""
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif tensor.ndim == 1 and tensor.is_floating_point():
                tensor.normal_(1.0 if name.endswith("weight") else 0.0, 0.2)
    return module.eval()


def difference(module: nn.Module, shape: tuple[int, ...], exporter: str) -> tuple[float, str]:
    """The largest error of tatami's scores, and the network's text."""
    torch.manual_seed(0)
    module, x = settled(module), torch.randn(2, *shape)
    with torch.no_grad():
        expected = module(x).numpy()
    found = import_onnx(exported(module, x, exporter))
    model = compile(found.network, "cpu", batch=2)
    model.load_state_dict(found.state)
    scores = to_first(model.forward(to_last(x.numpy())))
    return error(scores.reshape(expected.shape), expected), folded_text(found.network)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))

    def forward(self, x):
        return torch.relu(x + self.body(x))


class Excite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x):
        gate = torch.relu(self.down(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.up(gate))


class Shuffle(nn.Module):
    def forward(self, x):
        n, c, h, w = x.shape
        first, second = x.chunk(2, 1)
        x = torch.cat((first, torch.tanh(second)), 1)
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.wide, self.thin = nn.LayerNorm(4, eps=1e-6), nn.Linear(4, 8), nn.Linear(8, 4)
        self.scale = nn.Parameter(torch.ones(4, 1, 1))

    def forward(self, x):
        y = self.thin(nn.functional.gelu(self.wide(self.norm(x.permute(0, 2, 3, 1)))))
        return x + self.scale * y.permute(0, 3, 1, 2)


IMAGE = (4, 9, 8)
MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(4, 6, 3, stride=2, padding=1),
            nn.BatchNorm2d(6),
            nn.LeakyReLU(0.2),
            nn.Conv2d(6, 6, (3, 1), groups=6, dilation=(2, 1), padding=(2, 0)),
            nn.Hardswish(),
            nn.Conv2d(6, 4, 3, padding="same"),
            nn.SiLU(),
        ),
        IMAGE,
        "INPUT(9x8x4) -> CONV(6, S=2, P=1) -> LEAKY(0.2) -> DWCONV(3x1, P=2x0, dilation=2x1) -> HSWISH"
        " -> CONV(4, P=1) -> SILU",
    ),
    "a classifier": (
        lambda: nn.Sequential(
            nn.Conv2d(4, 6, 3),
            nn.ReLU6(),
            nn.MaxPool2d(3, 2, 1),
            nn.AvgPool2d(2, 1, 1),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(120, 7),
            nn.ReLU(),
            nn.Linear(7, 3),
            nn.Softmax(1),
        ),
        IMAGE,
        "INPUT(9x8x4) -> CONV(6, P=0) -> RELU6 -> POOL(3, S=2, P=1)"
        " -> POOL(kind=avg, S=1, P=1, count_pad=yes) -> FC(7) -> RELU -> FC(3) -> SOFTMAX",
    ),
    "signals": (
        lambda: nn.Sequential(
            nn.Conv1d(2, 6, 5, padding=2), nn.Hardsigmoid(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 3)
        ),
        (2, 20),
        "INPUT(20x2) -> CONV(6, 5) -> HSIGMOID -> GAP -> FC(3)",
    ),
    "volumes": (
        lambda: nn.Sequential(
            nn.Conv3d(2, 4, 3, padding=1), nn.ELU(0.0), nn.MaxPool3d(2), nn.Flatten(), nn.Linear(32, 3)
        ),
        (2, 4, 4, 4),
        "INPUT(4x4x4x2) -> CONV(4) -> RELU -> POOL -> FC(3)",
    ),
    "a residual": (
        Residual,
        IMAGE,
        "INPUT(9x8x4) -> ADD[ID | CONV(4) -> RELU -> CONV(4)] -> RELU",
    ),
    "squeeze and excitation": (
        Excite,
        IMAGE,
        "INPUT(9x8x4) -> MUL[ID | GAP -> FC(2) -> RELU -> FC(4) -> SIGMOID]",
    ),
    "a channel shuffle": (Shuffle, IMAGE, "INPUT(9x8x4) -> SPLIT[ID | TANH] -> SHUFFLE"),
    "channels last within": (
        ChannelsLast,
        IMAGE,
        "INPUT(9x8x4) -> ADD[ID | LN(eps=1e-06) -> CONV(8, 1) -> GELU -> CONV(4, 1) -> SCALE]",
    ),
    "padding by itself": (
        lambda: nn.Sequential(nn.ZeroPad2d((1, 2, 0, 1)), nn.Conv2d(4, 4, 3)),
        IMAGE,
        "INPUT(9x8x4) -> CONV(4, P=((0, 1), (1, 2)))",
    ),
}


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", MODULES)
def test_small_modules(name: str, exporter: str) -> None:
    make, shape, text = MODULES[name]
    found, written = difference(make(), shape, exporter)

    assert found < TOLERANCE
    assert written == text


@pytest.mark.slow
@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5", "efficientnet_b0", "densenet121"]
)
def test_whole_networks(name: str, exporter: str) -> None:
    module = getattr(torchvision_models(), name)(weights=None)

    assert difference(module, (3, 64, 64), exporter)[0] < TOLERANCE


@pytest.mark.slow
def test_resnet_50_prints_as_readable_lines() -> None:
    _, text = difference(torchvision_models().resnet50(weights=None), (3, 224, 224), "by tracing")

    # BN is folded into the convolutions by the exporter.
    assert text.split("\n") == [
        "let residual(w, s) = RES[CONV(w, 1) -> RELU -> CONV(w, S=s, P=1) -> RELU -> CONV(4*w, 1)] -> RELU",
        "INPUT(224x224x3) -> CONV(64, 7, S=2, P=3) -> RELU -> POOL(3, S=2, P=1) -> residual(64, 1)*3"
        " -> [residual({128,256,512}, 2) -> residual({128,256,512}, 1)*{3,5,2}]*3 -> GAP -> FC(1000)",
    ]
