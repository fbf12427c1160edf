"""The pages and their answers as one application: static files from memory, and the routes of every view."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tatami.web import views
from tatami.web.guard import HEADERS, Guard
from tatami.web.session import Session

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
INDEX = "index.html"


def make_app(session: Session, token: str, port: int, ticket: str | None = None) -> Starlette:
    """The application of one server.

    Args:
        session: its state.
        token: that the first request must bring.
        port: that it is served at.
        ticket: another token, which is good for one first request.
    """
    pages = static_files()

    async def static(request: Request) -> Response:
        name = request.path_params.get("name", INDEX)
        if name not in pages:
            raise HTTPException(404)
        return Response(pages[name], headers={"Content-Type": TYPES[f".{name.rpartition('.')[2]}"]})

    routes = [Route("/", static), Route("/static/{name:path}", static)]
    for module in pkgutil.iter_modules(views.__path__, f"{views.__name__}."):
        routes += importlib.import_module(module.name).routes(session)
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token, port=port, ticket=ticket)],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )


def static_files() -> dict[str, bytes]:
    """All files of the page by their path under ``static/``, ``lib/call.js``: no request ever opens a file."""
    return dict(_files(files("tatami.web") / "static", ""))


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _files(entry, f"{name}/")
        elif f".{name.rpartition('.')[2]}" in TYPES:
            yield name, entry.read_bytes()


async def _refused(request: Request, error: Exception) -> Response:
    """One line for a path that leads nowhere, or a method that it does not take."""
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    """One line for a fault of tatami, which the terminal tells in full. It is written outside of the guard."""
    line = "this could not be answered: the terminal of `tatami web` says why\n"
    return PlainTextResponse(line, 500, {**HEADERS, "Connection": "close"})
