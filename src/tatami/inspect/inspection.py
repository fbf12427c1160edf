"""A run and some samples -> everything that an inspection shows, as the values of its views.

Letters: N inspected samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tatami.inspect.each_sample import inspected, ranked
from tatami.inspect.filters import filters, layers_with_filters
from tatami.inspect.over_data import embeddings, patches, statistics
from tatami.inspect.passes import Gradients, activations, gradients
from tatami.inspect.reading import chosen_samples, own_data
from tatami.inspect.request import Request
from tatami.inspect.subject import Subject
from tatami.inspect.units import unit_statistics
from tatami.network import Network
from tatami.network.layers import Conv
from tatami.train.run import read_trained
from tatami.views.inspection import FilterBank, GradientSize, Inspection, Values


def inspect_run(
    run: Path,
    files: Sequence[str],
    request: Request = Request(),  # noqa: B008
    *,
    inverted: bool = False,
    stdin: BinaryIO | None = None,
) -> Inspection:
    """Look into the best weights of a run.

    Args:
        run: its directory, or a weights file.
        files: whose samples are inspected: see :func:`tatami.train.inputs.resolve`.
        request: what is shown.
        inverted: black and white change places in the samples.
        stdin: standard input, where ``-`` is among the files.

    Raises:
        RunError: no run, or one without weights.
        OptionError: a layer, unit, class or sample that there is not.
        DataError: a file that cannot be read, or does not fit the network.
    """
    network, identity, weights = read_trained(run)
    subject = Subject(network, weights, identity.preprocess, identity.classes, identity.preprocess.kind)
    names = identity.classes if identity.standard is None else identity.standard.names
    request.check_methods()
    layers, target = request.checked_layers(network), request.checked_target(names)
    chosen = chosen_samples(run, identity, files, request.rows, inverted=inverted, stdin=stdin)
    answers = activations(subject, subject.prepare(chosen.raw))
    predicted, likeliest = ranked(network, identity, answers[network.nodes[-1].name])
    targets = likeliest if target is None else np.full(len(likeliest), target, np.int64)
    moved = gradients(subject, answers[network.nodes[0].name], targets)
    inspection = Inspection(
        title=f"Inside {run.resolve().name}",
        notation=identity.network,
        kind=identity.preprocess.kind,
        outputs=names,
        facts=_facts(network, run),
        samples=tuple(inspected(subject, chosen, answers, predicted, targets, names, layers, request)),
        filters=tuple(_filters(subject, layers)),
        gradients=tuple(_gradient_sizes(network, moved, layers)),
        regression=identity.standard is not None,
        units_shown=request.units_shown,
        notes=chosen.notes,
    )
    own = own_data(run, identity, request.data_samples)
    if isinstance(own, str):
        return replace(inspection, notes=(*inspection.notes, f"no dead units, patches and embedding: {own}"))
    found = unit_statistics(subject, own.split)
    points, missing = embeddings(subject, own.split, identity, tsne=request.tsne)
    return replace(
        inspection,
        units=tuple(statistics(found, layers)),
        patches=tuple(patches(subject, own.split, identity, found, layers)),
        embeddings=points,
        over=own.words,
        notes=(*inspection.notes, *missing),
    )


def _facts(network: Network, run: Path) -> tuple[tuple[str, str], ...]:
    size = sum(parameter.size for parameter in network.parameters().values() if parameter.trainable)
    return ("run", str(run)), ("layers", f"{len(network) - 1:,}"), ("parameters", f"{size:,}")


def _filters(subject: Subject, layers: Sequence[str]) -> Iterator[FilterBank]:
    """The filters of every CONV, and of an FC that looks at the input: deeper ones look like noise."""
    known = layers_with_filters(subject.network)
    for layer in layers:
        if layer in known:
            found = filters(subject, layer)
            if found.first or isinstance(subject.network[layer].layer, Conv):
                yield FilterBank(layer, found.values, found.first)


def _gradient_sizes(network: Network, found: Gradients, layers: Sequence[str]) -> Iterator[GradientSize]:
    """Root mean squares of what the scores' gradients are, for outputs and weights; of weights a sample's mean."""
    samples = len(found.scores)
    for name in layers:
        if name not in found.activations:
            continue  # a final SOFTMAX, which stands behind the scores
        weights = [gradient.ravel() for key, gradient in found.weights.items() if key.rpartition(".")[0] == name]
        of_weights = _rms(np.concatenate(weights)) / samples if weights else None
        yield GradientSize(name, network[name].layer.keyword, _rms(found.activations[name]), of_weights)


def _rms(values: Values) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
