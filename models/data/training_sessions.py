"""`segue data sessions`: a log of any size through the service's own fold, as rows of plays.

    read > spill by listener > fold a bucket > sort its rows > merge > plays.parquet

In memory are one bucket's states and rows, or one piece of each sorted part; never the log.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from models.data.batches import ROWS
from models.data.chunks import Chunks, as_row
from models.data.dump_files import DEAD_SCHEMA
from models.data.entries import Dead, Entry
from models.data.merge import merge_sorted, piece_rows
from models.data.ring_rows import RingRows
from models.data.rows import ORDER, PLAYS, SCHEMA
from models.data.sources import files_of
from models.data.spill import Spill, buckets_for
from service.core.errors import Refused

Check = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass
class Account:
    """What became of every record: entries + dead = read, effects sum to entries."""

    entries: int = 0
    dead: int = 0
    effects: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    erased: int = 0  # rows of listeners who were deleted later
    buckets: int = 0
    begin_ms: int | None = None
    end_ms: int | None = None

    def text(self) -> str:
        """Lines for people."""
        effects = ", ".join(f"{count} {name}" for name, count in sorted(self.effects.items()))
        return (
            f"{self.entries + self.dead} records: {self.entries} events ({effects}),"
            f" {self.dead} dead\n{self.rows} plays, {self.erased} erased by deletions"
        )


def write_sessions(
    stream: Iterable[Entry | Dead],
    out: Path,
    *,
    buckets: int,
    check: Check = lambda frame: frame,
) -> Account:
    """Fold a stream of entries; write `plays.parquet`, and `dead-*.parquet` if there are any.

    Args:
        stream: Each listener's entries in order.
        out: Folder; it must not hold sessions yet.
        buckets: See `buckets_for`.
        check: Sees every piece before it is written.

    Raises:
        Refused: The folder is in use, or the log holds no play.
    """
    if (out / PLAYS).exists():
        raise Refused(f"{out / PLAYS} is there already; give another folder")
    out.mkdir(parents=True, exist_ok=True)
    work, account = out / ".work", Account(buckets=buckets)
    shutil.rmtree(work, ignore_errors=True)  # of a run that was cut off
    try:
        spill = Spill(work / "spill", buckets)
        with spill:
            _spill(stream, spill, out, account)
        parts = list(_parts(spill, work, account))
        if not account.rows:
            raise Refused(f"no plays in {account.entries} events and {account.dead} dead records")
        _merge(parts, work, out / PLAYS, check)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return account


def buckets_of(logs: Sequence[Path]) -> int:
    """How many buckets these logs want, by the bytes of their files."""
    return buckets_for(sum(path.stat().st_size for path in files_of(logs)))


def _spill(stream: Iterable[Entry | Dead], spill: Spill, out: Path, account: Account) -> None:
    graves = Chunks(out, "dead", DEAD_SCHEMA)
    for one in stream:
        if isinstance(one, Dead):
            account.dead += 1
            graves.add(as_row(one), len(one.value or b""))
            continue
        account.entries += 1
        at_ms = min(one.event.at_ms, one.timestamp_ms)
        account.begin_ms = at_ms if account.begin_ms is None else min(account.begin_ms, at_ms)
        account.end_ms = at_ms if account.end_ms is None else max(account.end_ms, at_ms)
        spill.put(one)
    graves.flush()


def _parts(spill: Spill, work: Path, account: Account) -> Iterator[Path]:
    """Fold bucket by bucket; yield each one's rows as a sorted file."""
    for number, entries in enumerate(spill.buckets()):
        folding = RingRows()
        for entry in entries:
            folding.take(entry)
        for name, count in folding.effects.items():
            account.effects[str(name)] = account.effects.get(str(name), 0) + count
        account.erased += folding.erased
        frame = pl.DataFrame(list(folding.rows()), schema=SCHEMA).sort(ORDER)
        account.rows += len(frame)
        if len(frame):
            part = work / f"{number:04d}.parquet"
            frame.write_parquet(part, row_group_size=piece_rows(account.buckets))
            yield part


def _merge(parts: Sequence[Path], work: Path, target: Path, check: Check) -> None:
    """Write sorted pieces, then all of them as one file."""
    pieces: list[Path] = []
    for frame in _of_size(merge_sorted(parts, ORDER, piece=piece_rows(len(parts)))):
        pieces.append(work / f"sorted-{len(pieces):06d}.parquet")
        check(frame).write_parquet(pieces[-1])
    whole = work / "whole"
    pl.scan_parquet(pieces).sink_parquet(
        whole, row_group_size=ROWS, maintain_order=True, engine="streaming"
    )
    whole.replace(target)


def _of_size(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Join frames that follow each other until there is a piece worth a file."""
    held: list[pl.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if sum(map(len, held)) >= ROWS:
            yield pl.concat(held)
            held = []
    if held:
        yield pl.concat(held)
