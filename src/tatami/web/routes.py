"""Requests and answers of the views: JSON to a typed value in, plain values to JSON out, errors as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tatami.errors import OptionError, TatamiError
from tatami.web.failures import failure_json

BAD_REQUEST = 400

_T = TypeVar("_T")


def get(path: str, answer: Callable[[Mapping[str, str]], Any]) -> Route:
    """A route whose ``answer`` takes the parameters of the path and the query, and returns plain values."""

    async def endpoint(request: Request) -> Response:
        return await _answered(answer, {**request.query_params, **request.path_params})

    return Route(path, endpoint, methods=["GET"])


def post(path: str, asked: type[_T], answer: Callable[[_T], Any]) -> Route:
    """A route whose ``answer`` takes the body as an ``asked``, a dataclass, and returns plain values.

    A body that is no JSON, or not of this form, is an :class:`OptionError` like any other.
    """
    read = msgspec.json.Decoder(asked)

    async def endpoint(request: Request) -> Response:
        try:
            body = read.decode(await request.body())
        except (msgspec.DecodeError, RecursionError) as error:
            return failure(OptionError("unreadable request", where=path, got=str(error)))
        return await _answered(answer, body)

    return Route(path, endpoint, methods=["POST"])


def failure(error: TatamiError) -> Response:
    """The answer for an error: status 400, one JSON object."""
    return _json(failure_json(error), BAD_REQUEST)


async def _answered(answer: Callable[[_T], Any], asked: _T) -> Response:
    try:
        return _json(await run_in_threadpool(answer, asked))
    except TatamiError as error:
        return failure(error)


def _json(value: Any, status: int = 200) -> Response:
    # Not-a-number becomes null: JSON has no other word for it.
    return Response(msgspec.json.encode(value), status, media_type="application/json")
