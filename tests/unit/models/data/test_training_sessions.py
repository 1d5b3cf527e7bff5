"""Logs of every format through the service's fold: nothing lost, the same however it is cut."""

import gzip
from itertools import pairwise
from pathlib import Path

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data import spill
from models.data.chunks import Chunks
from models.data.dump_files import RECORD_SCHEMA, row_of
from models.data.entries import Dead, Entry
from models.data.lineage import input_hashes, lineage_of, sha256_of
from models.data.merge import merge_sorted
from models.data.rows import ORDER, PLAYS
from models.data.sources import read_entries
from models.data.training_sessions import Account, write_sessions
from models.formats import FORMATS, read_log
from service.core import events as ev
from service.core.errors import Refused
from tests.event_makers import T0_MS, item_fact, record_of


def starts(count: int) -> list[ev.PlaybackEvent]:
    return [
        item_fact(
            ev.Started, f"i{n % 9}", user_id=f"u{n % 7}", event_id=f"e{n}", at_ms=T0_MS + 1000 * n
        )
        for n in range(count)
    ]


def log_of(count: int) -> list[Entry]:
    return [Entry(0, n, event.at_ms, event) for n, event in enumerate(starts(count))]


def written(stream: list[Entry | Dead], out: Path, buckets: int = 4) -> pl.DataFrame:
    write_sessions(stream, out, buckets=buckets)
    return pl.read_parquet(out / PLAYS)


def test_the_file_does_not_depend_on_how_the_log_was_cut(tmp_path: Path) -> None:
    one = written([*log_of(300)], tmp_path / "one", buckets=1)
    many = written([*log_of(300)], tmp_path / "many", buckets=13)
    assert one.equals(many)
    assert len(one) == 300
    assert one["at_ms"].is_sorted()
    assert not (tmp_path / "many" / ".work").exists()


def test_only_a_bucket_is_held_and_a_bucket_has_all_of_its_listeners(tmp_path: Path) -> None:
    store = spill.Spill(tmp_path / "spill", 5)
    with store:
        for entry in log_of(210):
            store.put(entry)
    found = [list(bucket) for bucket in store.buckets()]
    assert sum(map(len, found)) == 210
    assert max(map(len, found)) < 210
    users = [{entry.event.user_id for entry in bucket} for bucket in found]
    assert sum(map(len, users)) == 7
    assert not list((tmp_path / "spill").iterdir())


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3))), max_size=6))
def test_parts_are_merged_in_order_whatever_the_pieces(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[tuple[int, int]]]
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    parts = []
    for number, part in enumerate(rows):
        frame = pl.DataFrame(sorted(part), schema={"a": pl.Int64, "b": pl.Int64}, orient="row")
        parts.append(folder / f"{number}.parquet")
        frame.write_parquet(parts[-1])
    merged = [row for frame in merge_sorted(parts, ("a", "b"), piece=2) for row in frame.rows()]
    assert merged == sorted(row for part in rows for row in part)


