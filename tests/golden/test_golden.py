"""Yesterday's bytes: read as they were meant, and written the same today.

When a difference is meant, `python -m tests.golden` writes the files anew.
"""

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from service.core.codec import Stored, decode_stored, encode_stored
from service.core.control import AliasBook, AliasMoved, control_key, encode_move
from service.core.slates import OutcomeBatch, Slate
from service.core.wire import decode
from service.ops.reference_fold import ReferenceUser
from tests.golden.samples import (
    CONTROL,
    DIGESTS,
    FOLDER,
    LOG,
    OUTPUT,
    Line,
    control_moves,
    digests_of,
    output_records,
    stored_states,
)

SESSIONS = sorted(FOLDER.glob("session_v*.bin"))
VERSION_1 = [path for path in SESSIONS if path.stem.startswith("session_v1_")]
LINES = [msgspec.json.decode(line, type=Line) for line in LOG.read_bytes().splitlines()]
WRITTEN = json.loads(OUTPUT.read_text())
TOLD = json.loads(CONTROL.read_text())


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_a_state_of_any_codec_version_is_read_as_it_was_meant(path: Path) -> None:
    meant = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Stored)
    assert decode_stored(path.read_bytes()) == meant


@pytest.mark.parametrize("path", VERSION_1, ids=lambda path: path.stem)
def test_today_s_code_writes_exactly_the_bytes_of_version_1(path: Path) -> None:
    meant = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Stored)
    assert encode_stored(meant) == path.read_bytes()


def test_there_is_a_golden_state_of_every_kind() -> None:
    assert {path.stem.removeprefix("session_v1_") for path in SESSIONS} >= {
        name for name, _ in stored_states()
    }


def test_folding_the_log_gives_yesterday_s_digests() -> None:
    assert digests_of(LINES) == json.loads(DIGESTS.read_text())


def test_the_slow_fold_gives_the_same_digests() -> None:
    users = {line.key: ReferenceUser() for line in LINES}
    for line in LINES:
        users[line.key].apply(decode(line.record), line.record)
    told = json.loads(DIGESTS.read_text())
    assert {user: reference.digest() for user, reference in users.items()} == {
        user: expected["digest"] for user, expected in told.items()
    }


def test_the_log_holds_every_kind_of_event_and_effect() -> None:
    kinds = Counter(json.loads(line.value)["type"] for line in LINES)
    assert len(LINES) == 300
    assert len(kinds) == 12
    effects: Counter[str] = Counter()
    for told in json.loads(DIGESTS.read_text()).values():
        effects.update(told["effects"])
    assert set(effects) == {"applied", "duplicate", "late", "forgotten"}


@pytest.mark.parametrize("name", output_records())
def test_what_goes_out_is_spelled_as_yesterday(name: str) -> None:
    assert msgspec.json.encode(output_records()[name]).decode() == WRITTEN[name]


@pytest.mark.parametrize("name", output_records())
def test_yesterday_s_output_is_read_today(name: str) -> None:
    kind = OutcomeBatch if name == "outcomes" else Slate
    assert msgspec.json.decode(WRITTEN[name], type=kind) == output_records()[name]


@pytest.mark.parametrize("move", control_moves().values(), ids=lambda move: move.alias)
def test_a_control_record_is_spelled_and_read_as_yesterday(move: AliasMoved) -> None:
    key = control_key(move.alias)
    assert encode_move(move).decode() == TOLD[key.decode()]
    assert AliasBook("ranker").read(key, TOLD[key.decode()].encode()) == move
