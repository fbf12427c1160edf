"""A confusion matrix of a size that can be looked at: of many classes, those that are mistaken most."""

from __future__ import annotations

from dataclasses import dataclass

from tatami.views.evaluation import Classified

MOST = 25
"""The most classes that are shown."""

PAIRS = 20
"""The most pairs of classes that are listed."""


@dataclass(frozen=True)
class Matrix:
    """Some classes of a confusion matrix.

    Attributes:
        names: of the classes shown.
        rows: samples of each shown class, by the shown class for which they were taken.
        others: samples of each shown class that were taken for a class not shown; empty when all are shown.
        classes: how many there are in all.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]
    others: tuple[int, ...]
    classes: int

    @property
    def note(self) -> str:
        """What is left out; the empty text when nothing is."""
        if len(self.names) == self.classes:
            return ""
        return f"{len(self.names)} of {self.classes:,} classes: those with the most mistakes, made of or for them."


def cut(found: Classified, most: int = MOST) -> Matrix:
    """The matrix of all classes, or, of more than ``most``, of those that are part of the most mistakes."""
    count = len(found.classes)
    chosen = range(count)
    if count > most:
        mistakes = [0] * count
        for true, predicted, samples in found.confusion:
            if true != predicted:
                mistakes[true] += samples
                mistakes[predicted] += samples
        chosen = sorted(sorted(range(count), key=lambda label: -mistakes[label])[:most])  # type: ignore[assignment]
    place = {label: i for i, label in enumerate(chosen)}
    rows = [[0] * len(place) for _ in place]
    others = [0] * len(place)
    for true, predicted, samples in found.confusion:
        if true in place and predicted in place:
            rows[place[true]][place[predicted]] = samples
        elif true in place:
            others[place[true]] += samples
    names = tuple(found.classes[label].name for label in place)
    return Matrix(names, tuple(map(tuple, rows)), tuple(others) if count > most else (), count)


def frequent_mistakes(found: Classified, most: int = PAIRS) -> list[tuple[str, str, int]]:
    """(true class, predicted class, samples) of the most frequent mistakes, most frequent first."""
    wrong = [pair for pair in found.confusion if pair[0] != pair[1]]
    names = found.names
    return [(names[i], names[j], n) for i, j, n in sorted(wrong, key=lambda pair: -pair[2])[:most]]
