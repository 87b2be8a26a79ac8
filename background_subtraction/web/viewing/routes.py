"""The routes of viewers: WebRTC, MJPEG, snapshots and recordings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel

from background_subtraction.web.context import Context
from background_subtraction.web.viewing.preview import BOUNDARY, FIRST_S, Preview, parts
from background_subtraction.web.viewing.recording import Recorder
from background_subtraction.web.viewing.rtc import Peers
from background_subtraction.web.viewing.watching import Viewers

MOST_VIEWERS = 16


class Offer(BaseModel):
    """An offer of WebRTC, and what the browser wants to see."""

    sdp: str
    type: Literal["offer"] = "offer"
    source: Literal["preview", "camera"] = "preview"


def viewing_routes(context: Context) -> APIRouter:
    """Make the routes. context: what all routes share."""
    viewers = Viewers(MOST_VIEWERS)
    session = context.session
    shown = Preview(session) if session else None
    peers = Peers(context, viewers, shown)
    recorder = Recorder(session) if session else None

    def required() -> Preview:
        context.require_session()
        assert shown is not None
        return shown

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            if recorder:
                await asyncio.to_thread(recorder.stop)
            await peers.close()

    router = APIRouter(prefix="/api", tags=["Live"], lifespan=lifespan)

    @router.post("/offer", summary="Connect by WebRTC: the run's preview, or the browser's camera there and back")
    async def offer(offer: Offer) -> dict[str, str]:
        return await peers.answer(offer.sdp, offer.source)

    @router.get("/preview.mjpeg", summary="The run as JPEG one after another", response_class=StreamingResponse)
    async def preview() -> StreamingResponse:
        jpegs = required().jpegs
        viewers.enter()
        kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        return StreamingResponse(parts(jpegs, viewers), media_type=kind)

    @router.get("/snapshot.png", summary="The next frame", response_class=Response)
    async def snapshot() -> Response:
        return Response(await required().pngs.next(FIRST_S), media_type="image/png")

    _add_recording(router, context, recorder)
    return router


def _add_recording(router: APIRouter, context: Context, recorder: Recorder | None) -> None:
    def required() -> Recorder:
        context.require_session()
        assert recorder is not None
        return recorder

    @router.get("/recording", summary="How far the recording is")
    async def state() -> dict[str, Any]:
        return asdict(required().state)

    @router.post("/recording", status_code=201, summary="Record what the run shows")
    async def start() -> dict[str, Any]:
        return asdict(await asyncio.to_thread(required().start))

    @router.delete("/recording", summary="End the recording")
    async def stop() -> dict[str, Any]:
        return asdict(await asyncio.to_thread(required().stop))

    @router.get("/recordings/{name}", summary="The file of a recording", response_class=FileResponse)
    async def recorded(name: str) -> FileResponse:
        return FileResponse(required().file(name), media_type="video/mp4", filename=name)
