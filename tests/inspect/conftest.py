"""Subjects to look into: small networks with weights from a seed, without a training."""

import zlib
from collections.abc import Callable

import numpy as np
import pytest

from tatami.data import Preprocess
from tatami.inspect.subject import Subject
from tatami.network import find_network


def make_subject(text: str, **tensors: object) -> Subject:
    """``text`` as a network; weights are random by the text, but for those given by name: ``conv1_weight=...``."""
    network = find_network(text).build()
    rng, state = np.random.default_rng(zlib.crc32(text.encode())), {}
    for name, parameter in network.parameters().items():
        value = rng.standard_normal(parameter.shape).astype(np.float32) / max(parameter.fan_in, 1) ** 0.5
        value = np.abs(value) + np.float32(0.5) if parameter.role == "running_var" else value
        given = tensors.pop(name.replace(".", "_"), None)
        state[name] = value if given is None else np.asarray(given, np.float32).reshape(parameter.shape)
    assert not tensors, f"no such tensors: {tensors}"
    shape = network.input_shape
    kind = "image" if len(shape) == 3 else "signal"
    preprocess = Preprocess(kind, shape, 1.0, (0.0,) * shape[-1], (1.0,) * shape[-1])
    classes = tuple(f"class {i}" for i in range(network.output_shape[-1]))
    return Subject(network, state, preprocess, classes, kind)


@pytest.fixture(name="make_subject")
def _make_subject() -> Callable[..., Subject]:
    return make_subject


@pytest.fixture
def samples() -> Callable[..., np.ndarray]:
    """Prepared samples for a subject, from a seed."""

    def draw(subject: Subject, count: int = 3, seed: int = 0) -> np.ndarray:
        shape = (count, *subject.network.input_shape)
        return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)

    return draw
