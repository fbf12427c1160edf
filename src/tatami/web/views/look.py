"""Look: what a trained network does with a sample, and what it gets wrong.

Letters: K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tatami.data import Split
from tatami.data.dataset import Array
from tatami.errors import OptionError, RunError, TatamiError
from tatami.inspect.checks import need_layer
from tatami.inspect.embedding import Method
from tatami.inspect.subject import Subject
from tatami.plan.receptive_field import receptive_fields
from tatami.train.evaluation import probabilities
from tatami.views.confusion import cut
from tatami.views.inspect_methods import METHODS
from tatami.web.arrays import packed
from tatami.web.data_name import data_name
from tatami.web.look_answers import answers
from tatami.web.look_behind import Behind
from tatami.web.look_frame import Frame, frame
from tatami.web.look_input import fit_raw, read_file, read_raw
from tatami.web.look_jobs import Jobs
from tatami.web.look_unit import Sent, explain_json, unit_json
from tatami.web.opened_run import Opened, listed, open_run
from tatami.web.routes import failure, get, post
from tatami.web.session import Session

Params = Mapping[str, str]


@dataclass(frozen=True)
class UnitAsked:
    """A unit that is to be opened, for a sample; ``position`` is None for its strongest."""

    run: str
    sample: Sent
    layer: str
    unit: int
    position: tuple[int, ...] | None = None


@dataclass(frozen=True)
class ExplainAsked:
    """A score to be explained; ``target`` is None for the highest, ``layer`` of Grad-CAM for the last with maps."""

    run: str
    sample: Sent
    method: str
    target: int | None = None
    layer: str | None = None


def routes(session: Session) -> list[Route]:
    """The paths of this view; work behind the page ends with the session."""
    jobs = Jobs()
    session.on_close(jobs.close)
    look = Look(session, Behind(jobs))
    return [
        get("/api/look/runs", lambda _: {"runs": listed(session)}),
        get("/api/look/{run}/network", lambda params: network_json(open_run(session, params["run"]))),
        bytes_in("/api/look/{run}/frame", look.frame),
        bytes_in("/api/look/{run}/file", look.file),
        post("/api/look/unit", UnitAsked, look.unit),
        post("/api/look/explain", ExplainAsked, look.explain),
        get("/api/look/{run}/samples/{row}", look.sample),
        get("/api/look/{run}/confusion", look.confusion),
        get("/api/look/{run}/cell", look.cell),
        get("/api/look/{run}/embedding", look.embedding),
        get("/api/look/{run}/patches", look.patches),
    ]


def bytes_in(path: str, answer: Callable[[Params, bytes], Any]) -> Route:
    """A route that takes a body of plain bytes; its ``answer`` returns bytes, or plain values for JSON."""

    async def endpoint(request: Request) -> Response:
        params, body = {**request.query_params, **request.path_params}, await request.body()
        try:
            found = await run_in_threadpool(answer, params, body)
        except TatamiError as error:
            return failure(error)
        if isinstance(found, bytes):
            return Response(found, media_type="application/octet-stream")
        return Response(msgspec.json.encode(found), media_type="application/json")

    return Route(path, endpoint, methods=["POST"])


def network_json(opened: Opened) -> dict[str, Any]:
    """What the page must know of a run before it shows a frame."""
    subject, identity = opened.subject, opened.identity
    preprocess = subject.preprocess
    fields = receptive_fields(subject.network)
    return {
        "id": opened.name,
        "kind": subject.kind,
        "shape": preprocess.shape,
        "data": data_name(opened.data),
        "classes": subject.classes,
        "targets": () if identity.standard is None else identity.standard.names,
        "is_uint8": preprocess.scale != 1.0,
        "mean": preprocess.mean,
        "std": preprocess.std,
        "centring": {"offered": opened.is_grey, "on": opened.is_centred},
        "methods": [{"key": key, "title": method.title, "about": method.about} for key, method in METHODS.items()],
        "layers": [
            {
                "name": node.name,
                "type": node.layer.keyword,
                "shape": node.shape,
                "field": None if (axes := fields[node.name].axes) is None else [axis.size for axis in axes],
            }
            for node in subject.network
        ],
    }


def prepared(opened: Opened, raw: Array, centred: bool) -> NDArray[np.float32]:
    """A sample as the network sees it, (1, *input), from one as the page sends it."""
    fitted = fit_raw(raw, opened.subject.preprocess, centred)
    return opened.subject.prepare(fitted[np.newaxis])


def frame_of(opened: Opened, x: Array) -> Frame:
    """What every layer answers to one prepared sample, (1, *input)."""
    outputs = answers(opened.subject, x)
    standard = opened.identity.standard
    *_, scores = outputs.values()
    if standard is None:
        return frame(outputs, probabilities(opened.subject.network, scores))
    return replace(frame(outputs, None), scores=tuple(map(float, standard.back(scores)[0])))


@dataclass(frozen=True)
class Look:
    """The answers that need the session."""

    session: Session
    behind: Behind

    def frame(self, params: Params, body: bytes) -> bytes:
        """All maps of a sample, as bytes: see :meth:`tatami.web.look_frame.Frame.packed`."""
        opened = open_run(self.session, params["run"])
        raw = read_raw(body, params.get("shape", ""), params.get("dtype", "uint8"))
        return frame_of(opened, prepared(opened, raw, params.get("centred") == "yes")).packed()

    def unit(self, asked: UnitAsked) -> dict[str, Any]:
        """A unit's map, field and filter."""
        subject, x = self._given(asked.run, asked.sample)
        return unit_json(subject, x, asked.layer, asked.unit, asked.position)

    def explain(self, asked: ExplainAsked) -> dict[str, Any]:
        """What a score depends on, over the input."""
        subject, x = self._given(asked.run, asked.sample)
        return explain_json(subject, x, asked.method, asked.target, asked.layer)

    def file(self, params: Params, body: bytes) -> dict[str, Any]:
        """The sample in a file, of the network's shape, and its tone, which tells whether it may be inverted."""
        preprocess = open_run(self.session, params["run"]).subject.preprocess
        sample = read_file(body, params.get("name", ""), preprocess)
        return {"sample": packed(sample), "tone": preprocess.tone(sample)}

    def sample(self, params: Params) -> dict[str, Any]:
        """One sample of the run's test, raw, and how many there are."""
        opened = open_run(self.session, params["run"])

        def told(split: Split) -> dict[str, Any]:
            row, classes = _number(params, "row", len(split)), opened.subject.classes
            return {
                "sample": packed(np.asarray(split.x[row])),
                "row": row,
                "count": len(split),
                "name": split.name_of(row),
                "true": classes[int(split.y[row])] if classes and split.y is not None else None,
            }

        return self.behind.samples(opened, told)

    def confusion(self, params: Params) -> dict[str, Any]:
        """The matrix that the run keeps of its test; of many classes, those that are mistaken most."""
        opened = open_run(self.session, params["run"])
        found = opened.evaluation
        if found is None or found.classes is None:
            raise RunError(
                "this run keeps no confusion matrix",
                where=opened.name,
                hint="only a run that was finished, and tells classes apart, has one",
            )
        matrix = cut(found.classes)
        numbers = {name: i for i, name in enumerate(found.classes.names)}
        return {
            "split": found.split,
            "accuracy": found.classes.accuracy,
            "total": found.total,
            "names": matrix.names,
            "labels": [numbers[name] for name in matrix.names],
            "rows": matrix.rows,
            "others": matrix.others,
            "note": matrix.note,
        }

    def cell(self, params: Params) -> dict[str, Any]:
        """The samples behind a cell of the matrix, the surest first."""
        opened = open_run(self.session, params["run"])
        count = len(opened.subject.classes)
        first = _number({"from": "0", **params}, "from", 10**9)
        return self.behind.cell(opened, _number(params, "true", count), _number(params, "predicted", count), first)

    def embedding(self, params: Params) -> dict[str, Any]:
        """Points of the plane, one for each of the samples of the run's test."""
        method = params.get("method", "pca")
        if method not in get_args(Method):
            raise OptionError("no such embedding", got=method[:40], expected=" or ".join(get_args(Method)))
        return self.behind.embedding(open_run(self.session, params["run"]), cast(Method, method))

    def patches(self, params: Params) -> dict[str, Any]:
        """What excites a unit most among the samples of the run's test."""
        opened = open_run(self.session, params["run"])
        node = need_layer(opened.subject.network, params.get("layer", ""))
        return self.behind.patches(opened, node.name, _number(params, "unit", node.shape[-1]))

    def _given(self, run: str, sample: Sent) -> tuple[Subject, NDArray[np.float32]]:
        opened = open_run(self.session, run)
        return opened.subject, prepared(opened, sample.raw(), sample.centred)


def _number(params: Params, name: str, count: int) -> int:
    """A number of a request, from 0 to below ``count``."""
    text = params.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < count):
        raise OptionError(f"bad {name}", got=repr(text[:40]), expected=f"a whole number from 0 to {count - 1}")
    return int(text)
