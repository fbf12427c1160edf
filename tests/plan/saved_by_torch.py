"""A Network run by PyTorch's functional operators, to ask autograd what it saves."""

import torch
from torch.nn import functional

from tatami.network import Network
from tatami.network.layers import (
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Dropout,
    GlobalAveragePool,
    Input,
    LocalResponseNorm,
    Pool,
    ReLU,
    ReLU6,
    Tanh,
)


def saved_bytes(network: Network, batch: int, *, mixed: bool = False) -> int:
    """Bytes of the storages that autograd saves in the forward pass, each once; weights and the input left out.

    With ``mixed``, in bfloat16 by autocast; the narrow copies of the weights, which it caches, are left out too.
    """
    torch.manual_seed(0)
    weights = {
        f"{node.name}.{name}": torch.randn(_torch_shape(node.layer, name, p.shape)).requires_grad_(p.trainable)
        for node in network
        for name, p in node.layer.parameters(*network.input_shapes(node)).items()
    }
    height, width, depth = network.input_shape
    x = torch.randn(batch, depth, height, width)
    known = {tensor.untyped_storage().data_ptr() for tensor in (*weights.values(), x)}
    saved = {}

    copies = {shape for w in weights.values() for shape in (tuple(w.shape), tuple(w.shape[::-1]))}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if mixed and tensor.dtype == torch.bfloat16 and tuple(tensor.shape) in copies:
            return tensor
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    mode = torch.autocast("cpu", torch.bfloat16, enabled=mixed)
    with mode, torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = run(network, weights, x)
    assert output.shape == (batch, *network.output_shape)
    return sum(storage.nbytes() for place, storage in saved.items() if place not in known)


def _torch_shape(layer, name, shape):
    if isinstance(layer, Conv) and name == "weight":
        return (shape[-1], shape[-2], *shape[:-2])
    return shape[::-1]


def run(network: Network, weights: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The usual way to write such a network: ReLU in place where nobody else reads its input."""
    uses = network.consumers()
    values = {}
    for node in network:
        X = [values[name] for name in node.inputs]
        own = {name.rpartition(".")[2]: t for name, t in weights.items() if name.rpartition(".")[0] == node.name}
        values[node.name] = _run(network, node, own, X or [x], len(uses[node.inputs[0]]) == 1 if X else False)
    return values[network.nodes[-1].name]


def _run(network, node, own, X, alone):
    layer, x = node.layer, X[0]
    window = layer.window(*network.input_shapes(node)) if node.inputs else None
    padding = [axis.before for axis in window.axes] if window else []
    match layer:
        case Input():
            return x
        case Conv():
            return functional.conv2d(
                x, own["weight"], own.get("bias"), layer.stride, padding, layer.dilation, layer.groups
            )
        case Dense():
            return functional.linear(x.flatten(1), own["weight"], own["bias"])
        case BatchNorm():
            statistics = own["running_mean"], own["running_var"]
            return functional.batch_norm(x, *statistics, own["weight"], own["bias"], True, layer.momentum, layer.eps)
        case ReLU():
            return functional.relu(x, inplace=alone)
        case ReLU6():
            return functional.relu6(x)
        case Tanh():
            return torch.tanh(x)
        case Pool():
            pool = functional.max_pool2d if layer.kind == "max" else functional.avg_pool2d
            ceil = any(axis.before != axis.after for axis in window.axes)
            return pool(x, layer.kernel_size, layer.stride, padding, ceil_mode=ceil)
        case GlobalAveragePool():
            return x.mean((2, 3))
        case LocalResponseNorm():
            return functional.local_response_norm(x, layer.size, layer.alpha * layer.size, layer.beta, layer.k)
        case Dropout():
            return functional.dropout(x, layer.rate, training=True)
        case Add():
            return sum(X[1:], x)
        case Concat():
            return torch.cat(X, 1)
    raise NotImplementedError(layer.keyword)
