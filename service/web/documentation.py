"""The documentation page: Swagger UI served by ourselves, or a plain list where it is left out."""

from html import escape
from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response, Router, get
from litestar.static_files import create_static_files_router

from service.web.policy import public, routes
from service.web.static import SWAGGER_FILES, swagger_folder

PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tuition Escrow · API</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/files/swagger-ui.css"></head><body><div id="page"></div>
<script src="/docs/files/swagger-ui-bundle.js"></script>
<script src="/docs/files/swagger-ui-standalone-preset.js"></script>
<script>SwaggerUIBundle({url: "/openapi/openapi.json", dom_id: "#page", deepLinking: true,
validatorUrl: null, presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
layout: "BaseLayout"})</script></body></html>"""


@get(
    "/docs",
    operation_id="getDocumentation",
    summary="The documentation page",
    opt=public(),
    include_in_schema=False,
    media_type=MediaType.HTML,
)
async def get_documentation(request: Request[Any, Any, Any]) -> Response[str]:
    """Serve the page; nothing in it comes from another host."""
    page = PAGE if swagger_folder() is not None else _plain(request)
    return Response(page, media_type=MediaType.HTML)


def documentation_router() -> Router:
    """Return the page and, where they are installed, the files it needs."""
    handlers: list[Any] = [get_documentation]
    folder = swagger_folder()
    if folder is not None:
        handlers.append(_files(folder))
    return Router("/", route_handlers=handlers)


def _files(folder: Path) -> Router:
    return create_static_files_router(
        path="/docs/files",
        directories=[folder],
        opt=public(),
        include_in_schema=False,
        name="documentation-files",
    )


def _plain(request: Request[Any, Any, Any]) -> str:
    rows = "".join(
        f"<tr><td>{method}</td><td>{escape(path)}</td><td>{escape(str(handler.summary or ''))}</td>"
        for method, path, handler in routes(request.app)
        if path.startswith("/v1")
    )
    return (
        "<!doctype html><html lang='zh-CN'><meta charset='utf-8'>"
        "<title>Tuition Escrow · API</title>"
        f"<h1>Tuition Escrow</h1><p><a href='/openapi/openapi.json'>OpenAPI</a></p>"
        f"<table>{rows}</table></html>"
    )


__all__ = ["SWAGGER_FILES", "documentation_router"]
