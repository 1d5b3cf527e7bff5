"""Security headers on every answer."""

import base64
import hashlib
import re
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_NOTHING: Final = "default-src 'none'; frame-ancestors 'none'"
_INLINE: Final = re.compile(rb"<(script|style)>(.*?)</\1>", re.DOTALL)


def page_policy(page: bytes) -> str:
    """Allow the page exactly the scripts and styles that are written in it.

    >>> page_policy(b"<style>a{}</style>").split("; ")[1]
    "style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='"
    """
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        hashes[kind.decode()].append(f"'sha256-{digest}'")
    sources = [f"{kind}-src {' '.join(found)}" for kind, found in hashes.items() if found]
    rest = ("connect-src 'self'", "img-src 'self' data:", "base-uri 'none'", "form-action 'none'")
    return "; ".join(("default-src 'none'", *sources, *rest, "frame-ancestors 'none'"))


class Guarded:
    """ASGI middleware that adds the headers; a route's own Content-Security-Policy stands."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and dress its answer."""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", _NOTHING)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, dressed if scope["type"] == "http" else send)
