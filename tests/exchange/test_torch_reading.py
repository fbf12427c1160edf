"""PyTorch in: the network that comes out gives PyTorch's scores, and says what it could not read."""

from dataclasses import replace

import numpy as np
import pytest

import tatami
from tatami.errors import NetworkError, OptionError
from tatami.network import Network, find_network

from .parcels import TOLERANCE, error
from .torchvision_models import torchvision_models

torch = pytest.importorskip("torch", reason="needs tatami[torch]")

from torch import nn  # noqa: E402
from torch.nn.functional import gelu, leaky_relu, relu  # noqa: E402


def settled(module: nn.Module) -> nn.Module:
    """A module whose norms have statistics of no special value."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.running_mean is not None:
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2)
    return module


def read(module: nn.Module, *shape: int):
    """What is read of a module, after its scores were compared with PyTorch's own in float64."""
    settled(module)
    x = torch.randn(2, *shape)
    found = tatami.from_torch(module, x)
    modes = [part.training for part in module.modules()]
    module.eval().double()
    with torch.no_grad():
        expected = module(x.double()).numpy()
    module.float()
    for part, mode in zip(module.modules(), modes, strict=True):
        part.training = mode
    own = found.compile("textbook").forward(np.moveaxis(x.numpy(), 1, -1))
    assert error(np.moveaxis(own, -1, 1), expected) < TOLERANCE
    return found


def resolved(network: Network) -> list:
    """The nodes, with paddings as numbers in the place of words."""
    found = []
    for node in network:
        window = node.layer.window(*network.input_shapes(node)) if node.inputs else None
        layer = node.layer if window is None else replace(node.layer, padding=window.padding)
        found.append((node.name, layer, node.inputs, node.shape))
    return found


class Basic(nn.Module):
    """A residual block that changes values in place."""

    def __init__(self, i: int, o: int, s: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, s, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.relu = nn.ReLU(inplace=True)
        self.down = nn.Sequential(nn.Conv2d(i, o, 1, s, bias=False), nn.BatchNorm2d(o)) if s > 1 else None

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.down is None else self.down(x)
        return self.relu(out)


class SmallResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(True))
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.layers = nn.Sequential(Basic(8, 8, 1), Basic(8, 16, 2))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(torch.flatten(self.avgpool(self.layers(self.pool(self.stem(x)))), 1))


def test_a_residual_network() -> None:
    found = read(SmallResNet(), 3, 32, 32)

    expected = find_network(
        "INPUT(32x32x3) -> CONV(8, 7, S=2, P=3) -> BN -> RELU -> POOL(3, S=2, P=1)"
        "-> RES[CONV(8) -> BN -> RELU -> CONV(8) -> BN] -> RELU"
        "-> RES[CONV(16, S=2, P=1) -> BN -> RELU -> CONV(16) -> BN] -> RELU -> GAP -> FC(5)"
    ).build()
    assert resolved(found.network) == resolved(expected)
    assert found.paths["conv3"] == "layers.0.conv2"
    assert found.shared == {}
    assert found.network.text.startswith("INPUT(32x32x3) -> CONV(8, 7, S=2, P=3) -> BN")


