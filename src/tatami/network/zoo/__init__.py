"""Published networks, each a few lines of notation in a ``.net`` file beside this module.

The comments at the head of a file carry what the notation cannot say, one ``# key: value`` a line: ``title`` and
``source`` always, ``input`` and ``classes`` where INPUT and the last FC are bare. Other comments there are notes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tatami.errors import OptionError, nearest
from tatami.network.layers.base import Shape

_SUFFIX = ".net"
_HEADER = re.compile(r"#\s*(title|source|input|classes):\s*(.+)")


@dataclass(frozen=True)
class ZooEntry:
    """A published network as it stands in its file; nothing is parsed yet.

    Attributes:
        name: the file's name, and what the command line calls it.
        title: its name in print, ``VGG-16``.
        source: where it was published.
        text: the notation, its comments included.
        input_shape: what a bare INPUT stands for when no data say otherwise, or None where INPUT has its shape.
        classes: likewise for a bare last FC.
    """

    name: str
    title: str
    source: str
    text: str
    input_shape: Shape | None = None
    classes: int | None = None


def names() -> list[str]:
    """The names of all entries, numbers in their natural order: resnet18 before resnet101."""
    return sorted(_names_by_key().values(), key=_natural)


def is_name(text: str) -> bool:
    """Whether ``text`` names an entry, rather than being notation or the name of a file."""
    return _key(text) in _names_by_key()


def read(name: str) -> ZooEntry:
    """Read one entry; the others are not opened.

    Args:
        name: letter case, ``-`` and ``_`` aside: ``VGG-16`` is ``vgg16``.

    Raises:
        OptionError: no such entry; with the nearest name.
    """
    known = _names_by_key()
    found = known.get(_key(name))
    if found is None:
        close = nearest(_key(name), known)
        raise OptionError(
            "no such network in the zoo",
            got=name,
            expected="a name that `tatami zoo` lists",
            hint=f"did you mean {known[close]}?" if close else None,
        )
    return _entry(found, files(__name__).joinpath(found + _SUFFIX).read_text(encoding="utf-8"))


def _entry(name: str, text: str) -> ZooEntry:
    comments = (line for line in text.splitlines() if line.startswith("#"))
    head = {match[1]: match[2].strip() for match in map(_HEADER.fullmatch, comments) if match}
    return ZooEntry(
        name=name,
        title=head["title"],
        source=head["source"],
        text=text,
        input_shape=tuple(map(int, head["input"].split("x"))) if "input" in head else None,
        classes=int(head["classes"]) if "classes" in head else None,
    )


@cache
def _names_by_key() -> dict[str, str]:
    stems = (f.name.removesuffix(_SUFFIX) for f in files(__name__).iterdir() if f.name.endswith(_SUFFIX))
    return {_key(stem): stem for stem in stems}


def _key(name: str) -> str:
    return re.sub(r"[-_\s]", "", name.casefold())


def _natural(name: str) -> list[tuple[str, int]]:
    return [(word, int(digits or 0)) for word, digits in re.findall(r"(\D*)(\d*)", name)]
