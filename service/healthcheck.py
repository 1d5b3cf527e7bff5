"""A container's health check, `python -m service.healthcheck`: is its process alive?

Asks `/livez` of the worker's health port when that is set, else of the API. Standard library only:
it runs every few seconds, in an image without curl.
"""

import http.client
import os
import sys
from collections.abc import Mapping
from typing import Final

_WORKER: Final = "SEGUE_WORKER__HEALTH_PORT"
_API: Final = "SEGUE_API__PORT"
_TIMEOUT_S: Final = 3.0


def port_of(environ: Mapping[str, str]) -> int:
    """Return the port to ask: the worker's health port, or the API's.

    >>> port_of({"SEGUE_WORKER__HEALTH_PORT": "9100"}), port_of({})
    (9100, 8080)
    """
    return int(environ.get(_WORKER, "0")) or int(environ.get(_API, "8080"))


def why_unhealthy(port: int) -> str | None:
    """Return what is wrong with the process on a port, or None."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        link.request("GET", "/livez")
        answer = link.getresponse()
        body = answer.read(200).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"port {port} does not answer: {error}"
    finally:
        link.close()
    return None if answer.status == 200 else f"port {port} says {answer.status}: {body}"


if __name__ == "__main__":
    sys.exit(why_unhealthy(port_of(os.environ)))