class SmallMobileNet(nn.Module):
    """Inverted residuals with squeeze-and-excitation by 1x1 convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(4, 12, 1, bias=False), nn.BatchNorm2d(12, eps=0.001), nn.Hardswish())
        self.depthwise = nn.Sequential(
            nn.Conv2d(12, 12, 5, padding=2, groups=12, bias=False), nn.BatchNorm2d(12), nn.ReLU6(inplace=True)
        )
        self.squeeze = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(12, 3, 1), nn.ReLU(), nn.Conv2d(3, 12, 1), nn.Hardsigmoid()
        )
        self.project = nn.Sequential(nn.Conv2d(12, 4, 1, bias=False), nn.BatchNorm2d(4))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(4, 3))

    def forward(self, x):
        y = self.depthwise(self.expand(x))
        y = x + self.project(self.squeeze(y) * y)
        return self.head(y.mean([2, 3]))


def test_a_mobile_network() -> None:
    found = read(SmallMobileNet(), 4, 9, 8)

    assert found.network.text == (
        "INPUT(9x8x4) -> ADD[ID | CONV(12, 1) -> BN(eps=0.001) -> HSWISH -> DWCONV(5) -> BN -> RELU6 -> "
        "MUL[ID | GAP -> FC(3) -> RELU -> FC(12) -> HSIGMOID] -> CONV(4, 1) -> BN] -> GAP -> DROPOUT(0.2) -> FC(3)"
    )


class Shuffling(nn.Module):
    """Channels split, and dealt out by view and transpose, as in ShuffleNet v2."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(4, 4, 3, padding="same"), nn.Linear(10 * 5 * 5, 4)

    def forward(self, x):
        a, b = x.chunk(2, dim=1)
        x = torch.cat([a, leaky_relu(b, 0.2), x[:, 1:5]], 1)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
        x = torch.cat([self.conv(x[:, :4]), x[:, 4:]], 1)
        return self.fc(x.reshape(n, -1))


class Last(nn.Module):
    """A block that works channels last, as ConvNeXt's."""

    def __init__(self) -> None:
        super().__init__()
        self.dw, self.norm = nn.Conv2d(6, 6, 7, padding=3, groups=6), nn.LayerNorm(6, eps=1e-6)
        self.up, self.down, self.gamma = nn.Linear(6, 24), nn.Linear(24, 6), nn.Parameter(torch.rand(6, 1, 1))

    def forward(self, x):
        y = self.norm(self.dw(x).permute(0, 2, 3, 1))
        y = self.down(gelu(self.up(y))).permute(0, 3, 1, 2)
        return x + self.gamma * y


def test_channels_dealt_out_and_channels_last() -> None:
    assert read(Shuffling(), 6, 5, 5).network.text.count("SHUFFLE") == 1
    assert read(Last(), 6, 7, 8).network.text == (
        "INPUT(7x8x6) -> ADD[ID | DWCONV(7) -> LN(eps=1e-06) -> CONV(24, 1) -> GELU -> CONV(6, 1) -> SCALE]"
    )


