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
from pathlib import Path

import numpy as np

from tatami.data.dataset import Array
from tatami.data.files import DEFLATE_RATIO, check_declared, one_line, opened
from tatami.errors import DataError

DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"

_Stream = io.BufferedReader | gzip.GzipFile
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
                return _read(stream, length * DEFLATE_RATIO, str(path))
        return _read(file, length, str(path))


def _read(stream: _Stream, most: int, where: str) -> Array:
    """Read header and values from a stream that can give ``most`` bytes at most."""
    magic = _take(stream, 4, where)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or magic[3] not in _RANKS:
        got = f"{magic.hex(' ')}" if magic else "an empty file"
        raise DataError("wrong magic number", where=where, got=got, expected=_FORMAT)
    dtype, rank = np.dtype(DTYPES[magic[2]]), magic[3]
    sizes = _take(stream, 4 * rank, where)
    if len(sizes) < 4 * rank:
        raise _truncated(where, 4 + len(sizes), 4 + 4 * rank, "header")
    shape = struct.unpack(f">{rank}I", sizes)
    elements = math.prod(shape)
    header, size = 4 + 4 * rank, elements * dtype.itemsize
    check_declared(elements, size, most - header, where)

    values = np.empty(shape, dtype)
    raw = values.reshape(-1).view(np.uint8)
    filled = 0
    while filled < size:
        block = _take(stream, min(_BLOCK, size - filled), where)
        if not block:
            raise _truncated(where, header + filled, header + size, "file")
        raw[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
        filled += len(block)
    extra = _take(stream, _BLOCK, where, whole=True)
    if extra:
        raise DataError(
            "bytes after the end of the data",
            where=where,
            got=f"{'at least ' if len(extra) == _BLOCK else ''}{header + size + len(extra):,} bytes",
            expected=f"{header + size:,} bytes",
            hint="the sizes in the header may be wrong, or two files were joined",
        )
    return values.astype(dtype.newbyteorder("="), copy=False)


def _take(stream: _Stream, count: int, where: str, whole: bool = False) -> bytes:
    """Read up to ``count`` bytes: fewer at the end of the data, also where gzip is cut off unless it must be whole."""
    parts = io.BytesIO()
    try:
        while parts.tell() < count:
            # read1 gives back what there is before it meets the cut; plain read would lose it.
            part = stream.read1(count - parts.tell())
            if not part:
                break
            parts.write(part)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, EOFError) and not whole:
            return parts.getvalue()  # the caller reports how much is missing
        raise DataError(
            "damaged gzip data", where=where, got=one_line(error), expected="a whole gzip file", hint="fetch it again"
        ) from error
    return parts.getvalue()


def _truncated(where: str, got: int, expected: int, what: str) -> DataError:
    return DataError(
        f"truncated {what}",
        where=where,
        got=f"{got:,} bytes",
        expected=f"{expected:,} bytes",
        hint="fetch the file again",
    )
