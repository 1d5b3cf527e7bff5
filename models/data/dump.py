"""`segue data dump`: the events topic to Parquet, carried on where the folder stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.data.chunks import CHUNK_ROWS
from models.data.dump_writer import DumpWriter, read_progress
from service.adapters.log_reader import LogReader
from service.core.errors import Refused


@dataclass
class Dumped:
    """What one run wrote. `missed` records had left the topic before they could be read."""

    events: int
    dead: int
    missed: int

    def text(self) -> str:
        """One line for people."""
        lost = f"; {self.missed} had left the topic already" if self.missed else ""
        return f"{self.events} events, {self.dead} dead records kept apart{lost}"


async def dump_topic(
    bootstrap: str, topic: str, out: Path, *, chunk_rows: int = CHUNK_ROWS
) -> Dumped:
    """Copy what the topic holds as of now and the folder does not.

    In memory: one fetch, and one chunk of at most `chunk_rows` rows or 64 MiB.

    Raises:
        Unavailable: The broker does not answer.
        Refused: No such topic, or the folder holds a dump of another one.
    """
    progress = read_progress(out, topic)
    async with LogReader(bootstrap, topic) as reader:
        begins, ends = await reader.begins(), await reader.ends()
        have = dict(progress.offsets)
        begin = _where_to_begin(have, begins, ends, topic)
        writer = DumpWriter(out, progress, chunk_rows)
        async for batch in reader.read(ends, begin=begin):
            for record in batch:
                writer.take(record)
    writer.commit()
    missed = sum(max(0, begins[number] - at) for number, at in have.items())
    return Dumped(writer.events.written, writer.graves.written, missed)


def _where_to_begin(
    have: Mapping[int, int], begins: Mapping[int, int], ends: Mapping[int, int], topic: str
) -> dict[int, int]:
    for number, at in have.items():
        if at > ends.get(number, 0):
            raise Refused(
                f"the dump holds {topic}[{number}] up to @{at}, the topic ends at"
                f" @{ends.get(number, 0)}: it was made anew; give another folder"
            )
    return {number: max(have.get(number, 0), begins[number]) for number in begins}
