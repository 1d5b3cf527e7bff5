"""A small S3 on this machine: what the registry needs of the protocol, over real HTTP.

Conditional writes answer as S3 has since 2024: `If-None-Match: *` on a key that exists is 412.
Signatures are not checked, and a listing is one page.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_DATE: Final = "Wed, 01 Jan 2025 00:00:00 GMT"
_START: Final = datetime(2025, 1, 1, tzinfo=UTC)


class _Bucket(ThreadingHTTPServer):
    """Objects by their path, each written a second after the one before."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.objects: dict[str, bytes] = {}
        self.written: dict[str, datetime] = {}
        self.lock = threading.Lock()

    def put(self, key: str, content: bytes, *, only_new: bool) -> bool:
        """Store an object, unless only a new one is wanted and it is there."""
        with self.lock:
            if only_new and key in self.objects:
                return False
            self.objects[key] = content
            self.written[key] = _START + timedelta(seconds=len(self.written))
            return True


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: two would wait for each other 40 ms
    server: _Bucket

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/bucket").removeprefix("/")

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        only_new = self.headers.get("If-None-Match") == "*"
        self._answer(200 if self.server.put(self._key, content, only_new=only_new) else 412)

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            return self._list(query.get("prefix", [""])[0])
        found = self.server.objects.get(self._key)
        return self._answer(404) if found is None else self._answer(200, found)

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = [part.partition("</Key>")[0] for part in asked.split("<Key>")[1:]]
        for key in keys:
            self.server.objects.pop(key, None)
        told = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{told}</DeleteResult>".encode())

    def _list(self, prefix: str) -> None:
        rows = [
            f"<Contents><Key>{escape(key)}</Key>"
            f"<LastModified>{self.server.written[key]:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>&quot;e&quot;</ETag><Size>{len(content)}</Size></Contents>"
            for key, content in sorted(self.server.objects.items())
            if key.startswith(prefix)
        ]
        self._answer(
            200,
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(rows)}"
            "</ListBucketResult>".encode(),
        )

    def _answer(self, code: int, content: bytes = b"") -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", _DATE)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def s3_stand_in() -> Iterator[dict[str, str]]:
    """Serve a bucket named `bucket`; give the variables by which a client finds it."""
    server = _Bucket()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield {
            "AWS_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_REGION": "us-east-1",
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
