"""Network with weights -> a folder with ``model.py`` and ``model.safetensors``, which need PyTorch but not tatami.

Layers on the way that all paths take are called as in tatami, ``conv1``. Where paths part and meet again there is a
block, an instance of a class that all blocks of its kind share: within it names begin anew, ``block2.conv1``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tatami.engines.base import Array
from tatami.errors import NetworkError
from tatami.exchange.channels_first import channels_first, vectors_channels_first
from tatami.exchange.parcel import Parcel
from tatami.exchange.script.lines import Step, statements
from tatami.exchange.script.outline import Block
from tatami.exchange.script.patterns import Pattern
from tatami.exchange.script.program import Framework, call_lines, docstring_lines, whole_text, write_folder
from tatami.exchange.script.spelling import Spelling
from tatami.exchange.script.structure import Structure
from tatami.exchange.torch.helpers import HELPERS
from tatami.exchange.torch.spelling import Place, spell
from tatami.network import Node

FRAMEWORK = Framework(
    name="PyTorch",
    imports="""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
""".strip(),
    tensor="torch.Tensor",
    order="channels first",
    result="torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))",
    load='''
def load(path: str | Path = Path(__file__).with_name("model.safetensors")) -> Model:
    """The network with its weights, ready to predict."""
    model = Model()
    model.load_state_dict(load_file(path))
    return model.eval()
'''.strip(),
    scores="""
    with torch.inference_mode():
        scores = load()(x)[0].numpy()
""",
)


def save_torch(parcel: Parcel, folder: str | os.PathLike[str]) -> None:
    """Write the folder.

    Raises:
        RunError: it cannot be written.
    """
    program = TorchProgram(parcel)
    write_folder(Path(folder), program.text(), program.tensors(), parcel)


class TorchProgram:
    """The text of ``model.py``, and the tensors that belong to it."""

    def __init__(self, parcel: Parcel) -> None:
        self.parcel, self.network = parcel, parcel.network
        self.free = vectors_channels_first(self.network)
        self.structure = Structure(self.network, self.spelling)

    def spelling(self, node: Node) -> Spelling:
        """How a layer is said."""
        try:
            return spell(node.layer, Place(self.network.input_shapes(node), node.name in self.free))
        except NetworkError as error:
            error.where = node.name
            raise

    def tensors(self) -> dict[str, Array]:
        """The weights, by the names and in the order of axes that the program has."""
        found = {}
        for part in self.structure.parts:
            for node, path in part.paths():
                shapes = self.network.input_shapes(node)
                seen = self.free.get(node.inputs[0], shapes[0])
                for name in node.layer.parameters(*shapes):
                    array = self.parcel.state[f"{node.name}.{name}"]
                    found[".".join((*path, name))] = channels_first(node.layer, name, array, seen)
        return found

    def text(self) -> str:
        """The program."""
        helpers = {name for node in self.network.nodes[1:] for name in self.spelling(node).helpers}
        network = [
            *(HELPERS[name].strip() for name in sorted(helpers)),
            *("\n".join(self._class(pattern)) for pattern in self.structure.patterns),
            "\n".join(self._model()),
        ]
        uses_functions = any("F." in section for section in network)
        imports = FRAMEWORK.imports if uses_functions else FRAMEWORK.imports.rpartition("\n")[0]
        return whole_text(self.parcel, replace(FRAMEWORK, imports=imports), network)

    def _class(self, pattern: Pattern) -> Iterator[str]:
        block = pattern.blocks[0]
        locals_ = block.local_names()
        yield f"class {pattern.name}(nn.Module):"
        yield from docstring_lines(pattern.title, "    ")
        yield ""
        parameters = [f"{name}: {_type(values[0])}" for name, values in pattern.parameters.items()]
        yield from call_lines("    def __init__(", ["self", *parameters], ") -> None:")
        yield "        super().__init__()"
        steps = []
        for node, spelling in zip(block.nodes, pattern.spellings, strict=True):
            local = locals_[node.name]
            if spelling.kind:
                yield f"        self.{local} = {spelling.made}"
            steps.append(
                Step(node.name, node.inputs, spelling.call.replace("{self}", f"self.{local}"), spelling.begins)
            )
        yield ""
        yield "    def forward(self, x: torch.Tensor) -> torch.Tensor:"
        yield from (f"        {line}" for line in statements(steps, block.source.name))

    def _model(self) -> Iterator[str]:
        yield "class Model(nn.Module):"
        yield '    """The network."""'
        yield ""
        yield "    def __init__(self) -> None:"
        yield "        super().__init__()"
        steps: list[Step] = []
        source = before = self.network.nodes[0].name
        for part in self.structure.parts:
            item = part.items[0]
            if isinstance(item, Block):
                pattern = self.structure.pattern_of[item]
                arguments = [f"{name}={value!r}" for name, value in pattern.values(item).items()]
                head, tail = f"        self.{part.name} = {pattern.name}(", ")"
                if len(part.items) > 1:
                    head = f"        self.{part.name} = nn.Sequential(*({pattern.name}("
                    tail = f") for _ in range({len(part.items)})))"
                yield from call_lines(head, arguments, tail)
                call, begins, after = f"self.{part.name}({{0}})", True, part.last
            else:
                spelling = self.spelling(item)
                if spelling.kind:
                    yield f"        self.{part.name} = {spelling.made}"
                call, begins, after = spelling.call.replace("{self}", f"self.{part.name}"), spelling.begins, item.name
            steps.append(Step(after, (before,), call, begins))
            before = after
        yield ""
        yield "    def forward(self, x: torch.Tensor) -> torch.Tensor:"
        yield from (f"        {line}" for line in statements(steps, source))


def _type(value: object) -> str:
    return "tuple[int, ...]" if isinstance(value, tuple) else type(value).__name__
