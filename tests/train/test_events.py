import pytest

from tatami.errors import RunError
from tatami.train import events
from tatami.train.events import Ended, EpochEnded, Event, Started, Stepped, from_line, to_line

ALL: list[Event] = [
    Started("memo", "sample:digits", "textbook", 467_818, ["0", "1"], 4500, 500, 1000, 5, 355),
    Stepped(1, 3, 355, 2.25, 0.001, 640.5),
    EpochEnded(1, 71, 0.5, 0.25, 0.9375, 0.01, 8.5, True),
    EpochEnded(2, 142, 0.5, None, None, 0.01, 8.5, False),
    events.Tested("test", 0.0625, 0.5, 1, 2, [[1, 0], [1, 0]]),
    Ended("interrupted", 1, 1, 17.25),
]


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.kind)
def test_a_line_keeps_everything(event: Event) -> None:
    line = to_line(event)
    assert "\n" not in line
    assert from_line(line, "events.jsonl:1") == event


@pytest.mark.parametrize(
    "line", ["", "{", "[]", '{"event": "stepp"}', '{"event": "step"}', '{"event": "ended", "x": 1}']
)
def test_a_foreign_line(line: str) -> None:
    with pytest.raises(RunError, match=r"^events\.jsonl:4: not an event of a run"):
        from_line(line, "events.jsonl:4")
