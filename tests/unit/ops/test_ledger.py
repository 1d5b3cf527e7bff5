"""The ledger finds a sound run sound, and every way of being unsound by its name."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core import events as ev
from service.core.codec import Fence, Stored, decode_stored, encode_stored
from service.core.slates import Slate
from service.ops import ledger as ledger_module
from service.ops.ledger import Ledger
from tests.bad_records import bad_records
from tests.event_makers import T0_MS, events, item_fact
from tests.unit.ops.service_run import ServiceRun


def sound_run() -> ServiceRun:
    """Three users, two partitions, a bad record, a duplicate, a quiet end."""
    run = ServiceRun()
    for n in range(12):
        user = f"u{n % 3}"
        at_ms = T0_MS + n * 1000
        event = item_fact(ev.Started, f"i{n}", user_id=user, event_id=f"e{n}", at_ms=at_ms)
        run.append(event, partition=n % 3 % 2)
    run.append(item_fact(user_id="u0", event_id="e0", at_ms=T0_MS))  # a client's retry
    run.append(item_fact(ev.Progressed, "i9", user_id="u0", event_id="p", at_ms=T0_MS + 20_000))
    run.log.append(0, b"u0", b"{broken", T0_MS)
    run.append(item_fact(user_id="u0", event_id="elsewhere"), partition=1)
    return run.process()


def names(ledger: Ledger) -> set[str]:
    return set(ledger.problems.counts())


def spoil_slate(run: ServiceRun, index: int = -1, **changes: Any) -> None:
    record = run.slates[index]
    assert record.value
    slate = msgspec.json.decode(record.value, type=Slate)
    value = msgspec.json.encode(msgspec.structs.replace(slate, **changes))
    run.slates[index] = msgspec.structs.replace(record, value=value)


def test_a_sound_run_has_no_problem_and_every_record_has_its_account() -> None:
    ledger = sound_run().ledger()
    assert names(ledger) == set(), ledger.problems.as_json()
    assert ledger.tally.inputs == {
        "covered": 12,
        "ignored_duplicate": 1,
        "quiet": 1,
        "dead_lettered": 2,  # one broken, one misrouted
    }
    assert ledger.tally.states_equal == 3


@settings(max_examples=30)
@given(st.lists(st.tuples(events(("u1", "u2", "u3")), st.integers(0, 1)), max_size=80))
def test_any_log_that_the_processor_worked_off_is_sound(log: list[Any]) -> None:
    run = ServiceRun()
    for event, partition in log:
        run.append(event, partition)
    ledger = run.process().ledger()
    assert names(ledger) == set(), ledger.problems.as_json()
    assert sum(ledger.tally.inputs.values()) == len(log)


def test_the_corpus_of_bad_records_is_accounted_for_to_the_last() -> None:
    run = sound_run()
    for bad in bad_records(now_ms=T0_MS):
        record = run.log.append(0, bad.key, bad.value, T0_MS)
        run.log.partitions[0][-1] = msgspec.structs.replace(record, headers=bad.headers)
    ledger = run.process().ledger()
    assert names(ledger) == set(), ledger.problems.as_json()
    assert ledger.tally.inputs["dead_lettered"] == 202


def test_packing_idle_users_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "AWAKE_USERS_MAX", 1)
    ledger = sound_run().ledger()
    assert (names(ledger), ledger.tally.states_equal) == (set(), 3)


def test_a_redelivered_batch_is_no_problem() -> None:
    run = sound_run()
    run.log.committed.clear()
    run.log.rewind()
    ledger = run.process().ledger()
    assert names(ledger) == set(), ledger.problems.as_json()
    assert ledger.slates.repeated > 0


def test_a_log_without_a_worker_is_in_flight() -> None:
    run = ServiceRun()
    run.append(item_fact())
    run.log.append(0, b"u", b"{", T0_MS)
    ledger = run.ledger()
    assert names(ledger) == set()
    assert ledger.tally.inputs == {"in_flight": 2}
    assert not ledger.facts.is_drained


def test_a_deleted_user_leaves_a_tombstone_and_a_null_slate() -> None:
    run = ServiceRun()
    run.append(item_fact())
    run.append(ev.UserDeleted(event_id=ev.EventId("d"), user_id=ev.UserId("u1"), at_ms=T0_MS + 9))
    assert names(run.process().ledger()) == set()
    assert run.slates[-1].value is None
    run.slates = [msgspec.structs.replace(run.slates[-1], value=None), *_a_slate_of("u1")]
    assert "deleted_user_has_slate" in names(run.ledger())


def _a_slate_of(user: str) -> list[ev.Record]:
    run = ServiceRun()
    run.append(item_fact(user_id=user))
    return run.process().slates


def test_a_state_that_is_not_the_fold_is_found() -> None:
    run = sound_run()
    user = ev.UserId("u0")
    stored = decode_stored(run.store.values[user])
    torn = msgspec.structs.replace(stored.state, ring=stored.state.ring[:-1])
    run.store.values[user] = encode_stored(Stored(stored.fence, torn))
    assert names(run.ledger()) == {"state_differs"}


def test_a_state_that_fell_behind_the_commit_is_found() -> None:
    run = sound_run()
    early = ServiceRun()
    early.append(item_fact(ev.Started, "i0", user_id="u0", event_id="e0", at_ms=T0_MS))
    early.process()
    run.store.values[ev.UserId("u0")] = early.store.values[ev.UserId("u0")]
    assert names(run.ledger()) == {"state_behind"}


def test_a_missing_state_is_found_unless_it_is_old_enough_to_have_expired() -> None:
    run = sound_run()
    del run.store.values[ev.UserId("u0")]
    assert names(run.ledger()) == {"state_missing"}
    run.now_ms += 8 * 24 * 3600 * 1000
    assert names(run.ledger()) == set()


def test_a_state_at_an_offset_that_is_not_the_users_is_found() -> None:
    run = sound_run()
    user = ev.UserId("u0")
    stored = decode_stored(run.store.values[user])
    fence = Fence(stored.fence.lineage, stored.fence.partition, 1, stored.fence.offset + 50)
    run.store.values[user] = encode_stored(Stored(fence, stored.state))
    assert names(run.ledger()) == {"state_at_no_record"}


def test_a_state_nobody_produced_is_found() -> None:
    run = sound_run()
    run.store.values[ev.UserId("ghost")] = run.store.values[ev.UserId("u0")]
    assert names(run.ledger()) == {"state_without_record"}


def test_a_lost_slate_is_found() -> None:
    run = sound_run()
    run.slates = [record for record in run.slates if record.key != b"u1"]
    assert names(run.ledger()) == {"slate_missing"}


def test_a_slate_made_from_another_state_is_found() -> None:
    run = sound_run()
    spoil_slate(run, state_digest="0" * 16)
    assert names(run.ledger()) == {"slate_unfaithful"}


def test_a_version_that_changes_its_meaning_is_found() -> None:
    run = sound_run()
    run.slates.append(run.slates[-1])
    spoil_slate(run, session_id="another")
    assert names(run.ledger()) == {"slate_changed"}


def test_a_version_that_nobody_folded_is_found() -> None:
    run = sound_run()
    spoil_slate(run, version=999_999)
    assert names(run.ledger()) == {"slate_of_no_record"}


def test_a_lower_version_for_the_first_time_after_a_higher_one_is_found() -> None:
    run = ServiceRun()
    for n in range(10):
        run.append(item_fact(event_id=f"e{n}", at_ms=T0_MS + n))
    run.process()
    run.slates.reverse()
    assert names(run.ledger()) == {"version_regressed"}


def test_a_dead_letter_that_was_lost_is_found() -> None:
    run = sound_run()
    run.letters = [record for record in run.letters if record.value != b"{broken"]
    assert names(run.ledger()) == {"dead_letter_missing"}


def test_a_dead_letter_with_another_payload_is_found() -> None:
    run = sound_run()
    run.letters[0] = msgspec.structs.replace(run.letters[0], value=b"other")
    assert names(run.ledger()) == {"dead_letter_altered"}


def test_a_dead_letter_of_a_good_record_is_found() -> None:
    run = sound_run()
    headers = tuple(
        (name, b"0" if name == "segue.error.offset" else value)
        for name, value in run.letters[0].headers
    )
    run.letters.append(msgspec.structs.replace(run.letters[0], headers=headers))
    assert names(run.ledger()) == {"wrongly_dead_lettered"}


def test_a_dead_letter_of_an_older_log_is_not_taken_for_one_of_this() -> None:
    run = sound_run()
    for index, letter in enumerate(run.letters):
        headers = tuple(
            (name, b"1" if name == "segue.error.timestamp_ms" else value)
            for name, value in letter.headers
        )
        run.letters[index] = msgspec.structs.replace(letter, headers=headers)
    assert "dead_letter_missing" in names(run.ledger())


def test_a_commit_beyond_the_end_is_found() -> None:
    run = sound_run()
    run.log.committed[1] += 5
    assert names(run.ledger()) == {"commit_beyond_end"}


def test_a_log_that_was_cut_proves_nothing_about_earlier_users() -> None:
    run = sound_run()
    begins = {0: 3, 1: 3}
    for partition, records in enumerate(run.log.partitions):
        run.log.partitions[partition] = records[3:]
    ledger = run.ledger(begins=begins, ends={0: 20, 1: 20})
    assert names(ledger) == set(), ledger.problems.as_json()
    assert ledger.tally.unprovable > 0
