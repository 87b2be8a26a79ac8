"""POST /api/videos: a video in; a job that can be followed, and its result."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from background_subtraction.web.access.errors import RequestError
from background_subtraction.web.access.uploads import declared_bytes, read_upload
from background_subtraction.web.context import Context
from background_subtraction.web.fields import OUR_FIELDS, form_body
from background_subtraction.web.images import task_of_fields
from background_subtraction.web.keeping.jobs import FAILED, Job
from background_subtraction.web.worker.task import UPLOAD, VIDEO

MEDIA_TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}


def video_routes(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["Pictures and videos"])
    jobs = context.jobs

    @routes.post(
        "/api/videos",
        summary="Take the person out of a video: a job begins",
        status_code=202,
        openapi_extra=form_body(OUR_FIELDS),
    )
    async def begin(request: Request) -> JSONResponse:
        jobs.require_place()
        limit = context.limits.video_bytes
        async with context.storage.receiving(declared_bytes(request, limit)) as folder:
            form = await read_upload(request, context.limits, limit, folder / UPLOAD)
            job = jobs.submit(task_of_fields(context, VIDEO, folder, form.fields))
        return JSONResponse(_state(context, job), 202, headers={"Location": f"/api/jobs/{job.id}"})

    @routes.get("/api/jobs/{id}", summary="How far a job is")
    async def state(id: str) -> dict[str, Any]:  # noqa: A002
        return _state(context, jobs.get(id))

    @routes.get("/api/jobs/{id}/result", summary="What a job has made", response_class=FileResponse)
    async def result(id: str) -> FileResponse:  # noqa: A002
        job = jobs.get(id)
        if job.result is None or not job.is_over:
            why = job.error if job.state == FAILED else f"The job is {job.state}: there is no result yet"
            raise RequestError(409, why, "id", 0 if job.is_over else 1)
        return FileResponse(job.result, media_type=MEDIA_TYPES[job.result.suffix], filename=job.result.name)

    @routes.delete("/api/jobs/{id}", summary="Break a job off, and delete its files", status_code=204)
    async def delete(id: str) -> Response:  # noqa: A002
        await asyncio.to_thread(jobs.delete, id)
        return Response(status_code=204)

    return routes


def _state(context: Context, job: Job) -> dict[str, Any]:
    eta_s = job.eta_s
    return {
        "id": job.id,
        "state": job.state,
        "before": context.jobs.place_of(job),
        "frames": job.frames,
        "total": job.total,
        "eta_s": None if eta_s is None else round(eta_s, 1),
        "error": job.error or None,
    }
