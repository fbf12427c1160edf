"""Published weights as a weights file of tatami's: what ``predict``, ``evaluate``, ``export`` and ``train`` take."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tatami.errors import DataError, OptionError
from tatami.exchange.published import published_preprocess, read_published
from tatami.formats import save_weights
from tatami.network import find_network, zoo
from tatami.recipe import CrossEntropy
from tatami.train.run import Identity


def convert_published(
    path: str | os.PathLike[str], name: str, output: str | os.PathLike[str], classes: Sequence[str] | None = None
) -> int:
    """Write the weights of a file with torchvision's names under tatami's names.

    Args:
        path: the file, in safetensors.
        name: of the network in the zoo.
        output: the weights file.
        classes: their names in the order of the scores; numbers from 0 unless given.

    Returns:
        How many parameters were written.

    Raises:
        OptionError: no network of the zoo that torchvision has.
        DataError: another number of classes.
        RunError: the file is not that network's, or one of them cannot be read or written.
    """
    if not zoo.is_name(name):
        raise OptionError("not a network of the zoo", where="--net", got=name, hint="`tatami zoo` lists the names")
    network = find_network(name).build()
    weights = read_published(path, name, network)
    (outputs,) = network.output_shape
    names = tuple(map(str, range(outputs))) if classes is None else tuple(classes)
    if len(names) != outputs:
        raise DataError("another number of classes", got=len(names), expected=f"{outputs}, one for each score")
    identity = Identity(zoo.read(name).text, names, published_preprocess(name, network), CrossEntropy())
    save_weights(output, weights, identity.to_metadata())
    return sum(array.size for array in weights.values())
