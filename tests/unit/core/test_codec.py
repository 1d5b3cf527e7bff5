"""Session state as bytes: what was written is what is read, or it is refused."""

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.codec import (
    CODEC_VERSION,
    HEADER,
    Fence,
    Stored,
    decode_stored,
    digest,
    encode_stored,
)
from service.core.errors import StaleWrite
from service.core.session import EMPTY, SessionState
from tests.event_makers import folded, item_fact, steered

FENCE = Fence(b"\x00lineag\xff", 3, 2**40, 2**50)
STORED = Stored(FENCE, folded(item_fact(artist_id="a1"), steered(exclude_types=("video",))))


def test_what_was_packed_is_unpacked() -> None:
    assert decode_stored(encode_stored(STORED)) == STORED


def test_the_header_lies_where_the_store_s_function_reads_it() -> None:
    value = encode_stored(STORED)
    assert HEADER.size == 44
    assert value[:4] == b"SG\x01\x00"
    assert value[4:12] == FENCE.lineage
    assert int.from_bytes(value[12:16], "big") == FENCE.partition
    assert int.from_bytes(value[16:24], "big") == FENCE.epoch
    assert int.from_bytes(value[24:32], "big", signed=True) == FENCE.offset
    assert int.from_bytes(value[32:40], "big") == STORED.state.version


def test_an_offset_below_zero_survives() -> None:
    before_all = Stored(Fence(b"lineage1", 0, 0, -1), EMPTY)
    assert decode_stored(encode_stored(before_all)).fence.offset == -1


@given(st.data())
def test_torn_bytes_are_refused_wherever_they_are_torn(data: st.DataObject) -> None:
    value = encode_stored(STORED)
    cut = data.draw(st.integers(0, len(value) - 1))
    with pytest.raises(StaleWrite, match="rebuild it from the log"):
        decode_stored(value[:cut])


@given(st.data())
def test_a_changed_byte_is_refused_wherever_it_is(data: st.DataObject) -> None:
    value = bytearray(encode_stored(STORED))
    place = data.draw(st.integers(0, len(value) - 1))
    value[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(StaleWrite, match="rebuild it from the log"):
        decode_stored(bytes(value))


@pytest.mark.parametrize("value", [b"", b"SG", b"\0" * 100, b"XX" + encode_stored(STORED)[2:]])
def test_bytes_that_are_not_ours_are_refused(value: bytes) -> None:
    with pytest.raises(StaleWrite, match="not a session state"):
        decode_stored(value)


def test_a_younger_codec_s_bytes_are_refused_not_guessed_at() -> None:
    value = bytearray(encode_stored(STORED))
    value[2] = CODEC_VERSION + 1
    with pytest.raises(StaleWrite, match="not a session state this service reads"):
        decode_stored(bytes(value))


def test_a_body_that_is_whole_but_no_state_is_refused() -> None:
    body = msgspec.msgpack.encode(["x", "not a number"])
    head = bytearray(encode_stored(STORED)[: HEADER.size])
    head[40:] = zlib.crc32(body, zlib.crc32(head[:40])).to_bytes(4, "big")
    with pytest.raises(StaleWrite, match="does not decode"):
        decode_stored(bytes(head) + body)


def test_a_digest_names_a_state_and_tells_it_from_others() -> None:
    again = SessionState(**{f: getattr(STORED.state, f) for f in SessionState.__struct_fields__})
    assert digest(STORED.state) == digest(again)
    assert len(digest(EMPTY)) == 16
    assert digest(STORED.state) != digest(folded(item_fact(), state=STORED.state))
