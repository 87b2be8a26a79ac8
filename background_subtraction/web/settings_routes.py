"""The run beside the server: its figures, its settings, and presets of them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from background_subtraction.live import presets
from background_subtraction.live.session import Session
from background_subtraction.live.settings import Settings
from background_subtraction.web.access.uploads import read_json
from background_subtraction.web.context import OWN_CHOICE, Context
from background_subtraction.web.visible_settings import changes_in, settings_out

CHANGES = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {"target_bgr": "#0000ff", "mask": {"grow_px": 2}},
            }
        },
    }
}
"""For the description of the interface."""


def settings_routes(context: Context) -> APIRouter:
    """The routes. What opens files or waits for others runs in a thread: the event loop goes on."""
    routes = APIRouter(tags=["The run"])

    @routes.get("/api/session", summary="What the run does at the moment")
    async def session() -> dict[str, Any]:
        if context.session is None:
            return {"running": False}
        return {"running": True, **asdict(context.session.statistics()), "settings": _settings(context)}

    @routes.get("/api/settings", summary="All settings")
    async def settings() -> dict[str, Any]:
        return _settings(context)

    @routes.patch("/api/settings", summary="Change some settings; the others stay", openapi_extra=CHANGES)
    async def change(request: Request) -> dict[str, Any]:
        session = context.require_session()
        changes = changes_in(context, await read_json(request, context.limits))
        return settings_out(context, await asyncio.to_thread(session.change, changes))

    return routes


def choice_routes(context: Context) -> APIRouter:
    """What may be chosen: models and presets."""
    routes = APIRouter(tags=["The run"])

    @routes.post("/api/clean_plate", summary="Take the next frame for the empty scene", status_code=202)
    async def capture() -> dict[str, Any]:
        context.require_session().capture_plate()
        return {}

    @routes.get("/api/models", summary="Models that may be chosen")
    async def models() -> dict[str, Any]:
        label = {OWN_CHOICE: "the program's own choice"}
        return {"models": [{"name": name, "label": label.get(name, name)} for name in context.models]}

    @routes.get("/api/presets", summary="The names of presets")
    async def names() -> dict[str, Any]:
        return {"presets": await asyncio.to_thread(presets.names)}

    @routes.put("/api/presets/{name}", summary="Keep the settings under a name")
    async def keep(name: str) -> dict[str, Any]:
        session = context.require_session()
        await asyncio.to_thread(presets.save, name, session.settings)
        return _settings(context)

    @routes.post("/api/presets/{name}", summary="Use a preset")
    async def use(name: str) -> dict[str, Any]:
        session = context.require_session()
        return settings_out(context, await asyncio.to_thread(_use, session, name))

    return routes


def _use(session: Session, name: str) -> Settings:
    session.put(presets.load(name))
    return session.settings


def _settings(context: Context) -> dict[str, Any]:
    return settings_out(context, context.require_session().settings)
