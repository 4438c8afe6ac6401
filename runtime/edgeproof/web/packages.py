"""The packages of the web page, with one error where they are missing. The other modules of `web` take them from here."""

from __future__ import annotations

from edgeproof.errors import UnavailableError

try:
    import h11
    import prometheus_client
    import uvicorn
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
    from starlette.applications import Starlette
    from starlette.datastructures import Headers
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ImportError as missing:
    raise UnavailableError(
        f"--web: expected starlette, uvicorn and prometheus-client, found {missing}: install edgeproof[web]"
    ) from None

__all__ = [
    "ASGIApp",
    "ClientDisconnect",
    "CounterMetricFamily",
    "GaugeMetricFamily",
    "H11Protocol",
    "Headers",
    "InfoMetricFamily",
    "Message",
    "PlainTextResponse",
    "Receive",
    "Request",
    "Response",
    "Route",
    "Scope",
    "Send",
    "Starlette",
    "StreamingResponse",
    "h11",
    "prometheus_client",
    "uvicorn",
]
