"""Steps taken together, as every rank of `torchrun` runs them: their losses and the weights that they lead to.

Started as `python -m torch.distributed.run ... steps_of_ranks.py TEXT OPTIONS FILE`, or by itself, as one rank.
"""

import gc
import json
import os
import sys

import numpy as np
import torch
from torch import distributed

from tatami.engines import compile
from tatami.engines.ranks import Share, share_of
from tatami.network import find_network
from tatami.recipe import SGD

STEPS, SAMPLES = 20, 13  # an odd number: the ranks' shares differ in size


def main(text: str, options: str, path: str) -> None:
    torch.set_num_threads(1)
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if size > 1:
        distributed.init_process_group("gloo")
    network = find_network(text).build()
    rng = np.random.default_rng(5)
    x = rng.standard_normal((STEPS, SAMPLES, *network.input_shape))
    y = rng.integers(network.output_shape[-1], size=(STEPS, SAMPLES))
    settings = {"device": "cpu", "seed": 2, "batch": SAMPLES, "ranks": size, **json.loads(options)}
    model = compile(network, "torch", optimizer=SGD(lr=0.05, momentum=0.9), **settings)
    own = share_of(SAMPLES, rank, size)
    losses = [model.step_share(x[i][own], y[i][own], Share(own.start, SAMPLES)) for i in range(STEPS)]
    if rank == 0:
        np.savez(path, losses=losses, output=model.forward(x[0]), **model.state_dict(), **model.training_state())
    if size > 1:
        del model  # it holds on to the group
        gc.collect()
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
