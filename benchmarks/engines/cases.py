"""What is measured: networks with their batches, and the aims."""

from __future__ import annotations

from dataclasses import dataclass

from layout import without_dropout

from tatami.network import Network, find_network
from tatami.plan.cost import layer_costs

LENET = "INPUT(28x28x1) -> CONV(20, 5, P=valid) -> POOL -> CONV(50, 5, P=valid) -> POOL -> FC(500) -> RELU -> FC(10)"
VGG_STYLE = "INPUT(32x32x3) -> [[CONV({64,128,256}) -> BN -> RELU]*2 -> POOL]*3 -> FC(10)"
RESNET18_SMALL = """
let basic(w, s) = RES[CONV(w, 3, S=s, P=1) -> BN -> RELU -> CONV(w) -> BN] -> RELU
INPUT(32x32x3) -> CONV(64) -> BN -> RELU
  -> [basic({64,128,256,512}, {1,2,2,2}) -> basic({64,128,256,512}, 1)]*4 -> GAP -> FC(10)
"""


@dataclass(frozen=True)
class Case:
    """A network on a batch of its inputs.

    Attributes:
        title: as the report calls it.
        net: a zoo name or notation; DROPOUT is left out.
        lr: learning rate of the training steps, large enough for the loss to move, small enough not to be chaos.
        input_shape, classes: where the text does not say them.
        steps: fewest steps that are timed in one process.
    """

    title: str
    net: str
    batch: int
    lr: float = 0.01
    input_shape: tuple[int, ...] | None = None
    classes: int | None = None
    steps: int = 5

    def network(self) -> Network:
        return without_dropout(find_network(self.net).build(self.input_shape, self.classes))

    def flops(self, training: bool) -> int:
        """Floating-point operations of a step by the direct definition: 2 a MAC, layers with weights only."""
        costs = layer_costs(self.network())
        return 2 * self.batch * sum(cost.macs + cost.backward_macs * training for cost in costs)


# Learning rates are small: the rounding of one step grows in the next ones, and at larger rates PyTorch's own eager and
# channels-last losses part by more than LOSS_TOLERANCE (ResNet-50 at 1e-4: by 5%). At these rates they differ by less
# than a tenth of it, and the losses still move by far more.
TRAINING = {
    "lenet": Case("LeNet, 28x28", LENET, 128, 1e-3),
    "vgg_style": Case("VGG-style with BN, 32x32", VGG_STYLE, 64, 1e-4),
    "resnet20": Case("ResNet-20, 32x32", "resnet20", 64, 3e-4),
    "resnet18": Case("ResNet-18, 32x32", RESNET18_SMALL, 64, 1e-4),
    "vgg16": Case("VGG-16, 224x224", "vgg16", 8, 3e-7, steps=3),
    "resnet50": Case("ResNet-50, 224x224", "resnet50", 8, 3e-7, steps=3),
    "mobilenet_v2": Case("MobileNet v2, 224x224", "mobilenet_v2", 8, 1e-5),
    "fcn": Case("FCN, 256x1", "fcn", 64, 1e-2, input_shape=(256, 1), classes=10),
    "resnet1d": Case("1-D ResNet, 256x1", "resnet1d", 64, 3e-3, input_shape=(256, 1), classes=10),
}
INFERENCE = {
    f"{name}_{batch}": Case(title, name, batch, steps=3)
    for name, title in (("vgg16", "VGG-16"), ("resnet50", "ResNet-50"), ("mobilenet_v2", "MobileNet v2"))
    for batch in (1, 16)
}
# A step that needs little but the libraries; not so small that the CPU engine would leave its kernels out.
SMALL = Case("small", "INPUT(16x16x3) -> CONV(16) -> BN -> RELU -> POOL -> FC(2)", 64)
START = {name: TRAINING[name] for name in ("lenet", "vgg_style", "mobilenet_v2")}
CASES = {"training": TRAINING, "inference": INFERENCE, "start": START}

TRAINING_AIM, LEAST_TRAINING_AIM = 2.0, 1.0  # times as fast as PyTorch: geometric mean, and each network
NETWORK_AIMS = {"vgg_style": 2.2}
INFERENCE_AIMS, LEAST_INFERENCE_AIM = {"vgg16_1": 1.5, "vgg16_16": 1.5}, 0.9  # networks of 3x3 convolutions; the others
MEMORY_AIM = 0.6  # of PyTorch's
START_AIMS = {"cold": 20.0, "warm": 2.0}  # seconds
LOSS_TOLERANCE = 1e-3  # relative, over LOSS_STEPS steps
LOSS_STEPS = 20
