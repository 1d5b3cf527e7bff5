"""Object stores by URL: a folder of this machine, `s3://bucket/prefix`, `gs://`, `az://`.

Credentials come from the usual variables of each store (`AWS_*` and so on), never from the URL.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import LocalStore, ObjectStore, from_url

from service.core.errors import Refused, Unavailable

_RETRY_TIMEOUT: Final = timedelta(seconds=20)
"""Somebody waits, or tries again later: minutes of retries help nobody."""


class NotThere(Refused):
    """The store has no such object."""


class AlreadyThere(Refused):
    """The store has such an object, and it is never overwritten."""


def open_store(url: str, *, create: bool = False) -> ObjectStore:
    """Open a store; nothing is read yet.

    Args:
        url: A path, or `file://`, `s3://`, `gs://`, `az://` and what else obstore knows.
        create: Make the folder of a local store if it is missing.

    Raises:
        Refused: The URL names no store, or a folder that is not there.
    """
    try:
        if "://" not in url or url.startswith("file://"):
            return LocalStore(Path(url.removeprefix("file://")), mkdir=create)
        return from_url(url, retry_config={"max_retries": 3, "retry_timeout": _RETRY_TIMEOUT})
    except (BaseError, ValueError) as error:
        raise Refused(
            f"SEGUE_REGISTRY__URL={url}: {brief(error)}; name a folder that exists or s3://..."
        ) from error


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Turn a store's errors into ours.

    Raises:
        NotThere: No such object.
        AlreadyThere: It was to be created and exists.
        Unavailable: The store did not do it for another reason.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise NotThere(f"the registry has no {what}; `segue models list`") from error
    except (AlreadyExistsError, PreconditionError) as error:
        raise AlreadyThere(f"the registry has {what} already") from error
    except (BaseError, OSError, NotImplementedError) as error:
        raise Unavailable(f"registry, {what}: {brief(error)}; try again") from error


def brief(error: Exception) -> str:
    """Return the first line of a store's error: the rest is its debug source."""
    return next(iter(str(error).splitlines()), type(error).__name__)
