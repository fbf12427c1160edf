"""The torch engine as the gradient check wants it."""

import numpy as np
import torch

from tatami.engines.torch.layout import to_tatami, to_torch
from tatami.engines.torch.model import NetworkModule, on_device
from tatami.engines.torch.rules import channels_first, channels_last
from tatami.network import Network

from .gradient_check import Pass

CPU = torch.device("cpu")


def torch_pass(network: Network, dtype: str = "float64", training: bool = True, cuts: tuple[str, ...] = ()) -> Pass:
    """Seed 3, step 1, as :func:`textbook_pass` has it."""
    kind = np.dtype(dtype)
    module = on_device(NetworkModule(network, cuts), CPU, kind, len(network.input_shape) - 1).train(training)
    module.draws.seed, module.draws.step = 3, 1
    tensors = {name: (network[(parts := name.rpartition("."))[0]].layer, parts[2]) for name in network.parameters()}
    places = {
        name: getattr(module.layer(name.rpartition(".")[0]), parameter) for name, (_, parameter) in tensors.items()
    }

    def run(weights, x):
        with torch.no_grad():
            for name, (layer, parameter) in tensors.items():
                places[name].copy_(to_torch(layer, parameter, np.asarray(weights[name], kind)))
        X = channels_first(torch.from_numpy(np.array(x, kind))).requires_grad_(training)
        Y = module(X)

        def backward(dY):
            wanted = {name: place for name, place in places.items() if place.requires_grad}
            found = torch.autograd.grad(
                Y, [X, *wanted.values()], channels_first(torch.from_numpy(np.array(dY, kind))), materialize_grads=True
            )
            gradients = zip(wanted, found[1:], strict=True)
            dX = channels_last(found[0]).numpy()
            return dX, {name: to_tatami(*tensors[name], gradient, kind) for name, gradient in gradients}

        return channels_last(Y.detach()).numpy(), backward

    return run
