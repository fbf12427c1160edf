"""Winograd convolutions: which layers they serve, how they are cut into tiles and blocks, and the memory they take.

Lavin & Gray 2015, Fast Algorithms for Convolutional Neural Networks. Letters: an output tile is m by m positions (or m
of a signal), its input a by a, a = m + r - 1 for r taps; C channels become K; U are the transformed filters, a*a
products of C x K.

A signal's long kernel falls into pieces of m taps, the last one of r: piece i meets the input i*m positions further on,
which is that of the i-th next tile. So the pieces share one transformed input, and their products add up before they
are transformed back. After each sample's last tile come as many without outputs as there are more pieces than one.

Two schedules. *In blocks*: each thread takes blocks of tiles, whose transformed values stay in its second cache,
against filters that were transformed beforehand; for many tiles and few channels. *In panels*: all tiles are
transformed first, then each thread takes panels of 32 filters, which it transforms as it goes; for so many channels
that U is large.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from tatami.network.layers import Conv, Shape

FORMS = (  # (m, r) along each axis, (1, 1): not transformed; kernels know them by their number
    ((4, 3), (4, 3)),
    ((2, 3), (2, 3)),
    ((4, 5), (4, 5)),
    ((1, 1), (4, 3)),
    ((1, 1), (2, 3)),
    ((1, 1), (4, 4)),
    ((1, 1), (4, 5)),
)
LONGEST = 16  # taps of a signal's kernel
LINE = 64  # bytes
PANEL_VECTORS = (1, 2)  # vectors of 64 bytes that a panel of the matrix product is wide: it depends on the processor
DEPTH = 256  # of one product: a panel of that depth stays in the first cache
SLICE = 256  # channels of the filters that are transformed at once, whole vectors
GROUP = 128  # tiles that pass by a panel at once
CHANNELS = 128  # rows of a panel of U's gradient that one thread computes at once, whole vectors
BLOCK_BYTES = 1 << 20  # of a block of transformed tiles
LARGE = 3 << 20  # bytes of U, or of its gradient, from which on threads take panels
CHUNK = 256  # tiles that are transformed at once when threads take panels


def tiles(layer: Conv, shape: Shape) -> tuple[int, ...]:
    """The sizes m of tiles by which Winograd's transforms compute ``layer`` on ``shape``; none where they do not.

    They do 3x3, 5x5, and signals' kernels from 3 on, with S=1.
    """
    axes, taps = len(shape) - 1, layer.kernel_size[0]
    if axes not in (1, 2) or layer.groups > 1 or {*layer.stride, *layer.dilation} != {1}:
        return ()
    if set(layer.kernel_size) != {taps}:
        return ()
    if taps == 3:
        return (4, 2)
    return (4,) if (axes == 2 and taps == 5) or (axes == 1 and 3 < taps <= LONGEST) else ()


def applies(layer: Conv, shape: Shape) -> bool:
    """Whether Winograd's transforms compute ``layer`` on an input of ``shape``."""
    return bool(tiles(layer, shape))


def _piece(taps: int) -> int:
    """r, the taps of the last piece of a kernel; the others have 4, and zeros fill up."""
    return taps if taps <= 5 else 4 + (taps % 4 == 1)


def multiplications(layer: Conv, shape: Shape, batch: int, tile: int = 4) -> int:
    """MACs of the matrix products in the transformed domain, the same in all three passes but for the last tiles."""
    cut = Cut.of(layer, shape, tile)
    return batch * cut.tiles * cut.products * cut.depth * cut.filters


