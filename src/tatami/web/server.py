"""The server of the page: this process, this machine, until Ctrl-C."""

from __future__ import annotations

import secrets
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable
from types import FrameType

import uvicorn

from tatami.errors import OptionError
from tatami.web.app import make_app
from tatami.web.session import Session

HOST = "127.0.0.1"
PATIENCE = 3  # seconds that answers under way have at the end


class _Server(uvicorn.Server):
    """Tells the session at once when it is to stop, so that streams of answers end."""

    def __init__(self, config: uvicorn.Config, session: Session) -> None:
        super().__init__(config)
        self.session = session

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.session.closing.set()
        super().handle_exit(sig, frame)


def serve(session: Session, port: int, tell: Callable[[str], None], open_browser: bool = True, start: str = "") -> None:
    """Serve until Ctrl-C or SIGTERM; then the session is closed, and KeyboardInterrupt raised.

    Args:
        session: the state.
        port: 0 for a free one.
        tell: is given the address, with the token, once connections are taken.
        open_browser: whether to open the address in the user's browser.
        start: the view to begin with, as the page's addresses say it: ``#/look?run=digits-1``.

    Raises:
        OptionError: the port is taken.
    """
    listener = _listen(port)
    port = listener.getsockname()[1]
    token = secrets.token_urlsafe(24)
    ticket = secrets.token_urlsafe(24)
    config = uvicorn.Config(
        make_app(session, token, port, ticket),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=PATIENCE,
    )
    server = _Server(config, session)
    # From here on a signal asks the server to stop, however far it has come: an exception that a signal raises may be
    # lost in what Python calls on the side, as while it imports.
    previous = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        address = f"http://{HOST}:{port}/?token="
        tell(f"{address}{token}{start}")
        if open_browser:
            # Other users of the machine may see what browsers are started with: that token opens one page, once.
            # In a thread: a browser of the terminal keeps who opens it waiting.
            threading.Thread(target=webbrowser.open, args=(f"{address}{ticket}{start}",), daemon=True).start()
        server.run(sockets=[listener])
        if session.closing.is_set():
            raise KeyboardInterrupt
    finally:
        session.close()
        for number, handler in previous.items():
            signal.signal(number, handler)
        listener.close()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise OptionError(
            "the port cannot be used",
            where="--port",
            got=f"{port} ({error.strerror})",
            hint="without --port a free one is taken",
        ) from error
    return listener
