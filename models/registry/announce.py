"""Telling workers what the aliases mean: one record per alias on the control topic.

The registry's alias log is the truth; telling it again does no harm.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from obstore.store import ObjectStore

from service.adapters.model_aliases import AliasLog
from service.adapters.record_writer import RawRecord, RecordWriter
from service.core.alias_history import Move
from service.core.control import ALIASES, control_key, encode_move
from service.core.errors import Unavailable
from service.settings import Settings

_TIMEOUT_S: Final = 15.0


def standing_moves(store: ObjectStore, name: str) -> list[Move]:
    """Return the newest move of each alias that was ever moved.

    Raises:
        Unavailable: The store does not answer.
    """
    newest = (AliasLog(store, name).newest(alias) for alias in ALIASES)
    return [move for move in newest if move is not None]


async def announce(settings: Settings, moves: Sequence[Move]) -> None:
    """Write the moves to the control topic and wait until they are on the log.

    Raises:
        Unavailable: Kafka did not take them; say it again later.
    """
    records = [RawRecord(control_key(move.alias), encode_move(move.told())) for move in moves]
    try:
        async with asyncio.timeout(_TIMEOUT_S), RecordWriter(settings.kafka.bootstrap) as writer:
            await writer.write(settings.topics.control, records)
    except TimeoutError:
        raise Unavailable(
            f"kafka at {settings.kafka.bootstrap} did not take a record for"
            f" {settings.topics.control} in {_TIMEOUT_S:.0f} s; see `segue doctor`"
        ) from None
