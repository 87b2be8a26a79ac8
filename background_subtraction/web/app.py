"""The web application: all routes, behind one guard."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles

from background_subtraction import __version__
from background_subtraction.web.access.errors import add_error_handlers
from background_subtraction.web.access.security import Access, Guard
from background_subtraction.web.context import Context
from background_subtraction.web.viewing.routes import viewing_routes

STATIC = Path(__file__).with_name("static")


def make_app(context: Context, access: Access) -> FastAPI:
    """Make the application.

    Args:
        context: the run, the limits and the folder that it works with.
        access: whom it answers.
    """
    app = FastAPI(title="Background subtraction", version=__version__, docs_url=None, redoc_url=None)
    add_error_handlers(app)
    app.include_router(viewing_routes(context))
    _add_page(app)
    app.add_middleware(Guard, access=access)
    return app


def _add_page(app: FastAPI) -> None:
    @app.get("/healthz", tags=["Service"], summary="Whether the server answers", response_class=PlainTextResponse)
    async def healthz() -> str:
        return "ok\n"

    if STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=STATIC), name="static")

        @app.get("/", include_in_schema=False)
        async def page() -> FileResponse:
            return FileResponse(STATIC / "index.html")
