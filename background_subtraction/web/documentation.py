"""GET /api: the interface as a page, made of its OpenAPI description. It loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse

NO_SCRIPTS = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"
STYLE = "/static/style.css"


def documentation_routes(app: FastAPI) -> APIRouter:
    """The routes. app: what is described."""
    routes = APIRouter()

    @routes.get("/api", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(page_of(app.openapi()), headers={"Content-Security-Policy": NO_SCRIPTS})

    @routes.get("/docs", include_in_schema=False)
    async def docs() -> RedirectResponse:
        return RedirectResponse("/api")

    return routes


def page_of(description: Mapping[str, Any]) -> str:
    """HTML of an OpenAPI description."""
    title = escape(f"{description['info']['title']} {description['info']['version']}")
    parts = [text for path, methods in description["paths"].items() for text in _path(path, methods)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}: HTTP interface</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="{STYLE}"></head><body>'
        '<main class="interface">'
        f'<h1>{title}: HTTP interface</h1><p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI). '
        "An error is JSON: {&quot;error&quot;: one line, &quot;parameter&quot;: a name or null}. Where a token is "
        "needed, send it as <code>Authorization: Bearer TOKEN</code>.</p>"
        f"{''.join(parts)}</main></body></html>"
    )


def _path(path: str, methods: Mapping[str, Any]) -> Iterator[str]:
    for method, operation in methods.items():
        yield f"<section><h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}.</p>"
        yield from _body(operation.get("requestBody", {}))
        statuses = ", ".join(sorted(operation["responses"]))
        yield f'<p class="answers">Answers: {escape(statuses)}</p></section>'


def _body(body: Mapping[str, Any]) -> Iterator[str]:
    for kind, content in body.get("content", {}).items():
        yield f"<p>Body: <code>{escape(kind)}</code></p>"
        rows = content["schema"].get("properties", {}).items()
        if rows:
            yield "<table><thead><tr><th>Field</th><th>Type</th><th>What it does</th></tr></thead><tbody>"
            for name, field in rows:
                kind_of_field = field.get("format", field["type"])
                yield f"<tr><td><code>{escape(name)}</code></td><td>{escape(kind_of_field)}</td>"
                yield f"<td>{escape(field['description'])}</td></tr>"
            yield "</tbody></table>"
        if "example" in content:
            yield f"<p>Such as <code>{escape(str(content['example']).replace(chr(39), chr(34)))}</code></p>"
