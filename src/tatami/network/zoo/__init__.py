"""Published networks, each a few lines of notation in a ``.net`` file beside this module, with title and source."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from tatami.errors import OptionError, nearest
from tatami.network.netfile import SUFFIX, NetFile, parse_netfile


def names() -> list[str]:
    """The names of all entries, numbers in their natural order: resnet18 before resnet101."""
    return sorted(_names_by_key().values(), key=_natural)


def is_name(text: str) -> bool:
    """Whether ``text`` names an entry, rather than being notation or the name of a file."""
    return _key(text) in _names_by_key()


def read(name: str) -> NetFile:
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
    text = files(__name__).joinpath(found + SUFFIX).read_text(encoding="utf-8")
    return parse_netfile(found, text, found + SUFFIX)


@cache
def _names_by_key() -> dict[str, str]:
    stems = (f.name.removesuffix(SUFFIX) for f in files(__name__).iterdir() if f.name.endswith(SUFFIX))
    return {_key(stem): stem for stem in stems}


def _key(name: str) -> str:
    return re.sub(r"[-_\s]", "", name.casefold())


def _natural(name: str) -> list[tuple[str, int]]:
    return [(word, int(digits or 0)) for word, digits in re.findall(r"(\D*)(\d*)", name)]
