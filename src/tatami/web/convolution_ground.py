"""What a layer stands on: a network with weights, and real samples to go in.

A run brings its own weights and data; a line has first weights from the session's seed, and samples to choose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tatami.data import Dataset, Preprocess, Split, load
from tatami.data.dataset import Array
from tatami.data.lengths import fit_length
from tatami.data.pictures import fit_picture
from tatami.engines.initial import initial_weights
from tatami.errors import DataError
from tatami.inspect.subject import Subject
from tatami.network import Network, Node
from tatami.network.layers import Conv, Pool, Shape, size_text
from tatami.web.line import Line, read_line, read_shape
from tatami.web.opened_run import open_run, read_samples
from tatami.web.session import Session

MEASURED = 5000
"""Samples whose mean and deviation are measured."""

_RANKS = {"image": 3, "signal": 2}


@dataclass(frozen=True)
class Question(Line):
    """A network as the page has it, and the samples that go in.

    Attributes:
        run: a listed run, in place of the line; empty for none.
        data: listed data; empty for the first that fit the line.
    """

    text: str = "memo"
    run: str = ""
    data: str = ""


@dataclass(frozen=True, eq=False)
class Ground:
    """A network and samples for it.

    Attributes:
        network: its layers.
        split: raw samples.
        data: what they are called.
        classes: names of the labels; empty where there are none.
        prepare: from one raw sample to one prepared sample, (1, *input).
        state: all weights of the network's first layers, by full name.
        is_trained: whether they are of a run.
        note: what was done to the samples so that they fit; empty for nothing.
    """

    network: Network
    split: Split
    data: str
    classes: tuple[str, ...]
    prepare: Callable[[Array], Array]
    state: Callable[[Network], dict[str, Array]]
    is_trained: bool
    note: str = ""

    def layers(self) -> list[Node]:
        """The layers that can be opened: CONV and POOL over one or two axes."""
        return [
            node
            for node in self.network
            if isinstance(node.layer, Conv | Pool) and len(self.network[node.inputs[0]].shape) < 4
        ]

    def upto(self, node: Node) -> Subject:
        """The network that ends with ``node``, with its weights."""
        network = Network(self.network.nodes[: self.network.nodes.index(node) + 1])
        preprocess = Preprocess("image", self.network.input_shape, 1.0, (), ())  # samples come prepared
        return Subject(network, self.state(network), preprocess, self.classes, "image")


def open_ground(session: Session, asked: Question) -> Ground:
    """The ground that is asked for, or as it was opened before.

    Raises:
        TatamiError: a line that does not read, no such run or data, or data that do not fit the line.
    """
    if asked.run:
        opened = open_run(session, asked.run)
        return session.kept(("convolution", opened.key), None, lambda: _ground_of_run(session, asked.run))
    key = ("convolution", asked.text, tuple(sorted(asked.bindings.items())), asked.input, asked.classes, asked.data)
    return session.kept(key, None, lambda: _ground_of_line(session, asked))


def _ground_of_run(session: Session, name: str) -> Ground:
    opened = open_run(session, name)
    subject = opened.subject

    def state(network: Network) -> dict[str, Array]:
        return {name: subject.state[name] for name in network.parameters()}

    return Ground(
        subject.network,
        read_samples(opened).split,
        opened.data,
        subject.classes,
        lambda raw: subject.prepare(raw[np.newaxis]),
        state,
        True,
    )


def _ground_of_line(session: Session, asked: Question) -> Ground:
    source = read_line(asked).source
    shape = read_shape(asked.input)
    if shape is None and source.has_shape:
        shape = source.build(None, asked.classes or 2).input_shape
    if shape is None and not asked.data:
        shape = source.default_input
    name, dataset = _data_for(session, asked.data, shape)
    network = source.build(shape or dataset.sample_shape, asked.classes or dataset.outputs)
    prepare, note = _fitted(dataset, network.input_shape)

    def state(network: Network) -> dict[str, Array]:
        return initial_weights(network, session.seed, np.dtype(np.float32))

    return Ground(network, dataset.test or dataset.train, name, dataset.classes, prepare, state, False, note)


def _data_for(session: Session, wanted: str, shape: Shape | None) -> tuple[str, Dataset]:
    for name in [wanted] if wanted else session.data_ids():
        dataset = session.kept(("data", name), None, lambda name=name: load(session.data(name)))  # type: ignore[misc]
        if shape is None or len(shape) == _RANKS[dataset.kind]:
            return name, dataset
    what = {2: "signals", 3: "pictures"}.get(len(shape or ()), "samples of another kind")
    raise DataError(
        f"the network takes {what}",
        where=wanted or "data",
        got=f"{dataset.kind}s of {size_text(dataset.sample_shape)}",
        expected=size_text(shape or ()),
        hint="choose other data",
    )


def _fitted(dataset: Dataset, shape: Shape) -> tuple[Callable[[Array], Array], str]:
    """How a raw sample becomes a prepared one of ``shape``, and what has to be said of it."""
    train = dataset.train
    rows = np.unique(np.linspace(0, len(train) - 1, min(MEASURED, len(train))).astype(np.int64))
    measured = Preprocess.fit(np.asarray(train.take(rows).x), dataset.kind)
    mean, std, depth = measured.mean, measured.std, shape[-1]
    if len(mean) != depth:
        mean, std = (float(np.mean(mean)),) * depth, (float(np.mean(std)),) * depth
    preprocess = replace(measured, shape=shape, mean=mean, std=std)

    def prepare(raw: Array) -> Array:
        if raw.shape != shape:
            raw = _brought(raw, shape)
        return preprocess(raw[np.newaxis])

    if dataset.sample_shape == shape:
        return prepare, ""
    verb = "resized" if dataset.kind == "image" else "cut or padded"
    return prepare, f"samples {verb} from {size_text(dataset.sample_shape)} to the network's {size_text(shape)}"


def _brought(raw: Array, shape: Shape) -> Array:
    if len(shape) == 3 and raw.dtype == np.uint8:
        return fit_picture(raw, shape)
    if len(shape) == 2 and raw.shape[-1] == shape[-1]:
        return fit_length(raw, shape[0])
    raise DataError(
        "a sample of another shape", got=size_text(raw.shape), expected=size_text(shape), hint="choose other data"
    )
