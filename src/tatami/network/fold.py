"""Network -> the shortest notation that we find for it: repeats, lists, residuals and blocks, as a person would write.

Several spellings are folded; the shortest that builds the very same network is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import replace

from tatami.errors import TatamiError
from tatami.network.as_text import network_program
from tatami.network.build import build
from tatami.network.fold_blocks import candidates, with_block
from tatami.network.fold_pattern import chains_of, with_chains
from tatami.network.fold_repeats import exact_repeats, listed_repeats
from tatami.network.graph import Network
from tatami.notation import ast, print_text
from tatami.notation.tidy import tidy

_TRIED = 5  # blocks at a time
_BLOCKS = 6  # in one text
_WINDOWED = ("CONV", "DWCONV")
_ONE = ast.Number(1)


def fold(network: Network, blocks: bool = True) -> ast.Program:
    """A program that builds ``network``, as short as we find.

    Args:
        network: any.
        blocks: whether blocks are looked for, which takes longer.

    Raises:
        NetworkError: the notation cannot say this network: see :func:`tatami.network.as_text.network_program`.
    """
    plain = network_program(network)
    programs = [plain, *_folded(_without_shortcuts(plain, network), blocks)]
    for program in sorted(programs, key=lambda each: len(print_text(each))):
        if _builds(program, network):
            return program
    return plain


def folded_text(network: Network, blocks: bool = True) -> str:
    """The text of :func:`fold`."""
    return print_text(fold(network, blocks))


def _builds(program: ast.Program, network: Network) -> bool:
    try:
        return build(program) == network
    except TatamiError:
        return False


def _folded(program: ast.Program, blocks: bool) -> Iterator[ast.Program]:
    """The program folded in several ways."""
    spellings = (program, *(_with_strides(program, points) for points in (False, True)))
    for spelling in dict.fromkeys(spellings):
        chain = exact_repeats(spelling.chain)
        yield _tidy(ast.Program((), listed_repeats(chain)))
        if blocks:
            yield _tidy(_with_blocks(ast.Program((), chain)))


def _with_blocks(program: ast.Program) -> ast.Program:
    """Repeats in lists, and blocks one after the other for as long as they shorten the text."""
    shortest = _with_all(program, listed_repeats)
    for _ in range(_BLOCKS):
        tried = [_with_all(with_block(program, candidate), exact_repeats) for candidate in candidates(program, _TRIED)]
        if not tried:
            break
        sizes = {len(print_text(_with_all(each, listed_repeats))): each for each in tried}
        size = min(sizes)
        if size >= len(print_text(shortest)):
            break
        program = sizes[size]
        shortest = _with_all(program, listed_repeats)
    return shortest


# --- spellings ---


def _with_strides(program: ast.Program, points: bool) -> ast.Program:
    """S=1 written out, of 1x1 windows (``points``) too: so the first block of a stage, which strides, has a like."""
    layers = {item for chain in chains_of(program.chain) for item in chain.items if isinstance(item, ast.Layer)}
    stride = {_is_point(layer) for layer in layers if any(argument.key == "S" for argument in layer.arguments)}
    if (points and True not in stride) or not stride:
        return program

    def strided(item: ast.Item) -> ast.Item:
        is_one = isinstance(item, ast.Layer) and (points or not _is_point(item))
        return _strided(item) if isinstance(item, ast.Layer) and is_one else item

    return _with_items(program, strided)


def _is_point(layer: ast.Layer) -> bool:
    """Whether it is a 1x1 convolution."""
    return layer.name == "CONV" and len(layer.arguments) > 1 and layer.arguments[1] == ast.Argument(None, _ONE)


def _strided(layer: ast.Layer) -> ast.Layer:
    at = next((i for i, argument in enumerate(layer.arguments) if argument.key is not None), len(layer.arguments))
    if layer.name not in _WINDOWED or any(argument.key == "S" for argument in layer.arguments):
        return layer
    return replace(layer, arguments=(*layer.arguments[:at], ast.Argument("S", _ONE), *layer.arguments[at:]))


def _tidy(program: ast.Program) -> ast.Program:
    """Without needless brackets, and without the S=1 that was written out and is no parameter's."""
    return tidy(_with_items(program, lambda item: _unstrided(item) if isinstance(item, ast.Layer) else item))


def _with_items(program: ast.Program, change: Callable[[ast.Item], ast.Item]) -> ast.Program:
    """With every item of every chain changed."""

    def changed(chain: ast.Chain) -> ast.Chain:
        return ast.Chain(tuple(map(change, chain.items)))

    return _with_all(program, lambda chain: with_chains(chain, changed))


def _with_all(program: ast.Program, change: Callable[[ast.Chain], ast.Chain]) -> ast.Program:
    """With the program's chain and those of its blocks changed."""
    blocks = tuple(replace(block, body=change(block.body)) for block in program.blocks)
    return replace(program, blocks=blocks, chain=change(program.chain))


def _unstrided(layer: ast.Layer) -> ast.Layer:
    kept = tuple(a for a in layer.arguments if not (layer.name in _WINDOWED and a.key == "S" and a.value == _ONE))
    return replace(layer, arguments=kept)


def _without_shortcuts(program: ast.Program, network: Network) -> ast.Program:
    """RES[body] for RES[body | shortcut] where that shortcut is the one that RES makes by itself."""
    every = {path for item in _residuals(program.chain) for path in item.paths[1:]}
    plain = _shortened(program, every)
    if not every or _builds(plain, network):
        return plain
    for shortcut in sorted(every, key=repr):
        shorter = _shortened(program, {shortcut})
        if _builds(shorter, network):
            program = shorter
    return program


def _residuals(chain: ast.Chain) -> Iterator[ast.Branches]:
    for each in chains_of(chain):
        yield from (item for item in each.items if isinstance(item, ast.Branches) and item.name == "RES")


def _shortened(program: ast.Program, shortcuts: Set[ast.Chain]) -> ast.Program:
    """With these shortcuts left out."""

    def change(item: ast.Item) -> ast.Item:
        if isinstance(item, ast.Branches) and item.name == "RES" and not shortcuts.isdisjoint(item.paths[1:]):
            return replace(item, paths=item.paths[:1])
        return item

    return _with_items(program, change)
