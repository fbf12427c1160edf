"""What an inspection shows of each sample, as the values of its views.

Letters: N samples, K outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tatami.inspect.explain import attributions
from tatami.inspect.field import field_of
from tatami.inspect.passes import scored_layers
from tatami.inspect.reading import Chosen
from tatami.inspect.request import Request
from tatami.inspect.subject import Subject
from tatami.network import Network
from tatami.train.evaluation import probabilities
from tatami.train.run import Identity
from tatami.views.inspection import InspectedSample, LayerMaps, UnitField, Values

Ranked = tuple[tuple[str, float], ...]


def ranked(network: Network, identity: Identity, outputs: Values) -> tuple[list[Ranked], NDArray[np.int64]]:
    """What is predicted for each sample, and the output that explains it best: the likeliest class, the first target.

    Args:
        network: the network.
        identity: of its weights.
        outputs: (N, K), of its last layer.
    """
    if identity.standard is not None:
        names, rows = identity.standard.names, identity.standard.back(outputs)
        return [tuple(zip(names, map(float, row), strict=True)) for row in rows], np.zeros(len(rows), np.int64)
    shares = probabilities(network, outputs)
    found = [tuple((identity.classes[i], float(row[i])) for i in np.argsort(-row, kind="stable")) for row in shares]
    return found, shares.argmax(axis=1).astype(np.int64)


def inspected(
    subject: Subject,
    chosen: Chosen,
    answers: Mapping[str, Values],
    predicted: Sequence[Ranked],
    targets: NDArray[np.int64],
    names: Sequence[str],
    layers: Sequence[str],
    request: Request,
) -> Iterator[InspectedSample]:
    """The samples, one after another.

    Args:
        subject: the network.
        chosen: the samples.
        answers: every layer's output, INPUT's with the prepared samples among them.
        predicted: see :func:`ranked`.
        targets: the output explained, (N,).
        names: of the outputs.
        layers: whose maps are shown.
        request: which methods explain, and the unit whose receptive field is shown.
    """
    network = subject.network
    explained = attributions(subject, answers[network.nodes[0].name], targets, request.methods)
    last = {scored_layers(subject)[-1].name, network.nodes[-1].name}
    for i, name in enumerate(chosen.names):
        maps = (
            LayerMaps(layer, network[layer].layer.keyword, answers[layer][i], tuple(names) if layer in last else ())
            for layer in layers
        )
        seen = None if request.unit is None else _seen(network, *request.unit, answers[request.unit[0]][i])
        yield InspectedSample(name, chosen.raw[i], predicted[i], names[targets[i]], tuple(maps), explained[i], seen)


def _seen(network: Network, layer: str, unit: int, answers: Values) -> UnitField:
    """What a unit sees where it answers most; ``answers`` are those of its layer to one sample."""
    own = answers[..., unit]
    position = tuple(int(place) for place in np.unravel_index(int(own.argmax()), own.shape))
    # Of a unit without positions, which sees all of the input, the padding says nothing.
    spans = field_of(network, layer, position, clip=not position)
    return UnitField(layer, unit, position, float(own[position]), spans)
