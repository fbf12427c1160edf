"""Which classes of a large confusion matrix are shown."""

from tatami.train.classified import from_confusion
from tatami.views.confusion import cut, frequent_mistakes

NAMES = [f"c{i}" for i in range(6)]
PAIRS = [(0, 0, 50), (1, 1, 9), (1, 4, 3), (2, 2, 5), (2, 0, 1), (3, 3, 8), (4, 4, 7), (4, 5, 6), (5, 5, 1)]


def test_a_small_matrix_is_whole() -> None:
    matrix = cut(from_confusion(PAIRS, NAMES))
    assert matrix.names == tuple(NAMES)
    assert [list(row) for row in matrix.rows] == from_confusion(PAIRS, NAMES).matrix()
    assert (matrix.others, matrix.note) == ((), "")


def test_a_large_one_is_cut_to_the_most_mistaken() -> None:
    """Class 4 is part of nine mistakes, 5 of six, 1 of three; 0 and 2 of one."""
    matrix = cut(from_confusion(PAIRS, NAMES), 3)
    assert matrix.names == ("c1", "c4", "c5")
    assert matrix.rows == ((9, 3, 0), (0, 7, 6), (0, 0, 1))
    assert matrix.others == (0, 0, 0)
    assert matrix.note == "3 of 6 classes: those with the most mistakes, made of or for them."


def test_what_was_taken_for_a_class_not_shown_is_still_counted() -> None:
    matrix = cut(from_confusion([(0, 0, 1), (0, 1, 5), (0, 2, 1), (1, 1, 1), (2, 2, 1)], NAMES[:3]), 2)
    assert matrix.names == ("c0", "c1")
    assert matrix.others == (1, 0)
    assert [sum(row) + other for row, other in zip(matrix.rows, matrix.others, strict=True)] == [7, 1]


def test_the_most_frequent_mistakes_come_first() -> None:
    assert frequent_mistakes(from_confusion(PAIRS, NAMES), 2) == [("c4", "c5", 6), ("c1", "c4", 3)]
