"""The books of `segue verify`: every input record, user, slate and dead letter, and do they agree?

    take_slate, take_letter, take_state     what the service said, in any order, before
    take_input                              the log, in offset order per partition, then
    close                                   the verdict

Every input record is exactly one of: covered by a slate of its user at or past its offset; named by
a dead letter; ignored for a declared reason; quiet; in flight (not committed yet). It does no I/O.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from service.core.codec import decode_stored, digest
from service.core.errors import PoisonKind, PoisonRecord, StaleWrite
from service.core.events import Record
from service.core.wire import decode
from service.ops.accounts import IN_FLIGHT, UNACCOUNTED, Account, Held
from service.ops.letter_book import Letter, LetterBook, payload_crc
from service.ops.problems import Problems
from service.ops.slate_book import SlateBook, UserSlates

AWAKE_USERS_MAX: Final = 5_000
_DAY_MS: Final = 24 * 3600 * 1000
_NULLS_KEPT_MS: Final = _DAY_MS  # Kafka's default for a compacted topic
_SLATES_KEPT_MS: Final = 7 * _DAY_MS


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What the broker says about the input topic, read before anything else."""

    topic: str
    lineage: bytes
    begins: Mapping[int, int]
    ends: Mapping[int, int]
    committed: Mapping[int, int]
    session_ttl_ms: int
    now_ms: int

    @property
    def is_drained(self) -> bool:
        """Whether everything in the log is committed."""
        return all(
            self.committed.get(partition, 0) >= end or end == self.begins[partition]
            for partition, end in self.ends.items()
        )


@dataclass(slots=True)
class Tally:
    """Plain counts beside the problems."""

    inputs: Counter[str] = field(default_factory=Counter)
    states_equal: int = 0
    states_expired: int = 0
    unprovable: int = 0


