"""Who may talk to the server: this machine's own page, which knows the token, and nobody else.

Other pages of the same browser can send requests to 127.0.0.1 too. They are held off by the token (in a cookie that
only this page's requests carry), by ``Host`` (a foreign name that resolves to 127.0.0.1, "DNS rebinding") and by
``Origin``.
"""

from __future__ import annotations

import hmac
import sys
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT = 2 * 10**6  # bytes
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class _TooLargeError(Exception):
    """A body without a stated length grew beyond the limit."""


class Guard:
    """ASGI middleware: refuses what is not this page's, and gives every answer its security headers.

    Args:
        app: what is guarded.
        token: that the first page must have in its query; later requests have it in a cookie.
        port: that the server listens on.
        ticket: a token that the first page may have instead, once.
        log: takes one line for each refusal.
    """

    def __init__(
        self, app: ASGIApp, token: str, port: int, ticket: str | None = None, log: Callable[[str], None] = _log
    ) -> None:
        self.app, self.token, self.ticket, self.log = app, token, ticket, log
        self.cookie = f"tatami-{port}"  # cookies are shared by all ports of a host
        self.hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            self.log(f"refused {scope['type']} {_shown(scope['path'])}: only HTTP is served")
            return await send({"type": "websocket.close"})
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            return await self._refuse(scope, send, *refusal)
        if self._is_first_page(scope):
            return await self._welcome(scope, send)
        return await self._pass_on(scope, receive, send)

    # --- checks ---

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Status and reason, or None where the request may pass."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return 403, f"not addressed to this server (Host {_shown(', '.join(hosts))})"
        origins = headers.getlist("origin")
        if not origins and scope["method"] not in ("GET", "HEAD"):
            return 403, "no Origin"
        if origins and origins != [f"http://{hosts[0]}"]:
            return 403, f"from another page (Origin {_shown(', '.join(origins))})"
        if not (self._has_cookie(headers) or self._is_first_page(scope)):
            return 403, "no token: open the address that `tatami web` printed"
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return 400, "unreadable Content-Length"
        if len(length) > 18 or int(length) > BODY_LIMIT:
            return 413, f"body larger than {BODY_LIMIT:,} bytes"
        return None

    def _has_cookie(self, headers: Headers) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return self.cookie in cookies and self._is_token(cookies[self.cookie].value)

    def _is_first_page(self, scope: Scope) -> bool:
        if scope["path"] != "/" or scope["method"] != "GET":
            return False
        said = _token_of(scope)
        return self._is_token(said) or self._is_ticket(said)

    def _is_token(self, said: str) -> bool:
        return hmac.compare_digest(said.encode("utf-8", "replace"), self.token.encode())

    def _is_ticket(self, said: str) -> bool:
        return self.ticket is not None and hmac.compare_digest(said.encode("utf-8", "replace"), self.ticket.encode())

    # --- answers ---

    async def _refuse(self, scope: Scope, send: Send, status: int, reason: str) -> None:
        self.log(f"refused {scope['method']} {_shown(scope['path'])}: {reason}")
        # The connection ends: what is left of a body is not read. So it is wherever an answer comes before the body.
        await _answer(send, status, {"Content-Type": "text/plain; charset=utf-8", "Connection": "close"}, f"{reason}\n")

    async def _welcome(self, scope: Scope, send: Send) -> None:
        """Keep the token in a cookie, and go to the same page without it: it stays out of the history."""
        if self._is_ticket(_token_of(scope)):
            self.ticket = None
        cookie = f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 303, {"Location": "/", "Set-Cookie": cookie}, "")

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        read = 0
        is_read = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        started = False

        async def receive_limited() -> Message:
            nonlocal read, is_read
            message = await receive()
            read += len(message.get("body", b""))
            is_read = not message.get("more_body", False)
            if read > BODY_LIMIT:
                raise _TooLargeError
            return message

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if message["status"] in (404, 405):
                    self.log(f"refused {scope['method']} {_shown(scope['path'])}: nothing is here")
                MutableHeaders(scope=message).update(HEADERS if is_read else {**HEADERS, "Connection": "close"})
            await send(message)

        try:
            await self.app(scope, receive_limited, send_guarded)
        except _TooLargeError:
            if started:
                raise
            await self._refuse(scope, send, 413, f"body larger than {BODY_LIMIT:,} bytes")


def _token_of(scope: Scope) -> str:
    """The token that the query says; empty where it says none, or several."""
    tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
    return tokens[0] if len(tokens) == 1 else ""


async def _answer(send: Send, status: int, headers: dict[str, str], text: str) -> None:
    body = text.encode("utf-8", "replace")
    lines = {**HEADERS, **headers, "Content-Length": str(len(body))}
    raw = [(name.lower().encode(), value.encode("utf-8", "replace")) for name, value in lines.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _shown(text: str) -> str:
    """What a stranger wrote, as one short line without control characters."""
    return ascii(text[:100])
