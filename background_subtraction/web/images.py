"""POST /api/remove: a picture in, the person out. rembg's clients can use it as well."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from background_subtraction.live.settings import Settings, changed
from background_subtraction.web.access.errors import RequestError
from background_subtraction.web.access.uploads import declared_bytes, read_upload
from background_subtraction.web.context import OWN_CHOICE, Context
from background_subtraction.web.fields import OUR_FIELDS, REMBG_FIELDS, UNUSED, form_body, read_fields, unknown_fields
from background_subtraction.web.keeping.storage import discard
from background_subtraction.web.visible_settings import changes_in, model_of
from background_subtraction.web.worker.task import PICTURE, UPLOAD, VIDEO, Task
from model_api.errors import OptionError

FIELDS = (*OUR_FIELDS, *REMBG_FIELDS)
MODEL_OF = {PICTURE: "portrait", VIDEO: "video"}
"""Kind of a task -> the program's own choice of a model."""
REMBG_MODELS = frozenset({
    "u2net", "u2netp", "u2net_human_seg", "u2net_cloth_seg", "u2net_custom", "silueta", "isnet-general-use",
    "isnet-anime", "sam", "birefnet-general", "birefnet-general-lite", "birefnet-portrait", "birefnet-dis",
    "birefnet-hrsod", "birefnet-cod", "birefnet-massive", "bria-rmbg", "ben2-base", "ben_custom", "dis_custom",
})  # fmt: skip
"""Clients of rembg always name one. None of them is here."""
HALF = 0.5


def image_routes(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["Pictures and videos"])
    png = {"responses": {"200": {"content": {"image/png": {}}, "description": "A PNG; with alpha where it has one"}}}

    @routes.post(
        "/api/remove",
        summary="Take the person out of a picture",
        response_class=Response,
        openapi_extra={**form_body(FIELDS), **png},
    )
    async def remove(request: Request) -> Response:
        limit = context.limits.image_bytes
        async with context.storage.receiving(declared_bytes(request, limit)) as folder:
            form = await read_upload(request, context.limits, limit, folder / UPLOAD)
            given = {**dict(request.query_params), **form.fields}
            task = task_of_fields(context, PICTURE, folder, given)
            file = await context.pictures.do(task)
            data = await asyncio.to_thread((folder / file).read_bytes)
            await asyncio.to_thread(discard, folder)
        ignored = sorted({*unknown_fields(FIELDS, given), *(given.keys() & set(UNUSED))})
        return Response(data, media_type="image/png", headers=_notes(context, task, ignored))

    @routes.get("/api/remove", summary="rembg fetches an address here. This server does not", status_code=403)
    async def fetch() -> Response:
        raise RequestError(
            403,
            f"This server fetches nothing from other addresses. Send the picture itself: POST, {UPLOAD_HINT}",
            "url",
        )

    return routes


UPLOAD_HINT = "curl -F file=@NAME"


def task_of_fields(context: Context, kind: str, folder: Path, given: Mapping[str, str]) -> Task:
    """What the fields of a form ask for.

    Args:
        context: its models and backgrounds may be named.
        kind: PICTURE or VIDEO.
        folder: with the upload.
        given: name -> text.

    Raises:
        RequestError: a value that a field does not take.
        OptionError: a value that a setting does not take.
    """
    fields = OUR_FIELDS if kind == VIDEO else FIELDS
    values = read_fields(fields, given)
    settings = {**values["settings"], **{name: values[name] for name in SHORT if values[name] is not None}}
    if values.get("ppm"):
        settings["mask"] = {"threshold": HALF, **settings.get("mask", {})}
    settings = changes_in(context, settings)
    name = settings.pop("model", None) or model_of(context, _model(kind, values["model"]))
    changed(Settings(), settings)
    return Task(
        kind=kind,
        folder=str(folder),
        model=name or MODEL_OF[kind],
        device=context.device,
        view=_view(values, settings),
        settings=settings,
        paper=values.get("bgc"),
    )


SHORT = ("target_bgr", "blur_bgr")
"""Settings that have a field of their own."""


def _model(kind: str, name: str) -> str:
    return OWN_CHOICE if name in REMBG_MODELS and kind == PICTURE else name


def _view(values: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """What is asked for; else the person alone, unless there is a background."""
    view = "alpha" if values.get("om") else values["output"]
    if view is None:
        view = "composite" if settings.get("target_bgr") or settings.get("blur_bgr") else "transparent"
    if values.get("bgc") is not None and view != "transparent":
        if view == "alpha":
            raise OptionError("a mask has no background. Leave one of them out", "bgc")
        raise OptionError("the output is over a background already. Leave one of them out", "bgc")
    return str(view)


def _notes(context: Context, task: Task, ignored: list[str]) -> dict[str, str]:
    notes = {"X-Model": context.name_of_model(task.model, otherwise=task.model)}
    text = ", ".join(ignored)
    return {**notes, "X-Ignored-Fields": text} if ignored and text.isascii() and text.isprintable() else notes
