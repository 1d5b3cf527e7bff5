"""Entries on disk in buckets by listener, so that a log larger than memory is folded in pieces.

All entries of a listener are in one bucket, in the order of the log. A frame is four bytes of
length (big-endian) and the entry as MessagePack.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import msgspec

from models.data.entries import Entry

BUCKET_BYTES: Final = 16 * 1024 * 1024
"""Of input; its rows take a few hundred megabytes while they are dictionaries."""
BUCKETS_MIN: Final = 4
BUCKETS_MAX: Final = 512  # files open at once
_BUFFER_BYTES: Final = 64 * 1024
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Entry)


def buckets_for(size_bytes: int) -> int:
    """How many buckets a log of this size wants.

    >>> buckets_for(0), buckets_for(2_000_000_000)
    (4, 120)
    """
    return min(max(-(-size_bytes // BUCKET_BYTES), BUCKETS_MIN), BUCKETS_MAX)


class Spill:
    """Writes entries to buckets, then reads them back bucket by bucket."""

    def __init__(self, folder: Path, buckets: int) -> None:
        folder.mkdir(parents=True)
        self._paths = [folder / f"{bucket:04d}.spill" for bucket in range(buckets)]
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        """Open all buckets."""
        self._files = [path.open("wb", buffering=_BUFFER_BYTES) for path in self._paths]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close them."""
        for file in self._files:
            file.close()

    def put(self, entry: Entry) -> None:
        """Add an entry to its listener's bucket."""
        frame = _ENCODER.encode(entry)
        bucket = zlib.crc32(entry.event.user_id.encode()) % len(self._files)
        self._files[bucket].write(len(frame).to_bytes(4, "big") + frame)

    def buckets(self) -> Iterator[Iterator[Entry]]:
        """Yield the entries of each bucket; a bucket is deleted once it is read."""
        for path in self._paths:
            yield _entries(path)
            path.unlink()


def _entries(path: Path) -> Iterator[Entry]:
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        while size := file.read(4):
            yield _DECODER.decode(file.read(int.from_bytes(size, "big")))
