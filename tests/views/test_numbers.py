import pytest

from tatami.views.numbers import bytes_text, duration, short


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (86_704_128, "86.7M"),
        (1000, "1k"),
        (1234, "1.23k"),
        (99_950, "100k"),
        (999_600, "1M"),
        (15_470_264_320, "15.5G"),
        (2.5e12, "2.5T"),
    ],
)
def test_short(value: float, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (60_950_432, "58.1 MiB"), (5 << 40, "5.0 TiB")],
)
def test_bytes_are_binary_and_named(count: int, text: str) -> None:
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (48.2, "48 s"), (125, "2 min 05 s"), (3725, "1 h 02 min")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
