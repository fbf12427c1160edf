"""Numbers as people read them. MB are 10^6 bytes, MiB are 2^20; both are always named."""

from __future__ import annotations

import math

_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(value: float) -> str:
    """Three significant digits and a unit: ``15.5G``."""
    for size, unit in _UNITS:
        if value >= 0.9995 * size:  # rounds to 1.00 of this unit
            scaled = value / size
            return f"{scaled:.0f}{unit}" if scaled >= 100 else f"{scaled:.3g}{unit}"
    return f"{value:,.0f}"


def bytes_text(count: int) -> str:
    """Bytes in binary units: ``58.1 MiB``."""
    if count < 1024:
        return f"{count} bytes"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1024:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:.1f} TiB"


def percent(fraction: float) -> str:
    """``100%`` for the whole alone; what is only close is rounded down: ``99.9%``."""
    tenths = math.floor(1000 * fraction)
    return f"{tenths / 10:g}%" if tenths or not fraction else "<0.1%"


def duration(seconds: float) -> str:
    """``48 s``, ``2 min 05 s``, ``1 h 02 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
