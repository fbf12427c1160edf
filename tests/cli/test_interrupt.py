"""Ctrl-C in any command: one word, and exit code 130."""

import pytest

from tatami.cli import data
from tatami.cli.app import COMMANDS, app

WORDS = [[name] for name in COMMANDS] + [["data", "check"]]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_every_command_says_that_it_was_interrupted(tatami, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    interrupted.__name__ = words[-1]  # a command without a name has its function's
    for info in [*app.registered_commands, *data.app.registered_commands]:
        monkeypatch.setattr(info, "callback", interrupted)
    result = tatami(*words)
    assert (result.code, result.out, result.err) == (130, "", "\ninterrupted\n")
