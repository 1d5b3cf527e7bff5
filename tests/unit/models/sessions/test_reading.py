"""Files become sessions of rows; splits keep to the order of time."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.sessions.read import UNKNOWN, Numbering, read_sessions, session_log
from models.sessions.split import split_by_time


def test_lines_become_sessions_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log.txt.gz"
    path.write_bytes(gzip.compress(b"7 8 7\n9 7\n"))
    items = Numbering()
    log = read_sessions([path], "lines", items, Numbering())
    assert log.items.tolist() == [0, 1, 0, 2, 0] or log.arrays()[0].tolist() == [0, 2, 0]
    assert log.lengths.tolist() == [3, 2]


def test_an_item_that_training_never_saw_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("1 2\n")
    (tmp_path / "test.txt").write_text("2 3\n")
    items, users = Numbering(), Numbering()
    read_sessions([tmp_path / "train.txt"], "lines", items, users)
    items.close()
    log = read_sessions([tmp_path / "test.txt"], "lines", items, users)
    assert log.items.tolist() == [1, UNKNOWN]


def test_30music_sessions_keep_their_listener_across_files(tmp_path: Path) -> None:
    rows = {"ts": [10, 20, 15], "uid": [1, 1, 2], "sid": [5, 5, 6], "track_id": [3, 4, 3]}
    pl.DataFrame(rows).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({**rows, "sid": [7, 7, 8]}).write_parquet(tmp_path / "b.parquet")
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    log = read_sessions(paths, "30music", Numbering(), Numbering())
    assert log.users.tolist() == [0, 1, 0, 1]
    assert [part.tolist() for part in log.arrays()] == [[0, 1], [0], [0, 1], [0]]


def test_an_empty_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("")
    with pytest.raises(ValueError, match=r"none\.txt: no plays"):
        read_sessions([tmp_path / "none.txt"], "lines", Numbering(), Numbering())


def test_places_and_owners_count_within_sessions() -> None:
    log = session_log([[1, 2, 3], [4], [5, 6]])
    assert log.place.tolist() == [0, 1, 2, 0, 0, 1]
    assert log.owner.tolist() == [0, 0, 0, 1, 2, 2]
    assert log.between(1, 3).items.tolist() == [4, 5, 6]
    assert log.pick(np.array([2, 0])).items.tolist() == [5, 6, 1, 2, 3]


def test_a_split_loses_no_session_and_mixes_no_time() -> None:
    log = session_log([[n, n] for n in range(10)])
    split = split_by_time(log, 0.3)
    assert split.earlier.items.max() < split.later.items.min()
    assert len(split.earlier) + len(split.later) == 10
    with pytest.raises(ValueError, match="nothing on one side"):
        split_by_time(log.between(0, 1), 0.1)
