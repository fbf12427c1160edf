"""The networks that are measured on a card. Constants are fitted on some; the others say what these are worth."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cases import LENET
from layout import without_dropout

from tatami.errors import OptionError
from tatami.network import Network, find_network


@dataclass(frozen=True)
class GpuCase:
    """A network and a batch of it.

    Attributes:
        title: as reports call it.
        net: a zoo name or notation.
        batch: samples of the step that is measured; the search for the largest starts elsewhere.
        calibrates: whether constants are fitted on it.
        dropout: whether its DROPOUT layers stay.
    """

    title: str
    net: str
    batch: int
    calibrates: bool = False
    dropout: bool = True

    def network(self) -> Network:
        network = find_network(self.net).build()
        return network if self.dropout else without_dropout(network)

    def without_dropout(self) -> GpuCase:
        """The random choices of two sides differ, and one of them may draw them elsewhere."""
        return replace(self, dropout=False)

    def with_batch(self, batch: int) -> GpuCase:
        return replace(self, batch=batch)


NETWORKS = {
    "lenet": GpuCase("LeNet, 28x28", LENET, 256, calibrates=True),
    "resnet18": GpuCase("ResNet-18", "resnet18", 64),
    "resnet50": GpuCase("ResNet-50", "resnet50", 32, calibrates=True),
    "resnet152": GpuCase("ResNet-152", "resnet152", 32),
    "vgg16": GpuCase("VGG-16", "vgg16", 32, calibrates=True),
    "densenet121": GpuCase("DenseNet-121", "densenet121", 32),
    "mobilenet_v2": GpuCase("MobileNet v2", "mobilenet_v2", 64),
    "efficientnet_b0": GpuCase("EfficientNet-B0", "efficientnet_b0", 64),
}

# Small enough for any processor: they show that the scripts work, and nothing else.
TINY = {
    "tiny": GpuCase("tiny", "INPUT(8x8x3) -> CONV(8) -> BN -> RELU -> POOL -> FC(4)", 4, calibrates=True),
    "small": GpuCase("small", "INPUT(12x12x2) -> [CONV(6) -> RELU]*2 -> GAP -> FC(3)", 4),
}

CASES = NETWORKS | TINY


def chosen(only: list[str], dry: bool) -> dict[str, GpuCase]:
    """The cases to measure, of a dry run the tiny ones.

    Raises:
        OptionError: a name is unknown.
    """
    known = TINY if dry else NETWORKS
    for name in only:
        if name not in known:
            raise OptionError("no such network", where="--only", got=name, expected=", ".join(known))
    return {name: known[name] for name in only or known}