def transformed(layer: Conv, shape: Shape, batch: int, tile: int = 4) -> tuple[int, int]:
    """Values of the transformed input and output, in vectors of 16, and of the transformed filters."""
    cut = Cut.of(layer, shape, tile)
    whole = sum(-(-count // 16) * 16 for count in (cut.channels, cut.filters))
    return batch * cut.tiles * cut.products * whole, cut.products * cut.depth * cut.filters


@dataclass(frozen=True)
class Cut:
    """A convolution of an image (height, width, channels) to (out_height, out_width, filters), cut into tiles.

    A signal is an image of height 1. ``top`` and ``left`` are the paddings before, which may be negative; ``taps`` the
    sizes of the kernel.
    """

    form: int
    height: int
    width: int
    channels: int
    out_height: int
    out_width: int
    filters: int
    top: int
    left: int
    taps: tuple[int, int]

    @classmethod
    def of(cls, layer: Conv, shape: Shape, tile: int = 4) -> Cut:
        """The forward pass of ``layer``."""
        window = layer.window(shape)
        along = tile, _piece(layer.kernel_size[-1])
        form = FORMS.index((along if len(shape) == 3 else (1, 1), along))
        height, width = _as_image(shape[:-1], 1)
        out_height, out_width = _as_image(window.output, 1)
        top, left = _as_image(tuple(axis.before for axis in window.axes), 0)
        taps = _as_image(layer.kernel_size, 1)
        return cls(form, height, width, shape[-1], out_height, out_width, layer.filters, top, left, taps)

    @cached_property
    def backward(self) -> Cut:
        """The pass from the output's gradient to the input's: a convolution with padding F - 1 - P."""
        top, left = self.taps[0] - 1 - self.top, self.taps[1] - 1 - self.left
        return Cut(
            self.form,
            self.out_height,
            self.out_width,
            self.filters,
            self.height,
            self.width,
            self.channels,
            top,
            left,
            self.taps,
        )

    @property
    def tile(self) -> tuple[int, int]:
        """Outputs of a tile, m, along each axis."""
        first, second = FORMS[self.form]
        return first[0], second[0]

    @property
    def products(self) -> int:
        """Matrix products: a * a."""
        (m_h, r_h), (m_w, r_w) = FORMS[self.form]
        return (m_h + r_h - 1) * (m_w + r_w - 1)

    @property
    def pieces(self) -> int:
        """Pieces of the kernel."""
        m, r = FORMS[self.form][1]
        return 1 + -(-(self.taps[1] - r) // m)

    @property
    def depth(self) -> int:
        """Of a product: the channels of all pieces."""
        return self.pieces * self.channels

    @property
    def grid(self) -> tuple[int, int]:
        """Tiles along each axis, those without outputs included."""
        return -(-self.out_height // self.tile[0]), -(-self.out_width // self.tile[1]) + self.pieces - 1

    @property
    def tiles(self) -> int:
        """Tiles of one sample."""
        return self.grid[0] * self.grid[1]


def _as_image(values: tuple[int, ...], first: int) -> tuple[int, int]:
    return (values[0], values[1]) if len(values) == 2 else (first, values[0])


def odd_lines(count: int, itemsize: int) -> int:
    """At least ``count`` values, as an odd number of cache lines: so strided rows do not meet in the first cache."""
    return (-(-count * itemsize // LINE) | 1) * LINE // itemsize


@dataclass(frozen=True)
class Layout:
    """How much of a pass is worked on at once, and where it lies in scratch memory; all sizes in values.

    V, the transformed input, is (products, tiles, C), with tiles for the further pieces of the last; M, a panel of the
    products, (products, group, width), and Q, a panel of the transformed output gradient, likewise; U is (panels,
    products, pieces, C, width).

    Attributes:
        cut: the convolution.
        itemsize: bytes of a value.
        width: columns of a panel.
        batch: the most samples.
    """

    cut: Cut
    itemsize: int
    width: int
    batch: int = 1

    @property
    def panels(self) -> int:
        """Panels of filters."""
        return -(-self.cut.filters // self.width)

    @property
    def row(self) -> int:
        """From one tile to the next in V."""
        return odd_lines(self.cut.channels, self.itemsize)

    @property
    def block(self) -> int:
        """Tiles of a block: transformed, they stay in the second cache with a panel of products."""
        fit = BLOCK_BYTES // (self.cut.products * (self.row + self.width) * self.itemsize)
        return min(max(fit // 12 * 12, 12), 192, self.batch * self.cut.tiles)

    @property
    def chunk(self) -> int:
        """Tiles that are transformed at once when threads take panels."""
        return min(CHUNK, self.batch * self.cut.tiles)

    @property
    def group(self) -> int:
        """Tiles of a chunk that meet a panel at once."""
        return min(GROUP, self.chunk)

    def step(self, tiles: int) -> int:
        """From one product to the next in V of so many tiles, and those behind."""
        return odd_lines(self.reach(tiles) * self.row, self.itemsize)

    def reach(self, tiles: int) -> int:
        """Tiles whose inputs so many meet."""
        return tiles + self.cut.pieces - 1

    def panel_step(self, rows: int) -> int:
        """From one product to the next in a panel of so many rows: of U, its gradient, M or Q."""
        return odd_lines(rows * self.width, self.itemsize)

    @property
    def transformed(self) -> int:
        """V of a chunk."""
        return self.cut.products * self.step(self.chunk)

    # --- forward, and the gradient of the input, which is a forward pass of ``cut.backward`` ---

    @property
    def packed(self) -> int:
        """U; 0 when threads take panels, for then it is never there as a whole."""
        return 0 if in_panels(self.cut, self.itemsize) else self.panels * self.cut.products * self.packed_step

    @property
    def packed_step(self) -> int:
        """From one product to the next in U."""
        return self.panel_step(self.cut.depth)

    @property
    def slice_step(self) -> int:
        """From one product to the next in a slice of a panel of U."""
        return self.panel_step(min(self.cut.channels, SLICE))

    @property
    def part(self) -> int:
        """Of each thread in a forward pass: V and M, or a slice of U and M."""
        if in_panels(self.cut, self.itemsize):
            return self.cut.products * (self.slice_step + self.panel_step(self.group))
        return self.cut.products * (self.step(self.block) + self.panel_step(self.block))

    @property
    def shared(self) -> int:
        """Of all threads together in a forward pass: V of a chunk."""
        return self.transformed if in_panels(self.cut, self.itemsize) else 0

    # --- the gradient of the weights ---

    def spread_step(self, tiles: int) -> int:
        """From one product to the next in V as it is here: (products, C / lanes, tiles, lanes)."""
        lanes = LINE // self.itemsize
        return odd_lines(-(-self.cut.channels // lanes) * self.reach(tiles) * lanes, self.itemsize)

    @property
    def spread(self) -> int:
        """V of a chunk, as it is here."""
        return self.cut.products * self.spread_step(self.chunk)

    @property
    def gradient_step(self) -> int:
        """From one product to the next in a panel of U's gradient."""
        shared = in_panels(self.cut, self.itemsize)
        return self.panel_step(min(self.cut.channels, CHANNELS) if shared else self.cut.depth)

    @property
    def gradient(self) -> int:
        """A thread's gradient of U: all panels, or a piece."""
        panels = 1 if in_panels(self.cut, self.itemsize) else self.panels
        return panels * self.cut.products * self.gradient_step

    @property
    def gradients_step(self) -> int:
        """From one product to the next in Q of a chunk, (products, panels, tiles, width)."""
        return self.panel_step(self.panels * self.chunk)

    @property
    def transformed_gradient(self) -> int:
        """Q of a chunk."""
        return self.cut.products * self.gradients_step

    @property
    def weights_part(self) -> int:
        """Of each thread: U's gradient, and V and a panel of Q if they are not shared."""
        if in_panels(self.cut, self.itemsize):
            return self.gradient
        return self.gradient + self.cut.products * (self.spread_step(self.block) + self.panel_step(self.block))

    @property
    def weights_shared(self) -> int:
        """Of all threads together: V and Q of a chunk."""
        return self.spread + self.transformed_gradient if in_panels(self.cut, self.itemsize) else 0


def in_panels(cut: Cut, itemsize: int) -> bool:
    """Whether threads take panels of filters, not blocks of tiles: in all passes."""
    return cut.products * cut.depth * cut.filters * itemsize > LARGE


# --- what the planner asks: bytes, enough for panels of any width ---


def _bytes(cut: Cut, batch: int, itemsize: int, values: Callable[[Layout], int]) -> int:
    widths = (vectors * LINE // itemsize for vectors in PANEL_VECTORS)
    return itemsize * max(values(Layout(cut, itemsize, width, batch)) for width in widths)


def packed_bytes(layer: Conv, shape: Shape, itemsize: int, tile: int = 4) -> int:
    """Bytes of the transformed filters of the forward pass; 0 when it transforms them as it goes."""
    return _bytes(Cut.of(layer, shape, tile), 1, itemsize, lambda layout: layout.packed)


def packed_backward_bytes(layer: Conv, shape: Shape, itemsize: int, tile: int = 4) -> int:
    """Bytes of the transformed filters of the input's gradient; ``shape`` is the input's."""
    return _bytes(Cut.of(layer, shape, tile).backward, 1, itemsize, lambda layout: layout.packed)


def forward_scratch(layer: Conv, shape: Shape, batch: int, threads: int, itemsize: int, tile: int = 4) -> int:
    """Bytes of scratch memory of the forward pass."""
    cut = Cut.of(layer, shape, tile)
    return _bytes(cut, batch, itemsize, lambda layout: layout.shared + threads * layout.part)


def backward_data_scratch(layer: Conv, shape: Shape, batch: int, threads: int, itemsize: int, tile: int = 4) -> int:
    """Bytes of scratch memory of the input's gradient."""
    cut = Cut.of(layer, shape, tile).backward
    return _bytes(cut, batch, itemsize, lambda layout: layout.shared + threads * layout.part)


def backward_weights_scratch(layer: Conv, shape: Shape, batch: int, threads: int, itemsize: int, tile: int = 4) -> int:
    """Bytes of scratch memory of the weights' gradient."""
    cut = Cut.of(layer, shape, tile)
    return _bytes(cut, batch, itemsize, lambda layout: layout.weights_shared + threads * layout.weights_part)
