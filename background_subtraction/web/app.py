"""The web application: all routes, behind one guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles

from background_subtraction import __version__
from background_subtraction.web.access.errors import add_error_handlers
from background_subtraction.web.access.security import Access, Guard
from background_subtraction.web.background_routes import background_routes
from background_subtraction.web.context import Context
from background_subtraction.web.documentation import documentation_routes
from background_subtraction.web.images import image_routes
from background_subtraction.web.metrics import metrics_routes
from background_subtraction.web.settings_routes import choice_routes, settings_routes
from background_subtraction.web.video_jobs import video_routes
from background_subtraction.web.viewing.routes import viewing_routes

STATIC = Path(__file__).with_name("static")
ROUTES = (
    settings_routes,
    choice_routes,
    background_routes,
    image_routes,
    video_routes,
    metrics_routes,
    viewing_routes,
)
SWEEP_S = 10.0
"""How often files that were kept long enough are deleted, at least."""


def make_app(context: Context, access: Access) -> FastAPI:
    """Make the application. Its lifespan closes the context.

    Args:
        context: the run, the limits and the folders that it works with.
        access: whom it answers.
    """
    app = FastAPI(
        title="Background subtraction",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(context),
    )
    add_error_handlers(app)
    for routes in ROUTES:
        app.include_router(routes(context))
    app.include_router(documentation_routes(app))
    _add_page(app)
    app.add_middleware(Guard, access=access)
    return app


def _lifespan(context: Context) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(context))
        try:
            yield
        finally:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping
            await asyncio.to_thread(context.close)

    return lifespan


async def _sweep(context: Context) -> None:
    while True:
        await asyncio.sleep(min(SWEEP_S, context.limits.keep_s))
        await asyncio.to_thread(context.jobs.sweep)


def _add_page(app: FastAPI) -> None:
    @app.get("/healthz", tags=["Service"], summary="Whether the server answers", response_class=PlainTextResponse)
    async def healthz() -> str:
        return "ok\n"

    if STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=STATIC), name="static")

        @app.get("/", include_in_schema=False)
        async def page() -> FileResponse:
            return FileResponse(STATIC / "index.html")
