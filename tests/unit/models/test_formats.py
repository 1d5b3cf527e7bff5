"""Readers of public logs: tiny files in the published layouts, and the real files where present."""

import gzip
from itertools import islice, pairwise
from pathlib import Path

import polars as pl
import pytest

from models.formats import read_log
from models.formats.play import Play

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def test_30music_gives_plays_in_time_order_and_how_long_they_were_heard_at_least(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.parquet"
    rows = {"ts": [20, 10], "uid": [1, 2], "sid": [5, 6], "track_id": [7, 8], "playtime_s": [9, -1]}
    pl.DataFrame(rows).write_parquet(path)
    assert list(read_log(path, "30music")) == [
        Play(user="2", item="8", at_ms=10_000, session="6"),
        Play(user="1", item="7", at_ms=20_000, session="5", heard_at_least_s=9.0),
    ]


@pytest.mark.parametrize("name", ["sessions.txt", "sessions.txt.gz"])
def test_nowplaying_lines_become_sessions_in_the_order_of_the_file(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    text = b"11 12\n13\n"
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    plays = list(read_log(path, "nowplaying"))
    assert [(p.session, p.item) for p in plays] == [("0", "11"), ("1", "13"), ("0", "12")]
    assert all(a.at_ms <= b.at_ms for a, b in pairwise(plays))


def test_kuairand_labels_are_likes_and_hates_and_duration_zero_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "likes.tsv"
    head = "user_id\tvideo_id\ttime_ms\tplay_time_ms\tduration_ms\tlabel\n"
    path.write_text(f"{head}1\t2\t200\t1500\t0\t0\n1\t3\t100\t4000\t8000\t1\n")
    like, hate = read_log(path, "kuairand")
    assert (like.liked, like.played_s, like.duration_s) == (1, 4.0, 8.0)
    assert (hate.liked, hate.duration_s, hate.content_type) == (-1, None, "video")


def test_yambda_multi_event_tells_listens_from_verdicts(tmp_path: Path) -> None:
    path = tmp_path / "multi_event.parquet"
    kinds = pl.Enum(["listen", "like", "dislike", "unlike", "undislike"])
    frame = pl.DataFrame(
        {
            "uid": [1, 1, 1],
            "timestamp": [10, 5, 15],
            "item_id": [7, 7, 8],
            "is_organic": [1, 1, 0],
            "played_ratio_pct": [None, 50, None],
            "track_length_seconds": [None, 200, None],
            "event_type": pl.Series(["like", "listen", "unlike"], dtype=kinds),
        }
    )
    frame.write_parquet(path)
    listen, like, unlike = read_log(path, "yambda")
    assert (listen.heard, listen.played_s, listen.duration_s) == (True, 100.0, 200.0)
    assert (like.heard, like.liked, like.played_s) == (False, 1, None)
    assert unlike.liked == 0


def test_a_yambda_file_of_one_kind_is_told_by_its_name(tmp_path: Path) -> None:
    rows = {"uid": [1], "timestamp": [5], "item_id": [7], "is_organic": [1]}
    pl.DataFrame(rows).write_parquet(tmp_path / "dislikes.parquet")
    pl.DataFrame(rows).write_parquet(tmp_path / "other.parquet")
    assert [p.liked for p in read_log(tmp_path / "dislikes.parquet", "yambda")] == [-1]
    with pytest.raises(ValueError, match="no column event_type"):
        list(read_log(tmp_path / "other.parquet", "yambda"))


def test_piki_timestamps_are_utc_and_a_swipe_is_a_verdict(tmp_path: Path) -> None:
    path = tmp_path / "piki.csv"
    head = "id,liked,personalized,song_id,spotify_popularity,timestamp,user_id\n"
    path.write_text(f"{head}0,0,1,32192,87,2019-06-21 01:04:23,3720277\n")
    (play,) = read_log(path, "piki")
    assert play == Play(user="3720277", item="32192", at_ms=1_561_079_063_000, liked=-1)


def test_a_file_of_another_format_is_refused_by_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame({"time": [1]}).write_parquet(path)
    with pytest.raises(ValueError, match="no column ts, uid, sid, track_id; found time"):
        list(read_log(path, "30music"))
    with pytest.raises(ValueError, match="unknown log format 'lastfm'"):
        read_log(path, "lastfm")
    with pytest.raises(ValueError, match="no log at"):
        read_log(tmp_path / "none", "piki")


@pytest.mark.parametrize(
    ("log_format", "path", "count"),
    [
        ("30music", "30music/valid.parquet", 33_242),
        ("kuairand", "kuairand/likes_and_hates.tsv", 41_828),
        ("piki", "piki/piki_fragment.csv", 500),
    ],
)
def test_real_logs_are_read_whole_and_in_time_order(log_format: str, path: str, count: int) -> None:
    if not SHARED.exists():
        pytest.skip(f"no real logs at ../{SHARED.parent.name}/{SHARED.name}")
    plays = list(read_log(SHARED / path, log_format))
    assert len(plays) == count
    assert all(a.at_ms <= b.at_ms for a, b in pairwise(plays))


def test_the_real_nowplaying_log_begins_with_its_first_line() -> None:
    if not SHARED.exists():
        pytest.skip(f"no real logs at ../{SHARED.parent.name}/{SHARED.name}")
    path = SHARED / "nowplaying" / "train_sessions.txt.gz"
    first = next(islice(read_log(path, "nowplaying"), 1))
    assert (first.user, first.item) == ("line-0", "13221")
