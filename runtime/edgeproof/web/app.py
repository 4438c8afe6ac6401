"""Which address answers what. Every file of the page is in memory: no request reaches the file system."""

from __future__ import annotations

import asyncio
import json
from importlib import resources

from edgeproof.support import command
from edgeproof.web.metrics import MEDIA_TYPE, Metrics
from edgeproof.web.packages import Request, Response, Route, Starlette
from edgeproof.web.sketch import Sketches
from edgeproof.web.state import State
from edgeproof.web.stream import MOST_VIEWINGS, Messages, Pictures, Viewing

MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
INDEX = "index.html"


def build(state: State, pictures: Pictures, messages: Messages, sketches: Sketches, metrics: Metrics) -> Starlette:
    """The application, without the guard before it."""
    seats = asyncio.Semaphore(MOST_VIEWINGS)

    async def stream(request: Request) -> Viewing | Response:
        return pictures.viewing(seats) if request.method == "GET" else Response(media_type=pictures.MEDIA_TYPE)

    async def events(request: Request) -> Viewing | Response:
        return messages.viewing(seats) if request.method == "GET" else Response(media_type=messages.MEDIA_TYPE)

    async def healthz(_request: Request) -> Response:
        condition, why = state.condition()
        content = json.dumps({"state": condition, "reason": why})
        return Response(content, 503 if condition == "stalled" else 200, media_type="application/json")

    async def exposition(_request: Request) -> Response:
        return Response(metrics.exposition(), headers={"content-type": MEDIA_TYPE})

    app = Starlette(
        routes=[
            *_files(),
            Route("/stream", stream, methods=["GET"]),
            Route("/events", events, methods=["GET"]),
            Route("/healthz", healthz, methods=["GET"]),
            Route("/metrics", exposition, methods=["GET"]),
            Route("/sketch", sketches.answer, methods=["POST"]),
        ],
        exception_handlers={Exception: _unexpected},
    )
    app.router.redirect_slashes = False
    return app


def _files() -> list[Route]:
    """A route for each file in static/, the index at the root."""
    return [
        _file("/" if file.name == INDEX else f"/{file.name}", file.read_bytes(), MEDIA_TYPES[file.name.split(".")[-1]])
        for file in resources.files("edgeproof.web").joinpath("static").iterdir()
        if file.name.split(".")[-1] in MEDIA_TYPES
    ]


def _file(path: str, content: bytes, media_type: str) -> Route:
    async def answer(_request: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(path, answer, methods=["GET"])


async def _unexpected(_request: Request, error: Exception) -> Response:
    """A mistake in the code: one line where the run is watched, none of it to who asked."""
    command.complain(f"--web: {command.describe(error)}", program="edgeproof")
    return Response("unexpected error\n", 500, media_type="text/plain")