def test_dead_records_are_counted_and_kept_with_their_reason(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    lines = [msgspec.json.encode(event) for event in starts(3)]
    path.write_bytes(b"\n".join([lines[0], b"{broken", lines[1], b'{"type":"warped"}', lines[2]]))
    account = write_sessions(read_entries([path], "jsonl"), tmp_path / "out", buckets=1)
    assert (account.entries, account.dead, account.rows) == (3, 2, 3)
    dead = pl.read_parquet(tmp_path / "out" / "dead-00000.parquet")
    assert dead["offset"].to_list() == [2, 4]
    assert dead["kind"].to_list() == ["broken_json", "unknown_type"]
    assert "line 2" in dead["reason"][0]


def test_the_effects_of_the_fold_account_for_every_event(tmp_path: Path) -> None:
    twice = [*log_of(20), *log_of(20)]
    account = write_sessions(twice, tmp_path, buckets=2)
    assert account.effects["duplicate"] == 20
    assert sum(account.effects.values()) == account.entries == 40


def test_sessions_are_not_written_over_and_an_empty_log_is_refused(tmp_path: Path) -> None:
    write_sessions(log_of(3), tmp_path / "out", buckets=1)
    with pytest.raises(Refused, match="is there already"):
        write_sessions(log_of(3), tmp_path / "out", buckets=1)
    with pytest.raises(Refused, match="no plays in 0 events"):
        write_sessions([], tmp_path / "none", buckets=1)


def sample(folder: Path, log_format: str) -> Path:
    """A tiny log of each format: two plays of one listener, or of two where it has none."""
    path = folder / {"kuairand": "log.tsv", "piki": "log.csv"}.get(log_format, "listens.parquet")
    if log_format == "nowplaying":
        path = folder / "log.txt.gz"
        path.write_bytes(gzip.compress(b"1 2\n"))
    elif log_format == "jsonl":
        path = folder / "log.jsonl"
        path.write_bytes(b"\n".join(msgspec.json.encode(event) for event in starts(2)))
    elif log_format in ("topic", "parquet"):
        chunks = Chunks(folder, "events", RECORD_SCHEMA)
        for number, event in enumerate(starts(2)):
            chunks.add(row_of(record_of(event, number)))
        chunks.flush()
        path = folder if log_format == "topic" else folder / "events-00000.parquet"
    elif log_format == "kuairand":
        path.write_text(
            "user_id\tvideo_id\ttime_ms\tplay_time_ms\tduration_ms\tlabel\n"
            "1\t2\t1000\t500\t9000\t0\n1\t3\t9000\t8500\t9000\t1\n"
        )
    elif log_format == "piki":
        path.write_text(
            "user_id,song_id,timestamp,liked\n"
            "1,2,2020-01-01 00:00:01,1\n1,3,2020-01-01 00:00:09,0\n"
        )
    elif log_format == "sessions":
        write_sessions(log_of(2), folder / "sessions", buckets=1)
        path = folder / "sessions" / PLAYS
    else:
        columns = {
            "30music": {"ts": [10, 20], "uid": [1, 1], "sid": [1, 1], "track_id": [2, 3]},
            "yambda": {
                "uid": [1, 1],
                "timestamp": [10, 20],
                "item_id": [2, 3],
                "played_ratio_pct": [10, 100],
                "track_length_seconds": [60, 60],
            },
        }
        pl.DataFrame(columns[log_format]).write_parquet(path)
    return path


@pytest.mark.parametrize(
    "log_format",
    ["topic", "parquet", "jsonl", *FORMATS],
)
def test_a_log_of_every_format_becomes_sessions(tmp_path: Path, log_format: str) -> None:
    log = sample(tmp_path, log_format)
    out = tmp_path / "out"
    account = write_sessions(read_entries([log], log_format), out, buckets=1)
    assert (account.rows, account.dead) == (2, 0)
    plays = list(read_log(out / PLAYS, "sessions"))
    ends = {"kuairand": [2, 3], "yambda": [2, 3]}.get(log_format, [1, 1])
    assert [play.end for play in plays] == ends
    assert [play.at_ms for play in plays] == sorted(play.at_ms for play in plays)


def test_two_logs_without_listeners_share_none_and_follow_each_other(tmp_path: Path) -> None:
    log = sample(tmp_path, "nowplaying")
    rows = written(list(read_entries([log, log], "nowplaying")), tmp_path / "out")
    assert rows["user"].n_unique() == 2
    assert rows["item"].to_list() == ["1", "2", "1", "2"]


def test_a_missing_log_and_an_unknown_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no log at"):
        read_entries([tmp_path / "none"], "jsonl")
    with pytest.raises(Refused, match="known are topic, parquet, jsonl"):
        read_entries([tmp_path], "excel")


def test_lineage_names_inputs_by_their_hashes_and_no_folder_of_this_machine(
    tmp_path: Path,
) -> None:
    log = sample(tmp_path, "jsonl")
    written(list(read_entries([log], "jsonl")), tmp_path / "out")
    record = lineage_of(
        "data sessions",
        inputs=[log],
        outputs=[tmp_path / "out"],
        params={"format": "jsonl"},
        facts=msgspec.to_builtins(Account(rows=2)),
    )
    assert input_hashes(record) == {sha256_of(log)}
    (made,) = record["outputs"]
    assert made["name"] == PLAYS
    span = (made["facets"]["segue_file"][name] for name in ("rows", "begin_ms", "end_ms"))
    assert tuple(span) == (2, T0_MS, T0_MS + 1000)
    assert str(tmp_path) not in msgspec.json.encode(record).decode()
    assert record["run"]["facets"]["segue_parameters"]["said"] == {"format": "jsonl"}
    assert record["eventType"] == "COMPLETE"


def test_files_are_in_strict_order(tmp_path: Path) -> None:
    keys = written([*log_of(100)], tmp_path).select(ORDER).rows()
    assert all(a < b for a, b in pairwise(keys))
