"""`segue demo` and `segue try` as people run them: a process that cleans up after itself."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.integration.small_log import make_plays

COMMAND = [sys.executable, "-m", "service.cli"]
TIMEOUT_S = 120

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def environment(work_dir: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SEGUE_")}
    return {**ours, "SEGUE_WORK_DIR": str(work_dir)}


def segue(work_dir: Path, *arguments: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=environment(work_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    return done.returncode, done.stdout.splitlines()


def left_behind(work_dir: Path) -> list[str]:
    """Processes that still know the folder, by command line or environment."""
    mark = f"SEGUE_WORK_DIR={work_dir}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            if mark in (folder / "environ").read_bytes() or str(work_dir).encode() in words:
                found.append(words.replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has ended meanwhile, or is not ours to read
    return found


def report(code: int, lines: list[str]) -> dict[str, Any]:
    assert code == 0, "\n".join(lines)
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def test_a_short_demo_shows_its_figures_and_leaves_nothing_behind(tmp_path: Path) -> None:
    arguments = ("--seconds", "6", "--headless", "--json", "--broker", "mock")
    said = report(*segue(tmp_path, "demo", *arguments, "--listeners", "8", "--rate", "40"))
    assert said["broker"] == "mock"
    assert said["events"] > 20
    assert said["slates"] > 10
    assert said["plays_from_slates"] > 0  # the loop is closed
    assert (said["dead_letters"], said["lag_records"]) == (0, 0)
    assert 0 < said["p50_ms"] <= said["p99_ms"]
    assert said["users_in_store"] == 8
    assert not left_behind(tmp_path)


def test_a_demo_that_is_interrupted_stops_cleanly(tmp_path: Path) -> None:
    log = tmp_path / "out.txt"
    with log.open("wb") as out:
        demo = subprocess.Popen(
            [*COMMAND, "demo", "--headless", "--broker", "mock", "--listeners", "4"],
            env=environment(tmp_path),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(log, "ready after", demo)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0, log.read_text()
    finally:
        demo.kill()
    assert "Traceback" not in log.read_text()
    assert not left_behind(tmp_path)


def test_a_log_is_tried_on_a_stack_of_its_own(tmp_path: Path) -> None:
    plays = make_plays(120)
    path = tmp_path / "log.parquet"
    columns = {
        "ts": [play.at_ms // 1000 for play in plays],
        "uid": [int(play.user[1:]) for play in plays],
        "sid": [1] * len(plays),
        "track_id": [int(play.item[1:]) for play in plays],
        "playtime_s": [int(play.played_s or 0) for play in plays],
    }
    pl.DataFrame(columns).write_parquet(path)
    command = ("try", str(path), "--format", "30music", "--broker", "mock", "--json")
    said = report(*segue(tmp_path / "work", *command))
    assert said["verified"] is True
    assert said["verify"]["drained"]
    assert (said["rows"], said["events"], said["users"]) == (120, 240, len(set(columns["uid"])))
    assert said["slates"] > 0
    assert said["dead_letters"] == 0
    assert not left_behind(tmp_path / "work")


def test_a_log_in_another_format_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    code, lines = segue(tmp_path / "work", "try", str(path), "--format", "piki")
    assert code == 1
    assert "no column user_id, song_id, timestamp, liked" in lines[-1]
    assert not any("Traceback" in line for line in lines)


def _wait_for(log: Path, words: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while words not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