class Ledger:
    """Collects what was said, then goes through the log."""

    def __init__(self, facts: LogFacts) -> None:
        self.facts = facts
        self.problems = Problems()
        self.slates = SlateBook(self.problems)
        self.letters = LetterBook(facts.topic, self.problems)
        self.tally = Tally()
        self.accounts: dict[str, Account] = {}
        self._awake: OrderedDict[str, Account] = OrderedDict()  # the longest untouched first
        self._held: dict[str, Held] = {}
        self._letters_read = 0

    def take_state(self, user_id: str, value: bytes) -> None:
        """Read one stored session state."""
        try:
            stored = decode_stored(value)
        except StaleWrite as error:
            self.problems.add("state_unreadable", f"session:{{{user_id}}}: {error}")
            return
        fence = stored.fence
        if fence.lineage != self.facts.lineage:
            self.problems.add(
                "state_of_another_log",
                f"session:{{{user_id}}}: lineage {fence.lineage.hex()},"
                f" the topic is {self.facts.lineage.hex()}",
            )
            return
        self._held[user_id] = Held(
            fence.lineage, fence.partition, fence.offset, digest(stored.state)
        )

    def take_input(self, record: Record) -> None:
        """Account for one record of the input log."""
        letter = self.letters.letters.pop((record.partition, record.offset), None)
        if letter is not None and not letter.is_about(record):
            letter = None  # it names this offset in an older log
        try:
            event = decode(record)
        except PoisonRecord as poison:
            self._take_poison(record, poison.kind, letter)
            return
        misrouted = letter is not None and letter.kind == PoisonKind.MISROUTED
        account = self._account(event.user_id, record.partition, misrouted=misrouted)
        if account is None or account.home != record.partition:
            self._take_poison(record, PoisonKind.MISROUTED, letter)
            return
        if letter is not None:
            self.problems.add(
                "wrongly_dead_lettered", f"{record.where} is a good record, called {letter.kind}"
            )
        if self._is_committed(record):
            account.committed_offset = record.offset
        self._stay_small(account)
        fate = account.take(event, record, partial(self._complain, account.home))
        if fate == "covered" and account.slates.ends_in_null and account.reference.is_deleted:
            self.tally.inputs["covered"] += account.close_open()
        if fate == "open":
            return  # a later record may cover it: see `close`
        begun = fate == "covered" or self._is_committed(record) or account.is_folded(record.offset)
        self.tally.inputs[fate if begun else IN_FLIGHT] += 1

    def close(self) -> None:
        """Settle what can only be said at the end of the log."""
        for account in self.accounts.values():
            self._close(account)
        for user_id in self._held.keys() - self.accounts.keys():
            self._complain(
                self._held[user_id].partition, "state_without_record", f"session:{{{user_id}}}"
            )
        for user_id, slates in self.slates.users.items():
            for version in slates.versions:
                partition = slates.partition if slates.partition is not None else -1
                self._complain(
                    partition, "slate_of_no_record", f"{user_id} version {version} is in no fold"
                )
        for (partition, offset), letter in self.letters.letters.items():
            if self.facts.begins.get(partition, 0) <= offset:
                self.problems.add(
                    "dead_letter_of_no_record", f"[{partition}]@{offset} {letter.kind}"
                )
        self._check_commits()

    def _take_poison(self, record: Record, kind: PoisonKind, letter: Letter | None) -> None:
        if letter is None:
            committed = self._is_committed(record)
            self.tally.inputs[UNACCOUNTED if committed else IN_FLIGHT] += 1
            if committed:
                self.problems.add("dead_letter_missing", f"{record.where} is {kind}")
            return
        self.tally.inputs["dead_lettered"] += 1
        if letter.kind != kind:
            self.problems.add("dead_letter_kind", f"{record.where} is {kind}, called {letter.kind}")
        if letter.payload_crc != payload_crc(record):
            self.problems.add("dead_letter_altered", f"{record.where}: key or payload differs")

    def _account(self, user_id: str, partition: int, *, misrouted: bool) -> Account | None:
        account = self.accounts.get(user_id)
        if account is not None:
            return account
        held = self._held.get(user_id)
        slates = self.slates.users.get(user_id)
        home = held.partition if held else slates.partition if slates else None
        if home is None and misrouted:
            return None
        account = Account(
            user_id, partition if home is None else home, held, slates or UserSlates()
        )
        self.accounts[user_id] = account
        return account

    def _stay_small(self, account: Account) -> None:
        """Keep the users of the last records unpacked; a log may have many more."""
        self._awake[account.user_id] = account
        self._awake.move_to_end(account.user_id)
        if len(self._awake) > AWAKE_USERS_MAX:
            _, idle = self._awake.popitem(last=False)
            idle.reference.pack()

    def _close(self, account: Account) -> None:
        for offset in account.open:
            self._close_open(account, offset)
        if account.last_offset < 0:
            return
        if account.held is None:
            self._close_without_state(account)
        else:
            self._close_with_state(account, account.held)
        self._check_deletion(account)

    def _close_open(self, account: Account, offset: int) -> None:
        if offset >= self.facts.committed.get(account.home, 0):
            self.tally.inputs[IN_FLIGHT] += 1
            return
        self.tally.inputs[UNACCOUNTED] += 1
        if self._slates_are_gone(account):
            self.tally.unprovable += 1
            return
        where = f"{account.user_id} [{account.home}]@{offset}"
        self._complain(account.home, "slate_missing", f"{where}: no slate at or past it")

    def _slates_are_gone(self, account: Account) -> bool:
        """Whether a user without a slate may have had one, that Kafka has cleaned away since."""
        if account.slates.version_max or account.slates.ends_in_null:
            return False
        kept_ms = _NULLS_KEPT_MS if account.reference.is_deleted else _SLATES_KEPT_MS
        return self.facts.now_ms - account.last_timestamp_ms > kept_ms

    def _close_without_state(self, account: Account) -> None:
        age_ms = self.facts.now_ms - account.last_timestamp_ms
        if age_ms >= self.facts.session_ttl_ms:
            self.tally.states_expired += 1
        elif account.committed_offset >= 0:
            self.problems.add(
                "state_missing",
                f"session:{{{account.user_id}}}: records up to"
                f" [{account.home}]@{account.committed_offset} are committed",
            )

    def _close_with_state(self, account: Account, held: Held) -> None:
        where = f"session:{{{account.user_id}}} at [{held.partition}]@{held.offset}"
        if not account.held_was_met:
            self._complain(account.home, "state_at_no_record", where)
        elif held.offset < account.committed_offset:
            self.problems.add(
                "state_behind", f"{where}, committed up to {account.committed_offset}"
            )
        else:
            self.tally.states_equal += 1

    def _check_deletion(self, account: Account) -> None:
        is_committed = account.committed_offset == account.last_offset
        if not (account.reference.is_deleted and is_committed):
            return
        if account.slates.version_max and not account.slates.ends_in_null:
            self.problems.add(
                "deleted_user_has_slate", f"{account.user_id}: the last slate is not null"
            )

    def _check_commits(self) -> None:
        for partition, committed in self.facts.committed.items():
            end = self.facts.ends.get(partition)
            if end is None or committed > end:
                self.problems.add(
                    "commit_beyond_end", f"partition {partition}: {committed}, the end is {end}"
                )

    def _is_committed(self, record: Record) -> bool:
        return record.offset < self.facts.committed.get(record.partition, 0)

    def _complain(self, partition: int, name: str, example: str) -> None:
        """A log that was cut at its beginning proves nothing about who began before the cut."""
        if self.facts.begins.get(partition, 0) > 0:
            self.tally.unprovable += 1
        else:
            self.problems.add(name, example)