class Dealt(nn.Module):
    """A norm and a softmax of channels that ``view`` and ``transpose`` have dealt out."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(6)

    def forward(self, x):
        for part in (self.norm, nn.Softmax(1)):
            x = part(x.unflatten(1, (2, 3)).transpose(1, 2).flatten(1, 2))
        return x


MODULES = {
    "dealt out": (Dealt(), (6, 3, 4)),
    "flattened": (nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.ReLU(), nn.Linear(3 * 4 * 3, 2)), (2, 6, 5)),
    "normed vector": (
        nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.BatchNorm1d(36), nn.SiLU(), nn.Linear(36, 2)),
        (2, 6, 5),
    ),
    "signal": (
        nn.Sequential(nn.Conv1d(2, 4, 5, 2, 2), nn.BatchNorm1d(4), nn.AvgPool1d(3, 2, 1), nn.Sigmoid()),
        (2, 17),
    ),
    "volume": (nn.Sequential(nn.Conv3d(1, 3, 3, dilation=2, padding=2), nn.MaxPool3d(2), nn.Tanh()), (1, 5, 6, 7)),
    "vectors": (nn.Sequential(nn.Linear(5, 4, bias=False), nn.GELU(), nn.Linear(4, 3), nn.Softmax(-1)), (5,)),
    "rounded up": (nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(2, 2, ceil_mode=True)), (2, 8, 11)),
    "mean without padding": (nn.AvgPool2d(3, 2, 1, count_include_pad=False), (2, 8, 7)),
    "padded": (nn.Sequential(nn.ZeroPad2d((0, 1, 2, 0)), nn.Conv2d(2, 3, 3, 2)), (2, 8, 7)),
    "padded pooling": (nn.Sequential(nn.ConstantPad2d((0, 1, 0, 1), -torch.inf), nn.MaxPool2d(3, 2)), (2, 8, 7)),
    "groups": (
        nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.ChannelShuffle(3), nn.Conv2d(6, 12, 1, groups=6)),
        (4, 5, 5),
    ),
    "response": (nn.Sequential(nn.LocalResponseNorm(4, 0.3, 0.5, 2.0), nn.ReLU6(), nn.LocalResponseNorm(5)), (7, 3, 4)),
    "adaptive": (nn.Sequential(nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten(), nn.Linear(12, 2)), (2, 4, 6)),
    "layer norm": (nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.LeakyReLU(0.3)), (5,)),
    "weights that are computed": (nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 3, 3)), (2, 4, 4)),
    "no weights in a norm": (nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3, affine=False)), (2, 4, 4)),
}


@pytest.mark.parametrize("name", MODULES)
def test_layers(name: str) -> None:
    module, shape = MODULES[name]
    read(module, *shape)


# --- layers that are used again ---


class Again(nn.Module):
    """One convolution three times, with a norm of its own each, and a head whose weights are tied."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norms = nn.Conv2d(4, 4, 3, padding=1), nn.ModuleList(nn.BatchNorm2d(4) for _ in range(3))
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4, bias=False)
        self.b.weight = self.a.weight

    def forward(self, x):
        for norm in self.norms:
            x = relu(norm(self.conv(x)))
        return self.b(self.a(x.mean((2, 3))))


def test_parameters_of_layers_that_are_used_again_count_once() -> None:
    module = Again()
    found = read(module, 4, 6, 6)

    assert found.shared == {
        **{f"conv{i}.{part}": f"conv1.{part}" for i in (2, 3) for part in ("weight", "bias")},
        "fc2.weight": "fc1.weight",
    }
    own = sum(parameter.numel() for parameter in module.parameters())
    plan = found.plan(batch=2)
    assert plan.totals.params == sum(cost.params for cost in plan.layers) == own
    assert found.network.plan().totals.params == own + 2 * (4 * 4 * 9 + 4) + 16
    # The work is done each time.
    assert plan.totals.macs == 3 * 36 * 4 * 4 * 9 + 2 * 16
    # Engines hold the weights each time.
    assert plan.memory == found.network.plan(batch=2).memory


def test_a_module_keeps_its_modes() -> None:
    module = SmallResNet().train()
    module.stem.eval()
    before = [part.training for part in module.modules()]

    tatami.from_torch(module, torch.randn(1, 3, 32, 32))

    assert [part.training for part in module.modules()] == before


# --- refusals ---


