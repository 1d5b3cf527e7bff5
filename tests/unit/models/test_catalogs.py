"""Catalogues made from a listening log."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from models.catalogs import catalog_of, sessions_of
from models.commands import catalog
from models.formats.play import Play
from service.adapters.catalog import read_catalog


def heard(item: str, at_s: int, **more: object) -> Play:
    return Play(user="u", item=item, at_ms=1000 * at_s, **more)  # type: ignore[arg-type]


def test_plays_without_sessions_are_split_at_silence_and_bad_ones_left_out() -> None:
    plays = [
        heard("a", 0),
        heard("b", 100, liked=-1),
        heard("c", 200, played_s=3.0, duration_s=200.0),
        heard("d", 300, played_s=12.0, duration_s=15.0),
        heard("e", 300 + 1801),
        heard("e", 2200, heard=False, liked=1),
    ]
    rows = {name: number for number, name in enumerate("abcde")}
    assert [s.tolist() for s in sessions_of(plays, rows)] == [[0, 3], [4]]


def test_what_the_log_does_not_say_stays_unknown() -> None:
    plays = [heard("a", 0, artist="x"), heard("b", 10, duration_s=90.0), heard("a", 20)]
    table = catalog_of(plays, "log")
    assert table.ids == ["a", "b"]
    assert table.popularity == pytest.approx([2 / 3, 1 / 3])
    assert np.isnan(table.attributes).all()
    assert table.duration_s.tolist() == [0, 90]
    assert table.artist.tolist() == [0, -1]
    assert table.next_in_series.tolist() == [-1, -1]


def test_items_of_the_later_part_are_listed_without_a_vector() -> None:
    plays = [heard(item, at) for at, item in enumerate("ababcd")]
    table = catalog_of(plays, "log", train_share=0.67)
    assert table.ids == ["a", "b", "c", "d"]
    assert np.abs(table.vectors).sum(axis=1).astype(bool).tolist() == [True, True, False, False]


def test_the_command_writes_a_folder_that_the_service_reads(tmp_path: Path) -> None:
    log, out = tmp_path / "log.parquet", tmp_path / "catalog"
    rows = {"ts": [1, 2, 3], "uid": [1, 1, 1], "sid": [1, 1, 1], "track_id": [7, 8, 9]}
    pl.DataFrame(rows).write_parquet(log)
    command = ["build", str(log), "--format", "30music", "--out", str(out)]
    result = CliRunner().invoke(catalog, command)
    assert result.exit_code == 0, result.output
    assert "3 items, 3 with a vector" in result.output
    assert list(read_catalog(out).table.ids) == ["7", "8", "9"]


def test_the_command_says_what_is_wrong_with_a_log(tmp_path: Path) -> None:
    command = ["build", str(tmp_path / "none"), "--format", "piki", "--out", str(tmp_path)]
    result = CliRunner().invoke(catalog, command)
    assert result.exit_code == 1
    assert "no log at" in result.output
