"""A whole log as records: the same every time, in order of time."""

import gzip
from itertools import pairwise
from pathlib import Path

import msgspec
import polars as pl
import pytest

from models.data.telling import Telling, tell, tell_log
from models.data.timed import TimedEvent
from models.formats.play import Play
from service.core.errors import Refused
from service.core.events import Record
from service.core.wire import decode

SHARED = Path(__file__).resolve().parents[5] / "shared" / "data"


def plays() -> list[Play]:
    return [
        Play(user=f"u{n % 3}", item=f"i{n % 7}", at_ms=1_000 * (n // 2), heard_at_least_s=n % 5)
        for n in range(40)
    ]


def records(rows: list[Play]) -> list[TimedEvent]:
    return list(tell(rows, "test", Telling()))


def test_the_same_log_gives_the_same_records() -> None:
    assert records(plays()) == records(plays())


def test_a_shorter_log_gives_the_same_events_for_the_rows_it_has() -> None:
    whole = {event.event_id: event.value for event in records(plays())}
    assert all(whole[event.event_id] == event.value for event in records(plays()[:15]))


def test_records_of_all_users_are_in_order_of_time() -> None:
    told = records(plays())
    assert len(told) > len(plays())
    assert all(a.at_ms <= b.at_ms for a, b in pairwise(told))


def test_rows_that_say_the_same_twice_at_one_moment_are_two_events() -> None:
    row = Play(user="u", item="i", at_ms=5)
    ids = [event.event_id for event in records([row, row])]
    assert len(set(ids)) == 2


def test_every_record_is_read_by_the_worker_as_it_was_meant() -> None:
    for told in records(plays()):
        event = decode(Record(0, 0, 2_000_000_000_000, told.key, told.value))
        assert (event.user_id, event.event_id, event.at_ms) == (
            told.user_id,
            told.event_id,
            told.at_ms,
        )


def test_what_an_event_leaves_open_is_left_out_of_its_bytes() -> None:
    (told,) = records([Play(user="u", item="i", at_ms=5)])
    assert set(msgspec.json.decode(told.value)) == {
        "type",
        "event_id",
        "user_id",
        "at_ms",
        "item_id",
        "content_type",
        "position_ms",
    }


def test_rows_that_no_event_can_express_are_counted() -> None:
    telling = Telling()
    rows = [Play(user="u", item="i", at_ms=n, heard=False, liked=n % 2) for n in range(4)]
    assert len(list(tell(rows, "test", telling))) == 2
    assert (telling.rows, telling.silent_rows, telling.users) == (4, 2, {"u"})


def test_a_row_that_breaks_the_contract_is_named() -> None:
    rows = [Play(user="u", item="i", at_ms=5), Play(user="u", item="two words", at_ms=6)]
    with pytest.raises(Refused, match=r"row 2 of the log \(user 'u', item 'two words'"):
        records(rows)


def test_a_file_of_events_is_sent_as_it_is(tmp_path: Path) -> None:
    line = b'{"type":"session_ended",  "event_id":"e","user_id":"u","at_ms":7,"extra":1}'
    (tmp_path / "log.jsonl").write_bytes(line + b"\r\n")
    (told,) = tell_log(tmp_path / "log.jsonl", "jsonl")
    assert (told.value, told.user_id, told.type, told.at_ms) == (line, "u", "session_ended", 7)


def test_a_bad_line_in_a_file_of_events_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"type":"session_ended","event_id":"e","user_id":"u","at_ms":7}\n{"type":1}')
    with pytest.raises(Refused, match=r"log\.jsonl:2: .*segue events validate"):
        list(tell_log(path, "jsonl"))


def test_a_missing_log_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no log at"):
        next(tell_log(tmp_path / "none.parquet", "30music"))


def test_only_so_many_rows_are_told(tmp_path: Path) -> None:
    path = tmp_path / "sessions.txt.gz"
    path.write_bytes(gzip.compress(b"1 2 3\n4 5\n"))
    assert len(list(tell_log(path, "nowplaying", rows_max=4))) == 4


def test_yambdas_listens_and_verdicts_become_events(tmp_path: Path) -> None:
    path = tmp_path / "multi_event.parquet"
    kinds = ["listen", "like", "unlike", "dislike", "listen"]
    rows = {
        "uid": [1] * 5,
        "timestamp": [5, 10, 15, 20, 25],
        "item_id": [7] * 5,
        "event_type": kinds,
        "played_ratio_pct": [100, None, None, None, 10],
        "track_length_seconds": [60, None, None, None, 60],
    }
    pl.DataFrame(rows).write_parquet(path)
    telling = Telling()
    told = list(tell_log(path, "yambda", telling=telling))
    assert [event.type for event in told] == [
        "started",
        "liked",
        "disliked",
        "started",
        "skipped",
        "completed",
    ]
    assert telling.silent_rows == 1


@pytest.mark.parametrize(
    ("log_format", "file", "kinds"),
    [
        ("30music", "30music/valid.parquet", {"started", "progressed"}),
        (
            "kuairand",
            "kuairand/likes_and_hates.tsv",
            {"started", "liked", "disliked", "skipped", "completed", "progressed"},
        ),
        ("piki", "piki/piki_fragment.csv", {"started", "liked", "disliked"}),
    ],
)
def test_a_real_log_is_told_in_order_with_ids_of_its_own(
    log_format: str, file: str, kinds: set[str]
) -> None:
    if not (SHARED / file).exists():
        pytest.skip(f"no ../shared/data/{file} here")
    told = list(tell_log(SHARED / file, log_format, rows_max=2_000))
    assert {event.type for event in told} == kinds
    assert len({event.event_id for event in told}) == len(told)
    assert all(a.at_ms <= b.at_ms for a, b in pairwise(told))
