import pytest

from tatami.errors import RunError
from tatami.train import events
from tatami.train.events import Ended, EpochEnded, Event, Started, Stepped, from_line, to_line

ALL: list[Event] = [
    Started(
        "memo", "sample:digits", "image", [28, 28, 1], "textbook", 9, ["0", "1"], 4500, 500, 1000, 5, 355, ["a note"]
    ),
    Stepped(1, 3, 355, 2.25, 0.001, 640.5),
    events.Paused(1, 0, 355, None, 0.001),
    events.Examples({"shape": [1, 2], "dtype": "uint8", "data": "AAE="}, [1]),
    events.Insight(1, 3, 3 * [{"name": "conv1", "type": "CONV", "activations": None, "gradients": None}], None, [[1]]),
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


@pytest.mark.parametrize("line", ["", "{", "[]", '{"event": "step"}'])
def test_a_foreign_line(line: str) -> None:
    with pytest.raises(RunError, match=r"^events\.jsonl:4: not an event of a run"):
        from_line(line, "events.jsonl:4")


def test_lines_of_a_later_version() -> None:
    ended = Ended("finished", 1, 1, 2.5)
    assert from_line(to_line(ended).replace("{", '{"added": 1, ', 1), "events.jsonl:1") == ended
    assert from_line('{"event": "rested", "minutes": 5}', "events.jsonl:1") is None


def test_a_number_that_is_none_is_never_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_line(Ended("finished", 1, 1, float("nan")))
