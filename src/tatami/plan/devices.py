"""Devices: what a card or a machine can hold, move and compute; found by name in the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from tatami.errors import OptionError

Dtype: TypeAlias = Literal["float32", "tf32", "bf16"]

DTYPES: tuple[Dtype, ...] = get_args(Dtype)
BITS: Mapping[str, int] = {"float32": 32, "tf32": 32, "bf16": 16}
"""Width of an activation, by the precision in which a network computes."""


@dataclass(frozen=True)
class Device:
    """A graphics card, or this machine. None where a figure does not exist or is not known.

    Attributes:
        name: as people write it, without the maker's name.
        year: of its announcement.
        nominal_gib: memory as sold, in GiB (2^30 bytes).
        usable_mib: memory that a program is told of, in MiB (2^20 bytes); less than the nominal one.
        bandwidth_gbs: of the memory, in 10^9 bytes a second.
        fp32_tflops, tf32_tflops, bf16_tflops: dense peak in 10^12 floating-point operations a second.
        source: the document that the figures come from.
        aliases: other names.
        measured: whether bandwidth and peak were measured, and are not those of a data sheet.
    """

    name: str
    year: int | None = None
    nominal_gib: float | None = None
    usable_mib: int | None = None
    bandwidth_gbs: float | None = None
    fp32_tflops: float | None = None
    tf32_tflops: float | None = None
    bf16_tflops: float | None = None
    source: str = ""
    aliases: tuple[str, ...] = ()
    measured: bool = False

    @property
    def memory_bytes(self) -> int | None:
        """Bytes that a program may hope for: the usable memory where it is known, the nominal one elsewhere."""
        if self.usable_mib is not None:
            return self.usable_mib * 2**20
        return None if self.nominal_gib is None else round(self.nominal_gib * 2**30)

    def peak(self, dtype: Dtype = "float32") -> float:
        """Dense peak in floating-point operations a second.

        Raises:
            OptionError: the figure is not known.
        """
        tflops = {"float32": self.fp32_tflops, "tf32": self.tf32_tflops, "bf16": self.bf16_tflops}
        return 1e12 * self._known(tflops[dtype], f"{dtype} peak")

    def bandwidth(self) -> float:
        """Memory bandwidth in bytes a second.

        Raises:
            OptionError: the figure is not known.
        """
        return 1e9 * self._known(self.bandwidth_gbs, "memory bandwidth")

    def _known(self, figure: float | None, what: str) -> float:
        if figure is None:
            raise OptionError(
                f"no {what} is known", where=self.name, hint="a card of your own can be added; see docs/gpus.md"
            )
        return figure


_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def parse_memory(text: str) -> int:
    """Bytes of ``24GB`` (24 * 10^9), ``24 GiB`` (24 * 2^30) or ``24576MiB``. Letter case does not matter.

    Raises:
        OptionError: no number above 0 with a unit.
    """
    units: Sequence[str] = tuple(_UNITS)
    number = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-z]*)\s*", text, re.ASCII)
    factor = {unit.casefold(): size for unit, size in _UNITS.items()}.get(number[2].casefold()) if number else None
    size = int(float(number[1]) * factor) if number and factor else 0
    if size < 1:
        bare = number and not number[2]
        hint = f"{number[1]}GiB is 2^30 bytes each, {number[1]}GB is 10^9" if number and bare else None
        raise OptionError(
            "memory without a unit" if bare else "unreadable memory",
            got=text or '""',
            expected=f"a number above 0 and one of {', '.join(units)}, such as 24GB",
            hint=hint,
        )
    return size
