"""Which address of the page that shows what is read answers what."""

from __future__ import annotations

import asyncio

from edgeproof.web.connection import as_json
from edgeproof.web.metrics import MEDIA_TYPE, Metrics
from edgeproof.web.packages import Request, Response, Route, Starlette
from edgeproof.web.serving import application, files_of
from edgeproof.web.sketch import Sketches
from edgeproof.web.state import State
from edgeproof.web.stream import MOST_VIEWINGS, Messages, Pictures, Viewing


def build(
    state: State, pictures: Pictures, messages: Messages, sketches: Sketches | None, metrics: Metrics
) -> Starlette:
    """The application, without the guard before it. sketches: None where nothing that is drawn can be read."""
    seats = asyncio.Semaphore(MOST_VIEWINGS)

    async def stream(request: Request) -> Viewing | Response:
        return pictures.viewing(seats) if request.method == "GET" else Response(media_type=pictures.MEDIA_TYPE)

    async def events(request: Request) -> Viewing | Response:
        return messages.viewing(seats) if request.method == "GET" else Response(media_type=messages.MEDIA_TYPE)

    async def healthz(_request: Request) -> Response:
        condition, why = state.condition()
        return as_json(503 if condition == "stalled" else 200, {"state": condition, "reason": why})

    async def exposition(_request: Request) -> Response:
        return Response(metrics.exposition(), headers={"content-type": MEDIA_TYPE})

    return application(
        [
            *files_of("static"),
            Route("/stream", stream, methods=["GET"]),
            Route("/events", events, methods=["GET"]),
            Route("/healthz", healthz, methods=["GET"]),
            Route("/metrics", exposition, methods=["GET"]),
            *([Route("/sketch", sketches.answer, methods=["POST"])] if sketches else []),
        ]
    )
