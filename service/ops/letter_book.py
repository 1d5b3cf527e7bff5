"""What the dead-letter topic says, by the record each letter is about."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

from service.core.events import Record
from service.core.slates import DEAD_LETTER_HEADERS
from service.core.wire import RECORD_MAX_BYTES
from service.ops.problems import Problems

PREFIX: Final = "segue.error."


def facts_of(record: Record) -> dict[str, str]:
    """Return what our headers say about a dead letter, by short name (`kind`, `offset`, ...)."""
    ours = [header for header in record.headers if header[0] in DEAD_LETTER_HEADERS]
    return {
        name.removeprefix(PREFIX): value.decode(errors="replace") for name, value in ours if value
    }


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter, with its payload reduced to a checksum."""

    partition: int
    offset: int
    timestamp_ms: int
    kind: str
    payload_crc: int

    def is_about(self, record: Record) -> bool:
        """Whether this very record was meant: an offset alone may be one of an older topic."""
        return self.timestamp_ms == record.timestamp_ms


def payload_crc(record: Record) -> int:
    """Checksum of key and value as a dead letter keeps them: cut at the size limit."""
    value = b"" if record.value is None else record.value[:RECORD_MAX_BYTES]
    return crc32(value, crc32(record.key or b""))


@dataclass(slots=True)
class LetterBook:
    """Reads dead letters about one topic. `letters` shrinks as they are matched with the input."""

    topic: str
    problems: Problems
    letters: dict[tuple[int, int], Letter] = field(default_factory=dict)
    by_kind: Counter[str] = field(default_factory=Counter)
    repeated: int = 0

    def take(self, record: Record) -> None:
        """Read one record of the dead-letter topic."""
        facts = facts_of(record)
        if facts.get("topic") != self.topic:
            return
        try:
            letter = Letter(
                int(facts["partition"]),
                int(facts["offset"]),
                int(facts["timestamp_ms"]),
                facts["kind"],
                payload_crc(record),
            )
        except (KeyError, ValueError) as error:
            self.problems.add("dead_letter_unreadable", f"{record.where}: {error!r}")
            return
        self._take(letter)

    def _take(self, letter: Letter) -> None:
        place = (letter.partition, letter.offset)
        before = self.letters.get(place)
        if before == letter:
            self.repeated += 1
            return
        if before is not None and before.timestamp_ms == letter.timestamp_ms:
            self.problems.add(
                "dead_letter_changed", f"[{place[0]}]@{place[1]}: {before.kind}, then {letter.kind}"
            )
        self.letters[place] = letter
        self.by_kind[letter.kind] += 1
