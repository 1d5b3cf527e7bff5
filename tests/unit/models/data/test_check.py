"""What is wrong with a file is told by row and reason."""

from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from models.data.check import check_file, kind_of, validated
from models.data.dump_files import RECORD_SCHEMA, row_of
from models.data.rows import PLAYS
from models.data.training_sessions import write_sessions
from service.core.errors import Refused
from tests.event_makers import record_of
from tests.unit.models.data.test_training_sessions import log_of, sample, starts


@pytest.fixture
def plays(tmp_path: Path) -> pl.DataFrame:
    write_sessions(log_of(40), tmp_path / "out", buckets=1)
    return pl.read_parquet(tmp_path / "out" / PLAYS)


def told(frame: pl.DataFrame, path: Path) -> list[tuple[int, str]]:
    frame.write_parquet(path)
    return [(wrong.row, wrong.reason) for wrong in check_file(path)]


def with_value(frame: pl.DataFrame, column: str, row: int, value: Any) -> pl.DataFrame:
    return frame.with_columns(
        pl.when(pl.int_range(pl.len()) == row - 1)
        .then(pl.lit(value, dtype=frame.schema[column]))
        .otherwise(pl.col(column))
        .alias(column)
    )


def test_a_good_file_has_nothing_wrong(plays: pl.DataFrame, tmp_path: Path) -> None:
    assert told(plays, tmp_path / "plays.parquet") == []


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("dwell_s", -1, "dwell_s is -1: in_range(0, 65535)"),
        ("end", 9, "end is 9: isin"),
        ("user", None, "user is None: must not be missing"),
        ("item", "two words", "item is 'two words': str_matches"),
        ("slot", 5000, "slot is 5000: in_range(0, 1000)"),
    ],
)
def test_a_bad_value_is_told_by_its_row(
    plays: pl.DataFrame, tmp_path: Path, column: str, value: object, reason: str
) -> None:
    (found,) = told(with_value(plays, column, 7, value), tmp_path / "bad.parquet")
    assert found[0] == 7
    assert found[1].startswith(reason)


def test_plays_out_of_order_and_twice_are_told(plays: pl.DataFrame, tmp_path: Path) -> None:
    swapped = pl.concat([plays[:3], plays[4:5], plays[3:4], plays[5:]])
    (found,) = told(swapped, tmp_path / "swapped.parquet")
    assert found[0] == 5
    assert "not in order of time" in found[1]
    twice = told(pl.concat([plays, plays[-1:]]), tmp_path / "twice.parquet")
    assert {row for row, _ in twice} == {40, 41}


def test_a_record_that_is_there_twice_is_told_over_pieces(tmp_path: Path) -> None:
    rows = [row_of(record_of(event, number)) for number, event in enumerate(starts(5))]
    frame = pl.DataFrame([*rows, rows[2]], schema=RECORD_SCHEMA)
    found = told(frame, tmp_path / "events-00000.parquet")
    assert (6, "[0]@2 comes after @4: twice, or out of order") in found


def test_bad_lines_are_told_by_number(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    good = msgspec.json.encode(starts(1)[0])
    path.write_bytes(good + b"\n" + good.replace(b'"started"', b'"startd"') + b"\n")
    (wrong,) = check_file(path)
    assert wrong.row == 2
    assert "did you mean 'started'" in wrong.reason
    path = tmp_path / "sessions.txt"
    path.write_text("1 2\n3 x\n")
    assert [str(wrong) for wrong in check_file(path)] == [f"{path}:2: 'x' is not an item number"]


@pytest.mark.parametrize("log_format", ["30music", "kuairand", "yambda", "piki"])
def test_public_formats_are_known_by_their_columns(tmp_path: Path, log_format: str) -> None:
    path = sample(tmp_path, log_format)
    assert list(check_file(path)) == []


def test_a_public_log_with_a_bad_row_is_told(tmp_path: Path) -> None:
    path = sample(tmp_path, "kuairand")
    path.write_text(path.read_text().replace("9000\t1\n", "9000\t3\n"))
    (wrong,) = check_file(path)
    assert wrong.row == 2
    assert wrong.reason.startswith("label is 3: isin")


def test_a_file_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(Refused, match="of no known kind; columns are a"):
        list(check_file(tmp_path / "a.parquet"))
    with pytest.raises(Refused, match="no file at"):
        list(check_file(tmp_path / "none.parquet"))
    (tmp_path / "b.parquet").write_text("not a Parquet file")
    with pytest.raises(Refused, match="no Parquet file"):
        list(check_file(tmp_path / "b.parquet"))
    assert kind_of(["user"]) is None


def test_nothing_bad_is_written(plays: pl.DataFrame) -> None:
    assert validated(plays, "plays") is plays
    with pytest.raises(Refused, match="dwell_s is -1"):
        validated(with_value(plays, "dwell_s", 3, -1), "plays")