class Strange(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.up = nn.GroupNorm(2, 4), nn.Upsample(scale_factor=2)
        self.rnn, self.conv = nn.PReLU(), nn.Conv2d(4, 4, 3)

    def forward(self, x):
        a, b, c = self.norm(x), self.up(x), self.rnn(x)
        return sum(one.mean((2, 3)) for one in (self.conv(a + c), b, torch.cumsum(x, 1)))


def test_all_that_cannot_be_read_is_told_at_once() -> None:
    with pytest.raises(NetworkError) as caught:
        tatami.from_torch(Strange(), torch.randn(1, 4, 8, 8))

    text = str(caught.value)
    assert text.startswith("Strange: no layer of tatami does this; got ")
    for part in ("group_norm (norm)", "(up)", "(rnn)", "cumsum (Strange)"):
        assert part in text
    assert "\n" not in text


class Branching(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x


class Two(nn.Module):
    def forward(self, x):
        return x.relu(), x.sigmoid()


class Made(nn.Module):
    """What it reads has no layer, each for a reason of its own."""

    def __init__(self, forward) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(3))
        self.made = forward

    def forward(self, x):
        return self.made(self, x)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (Branching(), "Branching: torch.export cannot follow this module; got "),
        (Two(), "Two: a network has one input and one output; got 1 inputs, 2 outputs"),
        (nn.Flatten(), "Flatten: the output lies in an order that tatami does not have: a flattened map"),
        (Made(lambda m, x: x * 2), "Made: no layer of tatami does this; got a product with 2 (Made)"),
        (Made(lambda m, x: x + 1), "Made: no layer of tatami does this; got a constant added (Made)"),
        (
            Made(lambda m, x: torch.cat([x, x], 2)),
            "Made: no layer of tatami does this; got maps joined along positions",
        ),
        (Made(lambda m, x: x.softmax(2)), "Made: no layer of tatami does this; got a softmax over positions (Made)"),
        (
            Made(lambda m, x: x[:, :, ::2]),
            "Made: no layer of tatami does this; got samples, or every other value, taken",
        ),
        (Made(lambda m, x: x.mean(2)), "Made: no layer of tatami does this; got a mean over axes [2] (Made)"),
        (nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), "Conv2d: no layer of tatami does this; got padding"),
        (nn.ConvTranspose2d(3, 4, 3), "ConvTranspose2d: no layer of tatami does this; got conv_transpose2d"),
        (nn.GELU("tanh"), "GELU: no layer of tatami does this; got gelu by tanh (GELU)"),
        (nn.BatchNorm2d(3, track_running_stats=False), "BatchNorm2d: no layer of tatami does this; got "),
        (
            nn.AdaptiveAvgPool2d(3),
            "AdaptiveAvgPool2d: no layer of tatami does this; got adaptive pooling from (4, 5) to",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_cannot_be_read(module: nn.Module, text: str) -> None:
    with pytest.raises(NetworkError) as caught:
        tatami.from_torch(module, torch.randn(2, 3, 4, 5))

    assert str(caught.value).startswith(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ("resnet50", torch.zeros(1, 3)),
            "module: not a module of PyTorch; got 'resnet50'; expected a torch.nn.Module",
        ),
        ((nn.ReLU(), (3, 4)), "example: no example of samples; got (3, 4); expected a tensor (N, C, *spatial)"),
        ((nn.ReLU(), torch.zeros(3)), "example: no example of samples; got (3,); expected a tensor (N, C, *spatial)"),
    ],
)
def test_other_arguments(arguments: tuple, text: str) -> None:
    with pytest.raises(OptionError) as caught:
        tatami.from_torch(*arguments)

    assert str(caught.value) == text


def test_torch_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OptionError) as caught:
        tatami.from_torch(nn.ReLU(), torch.zeros(1, 3))

    assert str(caught.value) == "PyTorch is not installed (hint: pip install 'tatami[torch]')"


# --- torchvision ---


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [
        *(("alexnet", 224), ("resnet18", 96), ("vgg11_bn", 224), ("squeezenet1_0", 224), ("densenet121", 64)),
        *(("mobilenet_v2", 64), ("mobilenet_v3_small", 64), ("shufflenet_v2_x1_0", 64), ("efficientnet_b0", 64)),
        *(("convnext_tiny", 64), ("regnet_y_400mf", 64), ("googlenet", 64), ("mnasnet0_5", 64)),
    ],
)
def test_models_of_torchvision(name: str, size: int) -> None:
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    module = settled(getattr(torchvision_models(), name)(weights=None, **options))
    x = torch.randn(1, 3, size, size)
    found = tatami.from_torch(module, x)

    with torch.no_grad():
        expected = module.eval().double()(x.double()).numpy()
    own = found.compile("cpu", batch=1).forward(np.moveaxis(x.numpy(), 1, -1))
    assert error(own, expected) < TOLERANCE
    assert found.plan().totals.params == sum(parameter.numel() for parameter in module.parameters())
