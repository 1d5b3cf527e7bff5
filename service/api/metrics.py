"""What the HTTP side counts. No label carries a user, an item or a path as the client sent it."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.hub import SlateHub

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """One registry per app, so that two apps in a process do not share figures."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "segue_api_requests",
            "Requests by route and status; streams count when they end",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "segue_api_request_seconds",
            "From the request to the first byte of the answer",
            ("route",),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.accepted = Counter(
            "segue_api_events_accepted",
            "Events appended to the log",
            ("type",),
            registry=self.registry,
        )

    def observe(self, hub: SlateHub) -> None:
        """Let the hub's own counts be read at each scrape."""
        figures = {
            "segue_api_streams": ("Open streams", lambda: hub.stream_count),
            "segue_api_slates_received": ("Slate records read", lambda: hub.received_count),
            "segue_api_slates_superseded": (
                "Slates a slow reader never saw, because a newer one came",
                lambda: hub.superseded_count,
            ),
            "segue_api_slates_unreadable": (
                "Records that are no slates",
                lambda: hub.unreadable_count,
            ),
        }
        for name, (text, read) in figures.items():
            Gauge(name, text, registry=self.registry).set_function(read)

    def render(self) -> bytes:
        """Write everything in Prometheus' text format."""
        return generate_latest(self.registry)


class Measured:
    """ASGI middleware that counts and times requests under their route's template."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note its route, status and time to the first byte."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s, status = time.perf_counter(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._metrics.seconds.labels(_route(scope)).observe(time.perf_counter() - started_s)
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            self._metrics.requests.labels(scope["method"], _route(scope), str(status)).inc()


def _route(scope: Scope) -> str:
    """The template (`/v1/users/{user_id}/slate`), never the address itself: it names users."""
    return str(getattr(scope.get("route"), "path", "unmatched"))
