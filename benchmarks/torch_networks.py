"""The networks of the benchmark in PyTorch, for torchinfo. Counts of parameters are torchvision's."""

from torch import nn


def vgg16() -> nn.Module:
    layers: list[nn.Module] = []
    depth = 3
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(depth, filters, 3, padding=1), nn.ReLU(inplace=True)]
            depth = filters
        layers.append(nn.MaxPool2d(2))
    head = [nn.Linear(25088, 4096), nn.ReLU(inplace=True), nn.Dropout()]
    head += [nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, 1000)]
    return nn.Sequential(*layers, nn.Flatten(), *head)


def conv(depth: int, filters: int, size: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    layer = nn.Conv2d(depth, filters, size, stride, size // 2, groups=groups, bias=False)
    return [layer, nn.BatchNorm2d(filters)]


class Residual(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None, relu: bool = False) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut
        self.relu = nn.ReLU(inplace=True) if relu else None

    def forward(self, x):
        x = self.body(x) + (x if self.shortcut is None else self.shortcut(x))
        return x if self.relu is None else self.relu(x)


def bottleneck(depth: int, width: int, stride: int) -> nn.Module:
    relu = nn.ReLU(inplace=True)
    body = [*conv(depth, width, 1), relu, *conv(width, width, 3, stride), relu, *conv(width, 4 * width, 1)]
    change = stride > 1 or depth != 4 * width
    shortcut = nn.Sequential(*conv(depth, 4 * width, 1, stride)) if change else None
    return Residual(nn.Sequential(*body), shortcut, relu=True)


def resnet(*counts: int) -> nn.Module:
    layers = [*conv(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    depth = 64
    for width, stride, count in zip((64, 128, 256, 512), (1, 2, 2, 2), counts, strict=True):
        for i in range(count):
            layers.append(bottleneck(depth, width, stride if i == 0 else 1))
            depth = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))


def inverted(depth: int, filters: int, stride: int, expansion: int) -> nn.Module:
    inside = expansion * depth
    body = [*conv(depth, inside, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
    body += [*conv(inside, inside, 3, stride, inside), nn.ReLU6(inplace=True), *conv(inside, filters, 1)]
    whole = nn.Sequential(*body)
    return Residual(whole) if stride == 1 and depth == filters else whole


def mobilenet_v2() -> nn.Module:
    layers = [*conv(3, 32, 3, 2), nn.ReLU6(inplace=True)]
    depth = 32
    rows = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for expansion, filters, count, stride in rows:
        for i in range(count):
            layers.append(inverted(depth, filters, stride if i == 0 else 1, expansion))
            depth = filters
    layers += [*conv(depth, 1280, 1), nn.ReLU6(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2)]
    return nn.Sequential(*layers, nn.Linear(1280, 1000))


NETWORKS = {
    "vgg16": vgg16,
    "resnet50": lambda: resnet(3, 4, 6, 3),
    "resnet152": lambda: resnet(3, 8, 36, 3),
    "mobilenet_v2": mobilenet_v2,
}
