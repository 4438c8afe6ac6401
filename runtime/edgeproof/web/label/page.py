"""The addresses of the labelling page, the only ones by which a browser changes files of this machine."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

from edgeproof.web.address import Address
from edgeproof.web.connection import as_json, body_of
from edgeproof.web.label.choices import BACK_KEYS, SKIP_KEYS, undo_keys
from edgeproof.web.label.crops import Crops, GoneError, TakenError
from edgeproof.web.packages import Request, Response, Route
from edgeproof.web.serving import Server, application, files_of

MOST_BYTES = 1024  # of what is posted: an id and a number
BODY_S = 5.0
FULL = (errno.ENOSPC, errno.EDQUOT)
T = TypeVar("T")


class LabelPage:
    """A web page that files crops by keys. `start`, then `close`; in between the crops are its own.

    What changes files is a POST of JSON. Another site cannot send one in a person's name, so that no further secret is needed:
    a browser adds the `Origin` of the page that posts, which the guard compares; a type that is no form's has to be asked
    for first, by a method that no address here answers; a name that leads here from elsewhere is refused by its `Host`, and
    the cookie of the token is never sent from another site. No name of a file comes from a request.
    """

    def __init__(
        self, address: Address, crops: Crops, next_command: str, token: str | None = None, names: Sequence[str] = ()
    ):
        """next_command: what a person types when all is labelled. `address`, `token` and `names` as `Server` takes them.

        Raises UsageError for a token that could be guessed.
        """
        self._server = Server(address, token, names)
        self._crops, self._next_command = crops, next_command
        self._worker = ThreadPoolExecutor(1, "edgeproof-web-label")  # one at a time, and no slow disk delays an answer

    @property
    def url(self) -> str:
        """For a person, without the token; the real port once it is started."""
        return self._server.url

    def start(self) -> None:
        """Listen, and answer from now on. Raises UsageError and UnavailableError as `Server.start` does."""
        self._server.start(
            application(
                [
                    *files_of("static/label"),
                    *files_of("static", ("style.css", "icon.svg")),
                    Route("/crops", self._list, methods=["GET"]),
                    Route("/crop/{id}", self._picture, methods=["GET"]),
                    Route("/label", self._label, methods=["POST"]),
                    Route("/undo", self._undo, methods=["POST"]),
                ]
            )
        )

    def close(self) -> None:
        """End every connection, and what is being moved first."""
        self._server.close()
        self._worker.shutdown()

    # --- what is asked ------------------------------------------------------------------------------------------------

    async def _list(self, _request: Request) -> Response:
        return await self._answer(self._listing)

    async def _picture(self, request: Request) -> Response:
        return await self._answer(
            lambda: Response(self._crops.picture(request.path_params["id"]), media_type="image/png")
        )

    async def _label(self, request: Request) -> Response:
        asked = await _asked(request)
        if isinstance(asked, Response):
            return asked
        crop, label = asked.get("crop"), asked.get("class")
        known = range(len(self._crops.choices))
        if not isinstance(crop, str) or type(label) is not int or label not in known:  # True is an int too
            return as_json(400, {"error": "expected a crop and the number of a class, found something else"})
        return await self._answer(partial(self._labelled, crop, label))

    async def _undo(self, request: Request) -> Response:
        asked = await _asked(request)
        if isinstance(asked, Response):
            return asked
        crop = asked.get("crop")
        if not isinstance(crop, str):
            return as_json(400, {"error": "expected a crop, found something else"})
        return await self._answer(partial(self._undone, crop))

    # --- what is answered, in the worker ------------------------------------------------------------------------------

    async def _answer(self, work: Callable[[], dict[str, Any] | Response]) -> Response:
        try:
            content = await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except TakenError as error:
            return as_json(409, {"error": str(error)})
        except GoneError as error:
            return as_json(410, {"error": str(error)})
        except OSError as error:
            why = error.strerror or type(error).__name__
            return as_json(507 if error.errno in FULL else 500, {"error": f"the crop stays where it was: {why}"})
        return content if isinstance(content, Response) else as_json(200, content)

    def _listing(self) -> dict[str, Any]:
        self._crops.look()
        choices = self._crops.choices
        return {
            "folder": self._crops.folder.resolve().name,
            "next": self._next_command,
            "classes": [asdict(choice) for choice in choices],
            "keys": {"undo": undo_keys(choices), "skip": SKIP_KEYS, "back": BACK_KEYS},
            "crops": [asdict(crop) for crop in self._crops.waiting()],
            **self._progress(),
        }

    def _labelled(self, crop: str, label: int) -> dict[str, Any]:
        self._crops.label(crop, label)
        return self._progress()

    def _undone(self, crop: str) -> dict[str, Any]:
        back = self._crops.undo(crop)
        return {"crop": asdict(back), **self._progress()}

    def _progress(self) -> dict[str, Any]:
        crops = self._crops
        return {"counts": list(crops.counts), "left": crops.left, "done": crops.now.total(), "last": crops.last}


async def _asked(request: Request) -> dict[str, Any] | Response:
    """The JSON object that was posted, or the answer that says why it is not taken."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return as_json(415, {"error": "expected JSON (Content-Type: application/json), found something else"})
    body = await body_of(request, MOST_BYTES, BODY_S, "a request")
    if isinstance(body, Response):
        return body
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    return asked if isinstance(asked, dict) else as_json(400, {"error": "expected a JSON object, found something else"})
