"""Session state as bytes, with its fence in front.

    offset  size  field
         0     2  magic "SG"
         2     1  codec version
         3     1  zero
         4     8  lineage: which incarnation of the input topic the offset belongs to
        12     4  partition
        16     8  epoch: which owner wrote it
        24     8  offset of the last record folded in (or knowingly ignored)
        32     8  version
        40     4  CRC-32 of the 40 bytes before it and of the body
        44     -  body: MessagePack array of SessionState

Integers are big-endian. The store's Function reads the header and nothing else. Every older codec
version stays readable; the newest one is written.
"""

import struct
import zlib
from hashlib import blake2b
from typing import Final

import msgspec

from service.core.errors import StaleWrite
from service.core.session import SessionState

CODEC_VERSION: Final = 1
HEADER: Final = struct.Struct(">2sBB8sIQqQ4s")
_FRONT: Final = struct.Struct(">2sBB8sIQqQ")
MAGIC: Final = b"SG"

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(SessionState)


class Fence(msgspec.Struct, frozen=True, gc=False):
    """What guards a stored state: the store compares these, never the body."""

    lineage: bytes  # 8 bytes
    partition: int
    epoch: int
    offset: int


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A session state as the store holds it."""

    fence: Fence
    state: SessionState


def encode_stored(stored: Stored) -> bytes:
    """Pack fence and state.

    >>> from service.core.session import EMPTY
    >>> stored = Stored(Fence(b"lineage1", 3, 1, 41), EMPTY)
    >>> decode_stored(encode_stored(stored)) == stored
    True
    """
    body = _ENCODER.encode(stored.state)
    fence = stored.fence
    front = _FRONT.pack(
        MAGIC,
        CODEC_VERSION,
        0,
        fence.lineage,
        fence.partition,
        fence.epoch,
        fence.offset,
        stored.state.version,
    )
    return front + _crc(front, body) + body


def decode_stored(value: bytes) -> Stored:
    """Unpack what `encode_stored` packed.

    Raises:
        StaleWrite: The bytes are not a session of ours, or are torn: rebuild the user from the log.
    """
    if len(value) < HEADER.size or value[:2] != MAGIC or value[2] != CODEC_VERSION:
        raise StaleWrite(
            f"not a session state this service reads: {value[:4]!r}; rebuild it from the log"
        )
    _, _, _, lineage, partition, epoch, offset, version, crc = HEADER.unpack_from(value)
    body = value[HEADER.size :]
    if _crc(value[: _FRONT.size], body) != crc:
        raise StaleWrite(
            f"session state of [{partition}]@{offset} is torn; rebuild it from the log"
        )
    try:
        state = _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise StaleWrite(
            f"session state of [{partition}]@{offset} does not decode ({error});"
            " rebuild it from the log"
        ) from error
    assert state.version == version, f"header says version {version}, body {state.version}"
    return Stored(Fence(lineage, partition, epoch, offset), state)


def _crc(front: bytes, body: bytes) -> bytes:
    return zlib.crc32(body, zlib.crc32(front)).to_bytes(4, "big")


def digest(state: SessionState) -> str:
    """16 hex digits that name this state; the same for everybody who folded the same records."""
    return blake2b(_ENCODER.encode(state), digest_size=8).hexdigest()
