"""The head of a ``.ts`` file: tags that say what its series are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tatami.errors import DataError


@dataclass(frozen=True)
class Header:
    """What the tags before ``@data`` declare.

    Attributes:
        labelled: whether the last part of each line is a label.
        has_targets: whether labels are numbers to be met.
        classes: the names of the classes; empty where the file has none.
        channels: how many dimensions each series has; None where that is open.
        length: how many steps each series has; None where that is open, or they differ.
    """

    labelled: bool
    has_targets: bool
    classes: tuple[str, ...]
    channels: int | None
    length: int | None


def read_header(tags: dict[str, tuple[int, list[str]]], path: Path) -> Header:
    """Read the tags of a ``.ts`` file.

    Args:
        tags: by their names in lower case, with the ``@``: the line they stand in, and the words behind them.
        path: the file, for errors.

    Raises:
        DataError: a tag that cannot be read, time stamps, or labels of two kinds.
    """

    def flag(tag: str) -> bool | None:
        if tag not in tags:
            return None
        number, values = tags[tag]
        word = values[0].lower() if values else ""
        if word not in ("true", "false"):
            raise DataError(
                f"an unreadable {tag}", where=f"{path}, line {number}", got=repr(word), expected="true or false"
            )
        return word == "true"

    def count(tag: str) -> int | None:
        if tag not in tags:
            return None
        number, values = tags[tag]
        word = values[0] if values else ""
        if not (word.isascii() and word.isdigit() and int(word[:20])):
            raise DataError(
                f"an unreadable {tag}", where=f"{path}, line {number}", got=repr(word), expected="a number from 1"
            )
        return int(word[:20])

    if flag("@timestamps"):
        raise DataError(
            "series with a time stamp at each value are not read",
            where=f"{path}, line {tags['@timestamps'][0]}",
            got="@timestamps true",
            expected="@timestamps false: values at equal steps",
            hint="resample the series to equal steps, and save the values alone",
        )
    has_classes, has_targets = flag("@classlabel"), flag("@targetlabel")
    if has_classes and has_targets:
        raise DataError(
            "classes and targets in one file",
            where=str(path),
            got="@classLabel true, @targetlabel true",
            expected="one",
        )
    length = count("@serieslength")
    return Header(
        labelled=bool(has_classes or has_targets),
        has_targets=bool(has_targets),
        classes=tuple(dict.fromkeys(tags["@classlabel"][1][1:])) if has_classes else (),
        channels=1 if flag("@univariate") else count("@dimensions"),
        length=None if flag("@equallength") is False else length,
    )
