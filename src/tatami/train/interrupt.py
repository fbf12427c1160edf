"""Ctrl-C between two steps instead of within one: the weights are never half updated."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_interrupt(ranks: int = 1) -> Iterator[Callable[[], bool]]:
    """Within the block, the first Ctrl-C or SIGTERM makes the yielded function return True; a second one interrupts.

    Of several ranks a second one is ignored: ``torchrun`` passes on the Ctrl-C that the terminal has sent to all of
    them already, and itself ends those that take too long.

    Signals belong to the main thread; in any other the function always returns False.
    """
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped.is_set
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if stopped.is_set() and ranks == 1:
            raise KeyboardInterrupt
        stopped.set()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped.is_set
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
