import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.views.fold import Segment, fold


@pytest.mark.parametrize(
    ("rows", "segments"),
    [
        ("", []),
        ("abc", [(0, 1, 1), (1, 1, 1), (2, 1, 1)]),
        ("aab", [(0, 1, 1), (1, 1, 1), (2, 1, 1)]),  # a pair of single rows stays
        ("aaab", [(0, 1, 3), (3, 1, 1)]),
        ("xababab", [(0, 1, 1), (1, 2, 3)]),
        ("abcabcd", [(0, 3, 2), (6, 1, 1)]),
        ("xcabcabcz", [(0, 1, 1), (1, 1, 1), (2, 3, 2), (8, 1, 1)]),  # x, c, then twice abc: not twice cab
    ],
)
def test_segments(rows: str, segments: list[tuple[int, int, int]]) -> None:
    assert fold(rows) == [Segment(*segment) for segment in segments]


@given(st.text("abc", max_size=60))
def test_unfolding_gives_the_rows_back(rows: str) -> None:
    blocks = [rows[s.start : s.start + s.length] * s.count for s in fold(rows)]
    assert "".join(blocks) == rows
