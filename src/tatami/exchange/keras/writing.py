"""Network with weights -> a folder with ``model.py`` and ``model.safetensors``, which need Keras 3 but not tatami.

Layers on the way that all paths take are called as in tatami, ``conv1``. Where paths part and meet again there is a
block, a call of a function that all blocks of its kind share: within it names begin anew, ``block2_conv1``. Maps and
weights lie as in tatami, channels last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tatami.engines.base import Array
from tatami.errors import NetworkError
from tatami.exchange.keras.helpers import HELPERS
from tatami.exchange.keras.spelling import is_depthwise, spell
from tatami.exchange.parcel import Parcel
from tatami.exchange.script.lines import Step, statements
from tatami.exchange.script.outline import Block
from tatami.exchange.script.patterns import Pattern
from tatami.exchange.script.program import Framework, call_lines, docstring_lines, whole_text, write_folder
from tatami.exchange.script.spelling import Spelling
from tatami.exchange.script.structure import Structure
from tatami.network import Node

FRAMEWORK = Framework(
    name="Keras 3",
    imports="""
from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops
from safetensors.numpy import load_file
""".strip(),
    tensor="np.ndarray",
    order="channels last",
    result="x",
    load='''
def load(path: str | Path = Path(__file__).with_name("model.safetensors")) -> keras.Model:
    """The network with its weights."""
    model, tensors = build(), load_file(path)
    for layer in model.layers:
        names = (f"{layer.name}.{part}" for part in ("weight", "bias", "running_mean", "running_var"))
        if layer.weights:
            layer.set_weights([tensors[name] for name in names if name in tensors])
    return model
'''.strip(),
    scores="""
    scores = ops.convert_to_numpy(load()(x, training=False))[0]
""",
)


def save_keras(parcel: Parcel, folder: str | os.PathLike[str]) -> None:
    """Write the folder.

    Raises:
        RunError: it cannot be written.
    """
    program = KerasProgram(parcel)
    write_folder(Path(folder), program.text(), program.tensors(), parcel)


class KerasProgram:
    """The text of ``model.py``, and the tensors that belong to it."""

    def __init__(self, parcel: Parcel) -> None:
        self.parcel, self.network = parcel, parcel.network
        self.structure = Structure(self.network, self.spelling)

    def spelling(self, node: Node) -> Spelling:
        """How a layer is said."""
        try:
            return spell(node.layer, *self.network.input_shapes(node))
        except NetworkError as error:
            error.where = node.name
            raise

    def tensors(self) -> dict[str, Array]:
        """The weights, by the names that the program has."""
        found = {}
        for part in self.structure.parts:
            for node, path in part.paths():
                shapes = self.network.input_shapes(node)
                for name in node.layer.parameters(*shapes):
                    array = np.asarray(self.parcel.state[f"{node.name}.{name}"], np.float32)
                    if name == "weight" and is_depthwise(node.layer, *shapes):
                        array = array.reshape(*array.shape[:-2], shapes[0][-1], -1)  # (*F, C, multiplier)
                    found[f"{'_'.join(path)}.{name}"] = array
        return found

    def text(self) -> str:
        """The program."""
        helpers = {name for node in self.network.nodes[1:] for name in self.spelling(node).helpers}
        network = [
            *(HELPERS[name].strip() for name in sorted(helpers)),
            *("\n".join(self._function(pattern)) for pattern in self.structure.patterns),
            "\n".join(self._build()),
        ]
        return whole_text(self.parcel, FRAMEWORK, network)

    def _function(self, pattern: Pattern) -> Iterator[str]:
        block = pattern.blocks[0]
        locals_ = block.local_names()
        parameters = [f"{name}: {_type(values[0])}" for name, values in pattern.parameters.items()]
        yield from call_lines(f"def {pattern.name.lower()}(", ["x", "name: str", *parameters], "):")
        yield from docstring_lines(pattern.title, "    ")
        steps = []
        for node, spelling in zip(block.nodes, pattern.spellings, strict=True):
            made = _named(spelling, f'name + "_{locals_[node.name]}"')
            steps.append(Step(node.name, node.inputs, spelling.call.replace("{self}", made), spelling.begins))
        yield from (f"    {line}" for line in statements(steps, block.source.name))

    def _build(self) -> Iterator[str]:
        yield "def build() -> keras.Model:"
        yield '    """The network, with first weights at random."""'
        yield f"    x = source = keras.Input({self.network.input_shape})"
        for part in self.structure.parts:
            item = part.items[0]
            if isinstance(item, Block):
                pattern = self.structure.pattern_of[item]
                arguments = [f"{name}={value!r}" for name, value in pattern.values(item).items()]
                name, indent = f'"{part.name}"', "    "
                if len(part.items) > 1:
                    yield f"    for i in range({len(part.items)}):"
                    name, indent = f'f"{part.name}_{{i}}"', "        "
                yield from call_lines(f"{indent}x = {pattern.name.lower()}(", ["x", name, *arguments], ")")
            else:
                spelling = self.spelling(item)
                call = spelling.call.replace("{self}", _named(spelling, f'"{part.name}"'))
                yield f"    x = {call.format('x')}"
        yield "    return keras.Model(source, x)"


def _named(spelling: Spelling, name: str) -> str:
    """What makes a layer, with its name."""
    return f"{spelling.made[:-1]}{', ' if spelling.made[-2] != '(' else ''}name={name})"


def _type(value: object) -> str:
    return "tuple[int, ...]" if isinstance(value, tuple) else type(value).__name__
