"""The settings of a browser's own camera, over a data channel of its connection.

browser: {"id": 7, "change": {"mask": {"grow_px": 2}}}
         {"id": 8, "capture_plate": true}: the next frame is the empty scene, for models that compare with it
server:  {"id": 7, "settings": {…}}, or {"id": 7, "error": "one line", "parameter": "grow_px"}
server:  {"statistics": {…}} once a second
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from background_subtraction.web.access.errors import RequestError, request_error
from background_subtraction.web.context import Context
from background_subtraction.web.viewing.browser_camera import BrowserCamera
from background_subtraction.web.visible_settings import changes_in, settings_out
from model_api.errors import BackgroundSubtractionError, OptionError

NAME = "settings"
EVERY_S = 1.0
LONGEST = 1 << 16


class SettingsChannel:
    """One end of a data channel."""

    def __init__(self, channel: Any, context: Context, camera: BrowserCamera) -> None:
        """channel: an aiortc.RTCDataChannel."""
        self._channel = channel
        self._context = context
        self._camera = camera
        self._order = asyncio.Lock()
        self._tasks = {asyncio.create_task(self._tell())}
        channel.on("message", self._message)

    def close(self) -> None:
        """Say nothing more."""
        for task in self._tasks:
            task.cancel()

    def _message(self, text: object) -> None:
        task = asyncio.create_task(self._answer(text))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, text: object) -> None:
        number = None
        try:
            message = _parsed(text)
            number = message.get("id")
            async with self._order:  # changes are made in the order in which they came
                answer = await asyncio.to_thread(self._changed, message)
        except BackgroundSubtractionError as error:
            answer = _error_text(request_error(error))
        except RequestError as error:
            answer = _error_text(error)
        self._send({"id": number, **answer})

    def _changed(self, message: Mapping[str, Any]) -> dict[str, Any]:
        session = self._camera.session
        settings = session.change(changes_in(self._context, message.get("change") or {}))
        if message.get("capture_plate") is True:
            session.capture_plate()
        return {"settings": settings_out(self._context, settings)}

    async def _tell(self) -> None:
        while True:
            figures = asdict(self._camera.session.statistics())
            figures["problem"] = self._camera.problem or figures["problem"]
            self._send({"statistics": figures})
            await asyncio.sleep(EVERY_S)

    def _send(self, content: Mapping[str, Any]) -> None:
        if self._channel.readyState == "open":
            self._channel.send(json.dumps(content))


def _parsed(text: object) -> Mapping[str, Any]:
    """Raises OptionError for what is no JSON object."""
    try:
        message = json.loads(text) if isinstance(text, str) and len(text) <= LONGEST else None
    except ValueError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("change") or {}, dict):
        raise OptionError('no message. Expected {"id": 1, "change": {…}}', "change")
    return message


def _error_text(error: RequestError) -> dict[str, Any]:
    return {"error": str(error), "parameter": error.parameter or None}
