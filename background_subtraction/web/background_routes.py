"""Backgrounds: uploaded, listed, shown small, deleted."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from background_subtraction.web.access.uploads import declared_bytes, read_upload
from background_subtraction.web.context import Context
from background_subtraction.web.fields import form_body
from background_subtraction.web.keeping.storage import discard
from background_subtraction.web.worker.task import BACKGROUND, UPLOAD, Task


def background_routes(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["Backgrounds"])

    @routes.get("/api/backgrounds", summary="All backgrounds that were uploaded")
    async def all_of_them() -> dict[str, Any]:
        return {"backgrounds": [kept.card for kept in context.backgrounds.all()]}

    @routes.post("/api/backgrounds", summary="Keep a picture or a video", status_code=201, openapi_extra=form_body())
    async def upload(request: Request) -> dict[str, str]:
        context.backgrounds.require_place()
        limit = context.limits.background_bytes
        async with context.storage.receiving(declared_bytes(request, limit)) as folder:
            form = await read_upload(request, context.limits, limit, folder / UPLOAD)
            file = await context.pictures.do(Task(kind=BACKGROUND, folder=str(folder)))
            kept = await asyncio.to_thread(context.backgrounds.keep, folder, file, form.name)
            await asyncio.to_thread(discard, folder)
        return kept.card

    @routes.get("/api/backgrounds/{id}/thumbnail", summary="A small picture of it", response_class=FileResponse)
    async def thumbnail(id: str) -> FileResponse:  # noqa: A002
        return FileResponse(context.backgrounds.get(id).thumbnail, media_type="image/jpeg")

    @routes.delete("/api/backgrounds/{id}", summary="Delete one", status_code=204)
    async def delete(id: str) -> Response:  # noqa: A002
        await asyncio.to_thread(context.backgrounds.delete, id)
        return Response(status_code=204)

    return routes
