"""MNIST's IDX format, plain or in gzip.

Two zero bytes, a byte for the dtype, a byte for the rank, the sizes as big-endian uint32, then the values, big-endian
(LeCun, Cortes and Burges, *The MNIST database of handwritten digits*, "File formats").
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tatami.data.dataset import Array
from tatami.data.files import DEFLATE_RATIO, check_declared, check_limit, one_line, opened
from tatami.errors import DataError

DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"

_BLOCK = 2**20
_RANKS = range(1, 5)
_FORMAT = "an IDX file: two zero bytes, a dtype code (08, 09, 0B to 0E), the rank (1 to 4), the sizes, the values"


def is_idx(path: Path) -> bool:
    """Tell whether a readable file begins as IDX, inside gzip or not."""
    with opened(path) as file:
        head = file.read(512)
    if head.startswith(GZIP_MAGIC):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 4)
        except zlib.error:
            return False
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in DTYPES and head[3] in _RANKS


def read_idx(path: Path) -> Array:
    """Read one IDX file of rank 1 to 4, in the machine's byte order.

    Raises:
        DataError: no such file, wrong magic, truncated, trailing bytes, damaged gzip, or more than
            :data:`tatami.data.files.MAX_ELEMENTS` values. Nothing is allocated before the header is believed.
    """
    with opened(path) as file:
        length = os.fstat(file.fileno()).st_size
        zipped = file.read(2) == GZIP_MAGIC
        file.seek(0)
        if zipped:
            with gzip.GzipFile(fileobj=file) as stream:
                return _read(_Stream(stream, str(path), zipped=length), length * DEFLATE_RATIO)
        return _read(_Stream(file, str(path)), length)


@dataclass
class _Stream:
    """Bytes, inside gzip or not.

    Attributes:
        file: where they come from.
        where: its name, for errors.
        zipped: the length of the compressed file, or None.
        cut: whether gzip was found to end before its end.
    """

    file: io.BufferedReader | gzip.GzipFile
    where: str
    zipped: int | None = None
    cut: bool = False

    def take(self, count: int, whole: bool = False) -> bytes:
        """Read up to ``count`` bytes: fewer at the end of the data, also where gzip is cut unless it must be whole."""
        parts = io.BytesIO()
        try:
            while parts.tell() < count:
                # read1 gives back what there is before it meets the cut; plain read would lose it.
                part = self.file.read1(count - parts.tell())
                if not part:
                    break
                parts.write(part)
        except (OSError, EOFError, zlib.error) as error:
            if isinstance(error, EOFError) and not whole:
                self.cut = True
                return parts.getvalue()  # the caller reports how much is missing
            raise DataError(
                "the compressed file ends early" if isinstance(error, EOFError) else "damaged gzip data",
                where=self.where,
                got=one_line(error),
                expected="a whole gzip file",
                hint="fetch it again",
            ) from error
        return parts.getvalue()

    def truncated(self, got: int, expected: int, what: str) -> DataError:
        """The error for a stream that ends after ``got`` bytes."""
        return DataError(
            "the compressed file ends early" if self.cut else f"truncated {what}",
            where=self.where,
            got=f"{got:,} bytes{' once unpacked' if self.cut else ''}",
            expected=f"{expected:,} bytes",
            hint="fetch the file again",
        )


def _read(stream: _Stream, most: int) -> Array:
    """Read header and values from a stream that can give ``most`` bytes at most."""
    where = stream.where
    magic = stream.take(4)
    if stream.cut:
        raise stream.truncated(len(magic), 4, "header")
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or magic[3] not in _RANKS:
        got = f"{magic.hex(' ')}" if magic else "an empty file"
        raise DataError("wrong magic number", where=where, got=got, expected=_FORMAT)
    dtype, rank = np.dtype(DTYPES[magic[2]]), magic[3]
    sizes = stream.take(4 * rank)
    if len(sizes) < 4 * rank:
        raise stream.truncated(4 + len(sizes), 4 + 4 * rank, "header")
    shape = struct.unpack(f">{rank}I", sizes)
    elements = math.prod(shape)
    header, size = 4 + 4 * rank, elements * dtype.itemsize
    if stream.zipped is not None and size > most - header:
        check_limit(elements, size, where)
        raise DataError(
            "the compressed file ends early",
            where=where,
            got=f"{stream.zipped:,} bytes, too few to unpack to all that the header declares",
            expected=f"{header + size:,} bytes once unpacked",
            hint="fetch the file again",
        )
    check_declared(elements, size, most - header, where)

    values = np.empty(shape, dtype)
    raw = values.reshape(-1).view(np.uint8)
    filled = 0
    while filled < size:
        block = stream.take(min(_BLOCK, size - filled))
        if not block:
            raise stream.truncated(header + filled, header + size, "file")
        raw[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
        filled += len(block)
    extra = stream.take(_BLOCK, whole=True)
    if extra:
        raise DataError(
            "bytes after the end of the data",
            where=where,
            got=f"{'at least ' if len(extra) == _BLOCK else ''}{header + size + len(extra):,} bytes",
            expected=f"{header + size:,} bytes",
            hint="the sizes in the header may be wrong, or two files were joined",
        )
    return values.astype(dtype.newbyteorder("="), copy=False)
