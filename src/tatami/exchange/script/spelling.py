"""How a layer is said in Python: what makes it, and how it is called."""

from __future__ import annotations

import json
import keyword
import re
from dataclasses import dataclass


class Word(str):
    """A name in the program, printed as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Argument:
    """An argument of what makes a layer.

    Attributes:
        label: what it is, for a name where it is no constant: ``out``.
        value: a number, a tuple, a text or a :class:`Word`.
        keyword: with which it is given; empty for one by its place.
        usual: the value for which it is left out.
    """

    label: str
    value: object
    keyword: str = ""
    usual: object = None

    def __str__(self) -> str:
        is_text = isinstance(self.value, str) and not isinstance(self.value, Word)
        text = json.dumps(self.value) if is_text else repr(self.value)
        return f"{self.keyword}={text}" if self.keyword else text


@dataclass(frozen=True)
class Spelling:
    """A layer in Python.

    Attributes:
        kind: what makes it, ``nn.Conv2d``; empty where nothing is made.
        arguments: of that.
        call: the expression of its output: ``{0}``, ``{1}`` stand for its inputs, ``{self}`` for what was made.
        helpers: functions and classes that the program must have for it.
        begins: whether it begins a line; a layer that does not may stand around the one before it.
    """

    kind: str = ""
    arguments: tuple[Argument, ...] = ()
    call: str = "{self}({0})"
    helpers: tuple[str, ...] = ()
    begins: bool = False

    @property
    def made(self) -> str:
        """The expression that makes it."""
        return f"{self.kind}({', '.join(str(a) for a in self.arguments if a.value != a.usual)})"


def single(values: tuple[int, ...]) -> int | tuple[int, ...]:
    """One number where it is the same for all axes."""
    return values[0] if len(set(values)) == 1 else values


# What every module of PyTorch has.
_TAKEN = frozenset(
    [
        *("apply", "bfloat16", "buffers", "call_super_init", "children", "compile", "cpu", "cuda", "double"),
        *("dump_patches", "eval", "extra_repr", "float", "forward", "half", "ipu", "load_state_dict", "modules"),
        *("mtia", "named_buffers", "named_children", "named_modules", "named_parameters", "parameters"),
        *("register_buffer", "register_module", "register_parameter", "requires_grad_", "share_memory"),
        *("state_dict", "to", "to_empty", "train", "training", "type", "xpu", "zero_grad"),
    ]
)


def identifier(name: str, taken: set[str]) -> str:
    """A node's name as one of Python's, and none of ``taken``, to which it is added."""
    word = re.sub(r"\W", "_", name, flags=re.ASCII)
    if word[:1].isdigit() or word.startswith("_") or not word:
        word = f"layer{word}"
    while word in _TAKEN or word in taken or keyword.iskeyword(word):
        word += "_"
    taken.add(word)
    return word
