"""A network as an SVG drawing: boxes to scale in rows, joins with their arcs, repeats drawn once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TypeAlias

from tatami.network import Node
from tatami.network.layers import Add, Concat, Layer, Multiply, Shape, size_text
from tatami.plan import LayerCost, Plan
from tatami.views.boxes import BAND, KINDS, Size, box, kind_of, size_of, style
from tatami.views.numbers import short
from tatami.views.outline import Block, Item, Join, Lump, Row, Run, blocks_in, outline, output_of

WIDTH = 960.0  # pixels: where a line of the drawing ends and the next begins
MARGIN = 14.0
_GAP = 9.0  # between blocks
_COVERED = 0.38  # so much of a block's side may lie behind the next block
_MOST_COVERED = 14.0
_LINE_GAP = 26.0
_LANE = 7.0  # between the rows of branches
_PAD = 15.0  # between a fork or a join and its branches
_TEXT = 10.5  # height of a line of text
_CHARACTER = 5.3
_RADIUS = 7.0  # of the sign of a join
_PANEL = 7.0  # around a repeat

_MARKS: tuple[tuple[type[Layer], str], ...] = ((Add, "M-4 0h8M0 -4v8"), (Multiply, "M-3 -3l6 6M3 -3l-6 6"))

Draw: TypeAlias = Callable[[float, float], str]


@dataclass(frozen=True)
class Laid:
    """Something with a size: its width, how far it reaches up and down from its axis, and how to draw it at a place.

    ``spare`` pixels at its right may be covered by the block that follows.
    """

    width: float
    up: float
    down: float
    draw: Draw
    spare: float = 0.0
    alone: bool = False  # it draws the line along the axis itself


def network_svg(plan: Plan, width: float = WIDTH, alone: bool = True) -> str:
    """The drawing of a plan's network: an SVG element.

    Args:
        plan: any plan.
        width: pixels of a line of the drawing.
        alone: whether it needs nothing else, in an HTML page or as a file; False for a page that has the style sheet
            :func:`tatami.views.boxes.style` and says itself how large the drawing is.
    """
    row = outline(plan.network)
    pen = _Pen(plan)
    lines = pen.lines(row, width - 2 * MARGIN)
    legend = _legend(pen.kinds, max(width, *(line.width + 2 * MARGIN for line in lines)) - 2 * MARGIN)
    wide = max([*(line.width for line in lines), legend.width]) + 2 * MARGIN
    parts, y = [], MARGIN
    for i, line in enumerate(lines):
        y += line.up
        if i:
            parts.append(f'<path class="tn-line" stroke-dasharray="2 3" d="M2 {y:.1f}H{MARGIN + 1:.1f}"/>')
        if i < len(lines) - 1:
            end = MARGIN + line.width
            parts.append(f'<path class="tn-line" stroke-dasharray="2 3" d="M{end - 1:.1f} {y:.1f}H{end + 12:.1f}"/>')
        parts.append(line.draw(MARGIN, y))
        y += line.down + _LINE_GAP
    parts.append(legend.draw(MARGIN, y))
    height = y + legend.down + MARGIN / 2
    name = f"a network of {len(plan.layers)} layers, {blocks_in(row)} drawn"
    size, sheet = "", ""
    if alone:
        size = f' style="width:100%;min-width:{min(wide, 720):.0f}px;max-width:{1.15 * wide:.0f}px;height:auto"'
        sheet = f"<style>{style(sorted(pen.kinds))}</style>"
    return (
        f'<svg class="tatami-net" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {height:.0f}" role="img" '
        f'aria-label="{name}"{size}>{sheet}{"".join(parts)}</svg>'
    )


class _Pen:
    def __init__(self, plan: Plan) -> None:
        self.costs: dict[str, LayerCost] = {cost.name: cost for cost in plan.layers}
        self.largest = max((side for cost in plan.layers for side in cost.output[:-1]), default=1)
        self.kinds: set[str] = set()

    # --- rows ---

    def lines(self, row: Row, limit: float) -> list[Laid]:
        """The row broken into lines of at most ``limit`` pixels, where its items allow that."""
        lines: list[Laid] = []
        parts: list[Laid] = []
        shape: Shape = ()
        for run in row:
            for laid in self.broken(run, shape, limit):
                if parts and _joined([*parts, laid]).width > limit:
                    lines.append(_joined(parts))
                    parts = []
                parts.append(laid)
            shape = output_of(run.items[-1])
        return [*lines, _joined(parts)]

    def broken(self, run: Run, shape: Shape, limit: float) -> list[Laid]:
        """A run as one part, or, where it is a repeat wider than a line, as several with the same count."""
        whole = self.run(run, shape)
        if whole.width <= limit or len(run.items) == 1:
            return [whole]
        half = len(run.items) // 2
        first, second = Run(run.items[:half], run.count), Run(run.items[half:], run.count)
        between = output_of(run.items[half - 1])
        return [*self.broken(first, shape, limit), *self.broken(second, between, limit)]

    def row(self, row: Row, shape: Shape) -> Laid:
        """A branch, behind a fork of this shape."""
        parts = []
        for run in row:
            parts.append(self.run(run, shape))
            shape = output_of(run.items[-1])
        return _joined(parts)

    def run(self, run: Run, shape: Shape) -> Laid:
        parts = []
        for item in run.items:
            parts.append(self.item(item, shape, run.count))
            shape = output_of(item)
        inner = _joined(parts)
        if run.count == 1:
            return inner if len(parts) > 1 else parts[0]
        label = f"x{run.count}"
        above = _TEXT + 4

        def draw(x: float, y: float) -> str:
            frame = f'x="{x:.1f}" y="{y - inner.up - above:.1f}" width="{inner.width + 2 * _PANEL:.1f}"'
            high = inner.up + inner.down + above + _PANEL
            return (
                f'<rect class="tn-run" {frame} height="{high:.1f}" rx="6"/>'
                + _text(x + _PANEL, y - inner.up - 3, label, "start", "tn-count")
                + f'<path class="tn-line" d="M{x:.1f} {y:.1f}h{inner.width + 2 * _PANEL:.1f}"/>' * (not inner.alone)
                + inner.draw(x + _PANEL, y)
            )

        return Laid(inner.width + 2 * _PANEL, inner.up + above, inner.down + _PANEL, draw, alone=inner.alone)

    # --- items ---

    def item(self, item: Item, shape: Shape, count: int) -> Laid:
        if isinstance(item, Join):
            return self.join(item, shape, count)
        out = output_of(item)
        size = size_of(out, self.largest)
        if isinstance(item, Lump):
            nodes: tuple[Node, ...] = (*item.inner, *item.after)
            kind, before, after = "lump", [], self.bands(item.after)
            size = Size(max(size.thick, 34.0), size.high, size.right, size.up)
            title = f"{len(nodes)} layers, {nodes[0].name} to {nodes[-1].name}: {self.sums(nodes)}"
            labels = [f"{len(nodes)} layers", *_labels(out, shape)]
        else:
            nodes = item.nodes
            before, after = self.bands(item.before), self.bands(item.after)
            kind = kind_of(item.node.layer) if item.node else before[0]
            size = size if item.node else Size(0, size.high, size.right, size.up)
            title = "\n".join(self.figures(node) for node in nodes)
            labels = _labels(out, shape)
        if count > 1:
            title = f"{count} times; the first:\n{title}"
        self.kinds.add(kind)
        thick = size.thick + BAND * (len(before) + len(after))
        half = (size.high + size.up) / 2
        middle = (thick + 0.5 * size.right) / 2
        text = max((_CHARACTER * len(label) for label in labels), default=0.0) / 2
        shift = max(0.0, text - middle)
        whole = shift + max(thick + size.right, middle + text)

        def draw(x: float, y: float) -> str:
            words = "".join(
                _text(x + shift + middle, y + half + _TEXT * (i + 1) - 1, label) for i, label in enumerate(labels)
            )
            return box(x + shift, y, size, kind, (before, after), title) + words

        spare = min(_COVERED * size.right, _MOST_COVERED, whole - shift - max(thick, middle + text))
        return Laid(whole, half, half + _TEXT * len(labels) + 2 * bool(labels), draw, spare)

    def join(self, join: Join, shape: Shape, count: int) -> Laid:
        """Branches above one another, from the fork to the sign of the join."""
        self.kinds.add("join")
        rows = [self.row(branch, shape) for branch in join.branches]
        weights = [blocks_in(branch) for branch in join.branches]
        if isinstance(join.node.layer, Multiply):  # what is multiplied goes straight on, the gates are above it
            ends = [output_of(branch[-1].items[-1]) if branch else shape for branch in join.branches]
            weights = [0 if end == join.node.shape else -1 for end in ends]
        main = weights.index(max(weights))
        in_rows = isinstance(join.node.layer, Concat) and sum(map(bool, weights)) > 2
        levels = _spread(rows) if in_rows else _stacked(rows, main)
        wide = max(row.width for row in rows) + 2 * _PAD
        sign = self.concat_sign(join, shape, count) if isinstance(join.node.layer, Concat) else self.sign(join, count)
        up = max([sign.up, *(row.up - level for row, level in zip(rows, levels, strict=True))])
        down = max([sign.down, *(row.down + level for row, level in zip(rows, levels, strict=True))])

        def draw(x: float, y: float) -> str:
            arcs, blocks = [], []
            end = x + wide + (_RADIUS if sign.alone else 0)
            for row, level in zip(rows, levels, strict=True):
                if level:
                    arcs.append(f'<path class="tn-arc k-join" d="{_arc(x, end, y, y + level)}"/>')
                else:
                    arcs.append(f'<path class="tn-line" d="M{x:.1f} {y:.1f}H{end:.1f}"/>')
                blocks.append(row.draw(x + (wide - row.width) / 2, y + level))
            if not sign.alone:
                arcs.append(f'<path class="tn-line" d="M{end:.1f} {y:.1f}h{sign.width / 2:.1f}"/>')
            return f'<g class="tn-join">{"".join(arcs + blocks)}{sign.draw(x + wide, y)}</g>'

        return Laid(wide + sign.width, up, down, draw, alone=True)

    def concat_sign(self, join: Join, shape: Shape, count: int) -> Laid:
        """Joined branches are one deeper map, and drawn as that."""
        laid = self.item(Block(join.node, (), join.after), shape, count)
        return Laid(
            laid.width + 6, laid.up, laid.down, lambda x, y: laid.draw(x + 6, y).replace("tn-block", "tn-joined", 1)
        )

    def sign(self, join: Join, count: int) -> Laid:
        """A sum or a product: a circle with its sign; element-wise layers are rings around it."""
        rings = self.bands(join.after)
        reach = _RADIUS + 2.4 * len(rings)
        title = "\n".join(self.figures(node) for node in (join.node, *join.after))
        title = f"{count} times; the first:\n{title}" if count > 1 else title
        mark = next((mark for types, mark in _MARKS if isinstance(join.node.layer, types)), "M-3 0h6")

        def draw(x: float, y: float) -> str:
            at = f'cx="{x + _RADIUS:.1f}" cy="{y:.1f}"'
            circles = "".join(
                f'<circle class="tn-ring k-{kind}" {at} r="{_RADIUS + 2.4 * i + 1.2:.1f}"/>'
                for i, kind in enumerate(rings)
            )
            lines = _moved(mark, x + _RADIUS, y)
            return (
                f'<g class="tn-joined"><title>{escape(title)}</title>{circles}'
                f'<circle class="tn-sign k-join" {at} r="{_RADIUS:.0f}"/><path class="tn-mark" d="{lines}"/></g>'
            )

        return Laid(_RADIUS + reach, reach, reach, draw, alone=True)

    # --- texts and colours ---

    def bands(self, nodes: Sequence[Node]) -> list[str]:
        kinds = [kind_of(node.layer) for node in nodes]
        self.kinds.update(kinds)
        return kinds

    def figures(self, node: Node) -> str:
        cost = self.costs[node.name]
        words = [size_text(cost.output)]
        words += [f"{cost.params:,} params"] * bool(cost.params)
        words += [f"{short(cost.macs)} MACs"] * bool(cost.macs)
        return f"{cost.name}: {', '.join(words)}"

    def sums(self, nodes: Sequence[Node]) -> str:
        costs = [self.costs[node.name] for node in nodes]
        params, macs = sum(cost.params for cost in costs), sum(cost.macs for cost in costs)
        return f"{size_text(nodes[-1].shape)}, {params:,} params, {short(macs)} MACs"


# --- places ---


def _joined(parts: Sequence[Laid]) -> Laid:
    """Parts beside one another, with a line along the axis wherever nothing draws its own."""
    if not parts:
        return Laid(0, 0, 0, lambda x, y: "")
    starts, at = [0.0], parts[0].width
    for before, part in pairwise(parts):
        # Only a block may lie over the side of the block before it.
        start = at + _GAP - (0 if part.alone or before.alone else before.spare)
        starts.append(start)
        at = start + part.width

    def draw(x: float, y: float) -> str:
        lines = [
            f'<path class="tn-line" d="M{x + left + part.width / (1 if part.alone else 2):.1f} {y:.1f}'
            f'H{x + right + (0 if after.alone else after.width / 2):.1f}"/>'
            for left, part, right, after in zip(starts, parts, starts[1:], parts[1:], strict=False)
        ]
        return "".join(lines) + "".join(part.draw(x + start, y) for start, part in zip(starts, parts, strict=True))

    alone = len(parts) == 1 and parts[0].alone
    return Laid(at, max(p.up for p in parts), max(p.down for p in parts), draw, parts[-1].spare, alone)


def _stacked(rows: Sequence[Laid], main: int) -> list[float]:
    """The main branch on the axis (level 0), the others above it."""
    levels, top = [0.0] * len(rows), -rows[main].up
    for i, row in enumerate(rows):
        if i != main:
            top -= _LANE + row.down
            levels[i] = top if row.width else top - 2
            top = levels[i] - row.up
    return levels


def _spread(rows: Sequence[Laid]) -> list[float]:
    """All branches above one another, in order, the axis in their middle."""
    high = sum(row.up + row.down for row in rows) + _LANE * (len(rows) - 1)
    levels, at = [], -high / 2
    for row in rows:
        levels.append(at + row.up)
        at += row.up + row.down + _LANE
    return levels


def _arc(left: float, right: float, axis: float, level: float) -> str:
    """From the fork on the axis, along ``level``, back to the axis."""
    bend = min(abs(level - axis), _PAD - 3)
    turn = bend if level < axis else -bend
    return (
        f"M{left:.1f} {axis:.1f}V{level + turn:.1f}Q{left:.1f} {level:.1f} {left + bend:.1f} {level:.1f}"
        f"H{right - bend:.1f}Q{right:.1f} {level:.1f} {right:.1f} {level + turn:.1f}V{axis:.1f}"
    )


def _labels(shape: Shape, before: Shape) -> list[str]:
    """What has changed since the shape before: sizes, depth, both or nothing."""
    if shape == before:
        return []
    *spatial, depth = shape
    if not spatial:
        return [f"{depth}"]
    sizes = "x".join(map(str, spatial))
    return [f"x{depth}"] if shape[:-1] == before[:-1] and before else [sizes, f"x{depth}"]


def _legend(kinds: set[str], width: float) -> Laid:
    """The colours that occur, in lines of at most ``width`` pixels."""
    places, x, y = [], 0.0, 0.0
    widest = 0.0
    for kind in (kind for kind in KINDS if kind in kinds):
        wide = 17 + _CHARACTER * len(KINDS[kind][0])
        if x and x + wide > width:
            x, y = 0.0, y + 16
        places.append((kind, x, y))
        x += wide + 14
        widest = max(widest, x - 14)

    def draw(left: float, top: float) -> str:
        return "".join(
            f'<rect class="tn-key k-{kind}" x="{left + dx:.1f}" y="{top + dy:.1f}" width="10" height="10" rx="2"/>'
            + _text(left + dx + 15, top + dy + 8.5, KINDS[kind][0], "start")
            for kind, dx, dy in places
        )

    return Laid(widest, 0, y + 12, draw)


def _text(x: float, y: float, words: str, anchor: str = "middle", kind: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _moved(path: str, x: float, y: float) -> str:
    """A path of relative strokes, each begun by an M, at another place."""
    strokes = []
    for stroke in path.split("M")[1:]:
        first, second, rest = _split_point(stroke)
        strokes.append(f"M{x + first:.1f} {y + second:.1f}{rest}")
    return "".join(strokes)


def _split_point(stroke: str) -> tuple[float, float, str]:
    end = next(i for i, character in enumerate(stroke) if character.isalpha())
    first, second = stroke[:end].split()
    return float(first), float(second), stroke[end:]
