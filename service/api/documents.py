"""Routes that serve files: the live page, and the contracts where they were generated."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from service.api.deps import ApiDeps
from service.api.guard import page_policy
from service.api.problems import Problem

PAGE: Final = Path(__file__).parent / "page" / "index.html"
_MEDIA_TYPES: Final = {".json": "application/schema+json", ".yaml": "application/yaml"}


def document_routes(deps: ApiDeps) -> APIRouter:
    """Build the routes."""
    routes = APIRouter(tags=["documents"])
    page = PAGE.read_bytes()
    page_headers = {"Content-Security-Policy": page_policy(page), "Cache-Control": "no-cache"}

    @routes.get("/", include_in_schema=False)
    async def live_page() -> Response:
        return Response(page, headers=page_headers, media_type="text/html")

    @routes.get("/v1/meta")
    async def meta() -> JSONResponse:
        """Where the log is and what time it is here: for the page's commands and timings."""
        return JSONResponse(
            {
                "bootstrap": deps.bootstrap,
                "events_topic": deps.events_topic,
                "slates_topic": deps.slates_topic,
                "items": len(deps.catalogue),
                "now_ms": deps.clock.now_ns() / 1e6,
            }
        )

    @routes.get("/asyncapi.yaml", include_in_schema=False)
    def asyncapi() -> Response:
        return _contract(deps.contracts, "asyncapi.yaml")

    @routes.get("/schemas/{name:path}", include_in_schema=False)
    def schema(name: str) -> Response:
        return _contract(deps.contracts, f"schemas/{name}")

    return routes


def _contract(folder: Path, name: str) -> Response:
    root = folder.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or path.suffix not in _MEDIA_TYPES or not path.is_file():
        raise Problem(404, "no such contract")
    return Response(path.read_bytes(), media_type=_MEDIA_TYPES[path.suffix])
