"""What a page is told of where data are: of a path only its last part leaves the server."""

from __future__ import annotations

from pathlib import PurePosixPath


def data_name(data: str) -> str:
    """The name of a DATA: ``pets.npz`` of ``data/pets.npz``, be it a path of this system or of another one."""
    return PurePosixPath(data.replace("\\", "/")).name or data
