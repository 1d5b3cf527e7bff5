"""A worker's own small HTTP port: alive, and how it does. Serves figures only, never data."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest

STALL_MAX_S: Final = 30.0
"""A loop that has not come round for this long is not alive."""


class Pulse:
    """When the loop last came round."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def beat(self) -> None:
        """The loop came round."""
        self._last = time.monotonic()

    @property
    def age_s(self) -> float:
        """Seconds since."""
        return time.monotonic() - self._last


@contextmanager
def serve_health(port: int, pulse: Pulse, registry: CollectorRegistry) -> Iterator[None]:
    """Serve /livez and /metrics on a thread while the block runs; port 0 serves nothing."""
    if port == 0:
        yield
        return
    server = ThreadingHTTPServer(("0.0.0.0", port), _handler(pulse, registry))
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(pulse: Pulse, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(registry))
            elif self.path in ("/livez", "/readyz"):
                alive = pulse.age_s < STALL_MAX_S
                self._answer(200 if alive else 503, f"last step {pulse.age_s:.1f} s ago\n".encode())
            else:
                self._answer(404, b"/livez, /metrics\n")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes are not news."""

    return Handler
