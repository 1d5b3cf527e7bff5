"""Aliases over every store: a move is whole, of two movers one wins, and the audit has them all."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from obstore.store import ObjectStore

from models.registry.aliases import Mover, audit, verdict_on
from models.registry.announce import standing_moves
from models.registry.listing import list_versions
from models.registry.publish import publish
from models.registry.verdict import GateVerdict
from service.adapters.model_aliases import AliasLog
from service.adapters.model_registry import ModelRegistry
from service.adapters.signing import TrustedKeys
from service.core.alias_history import Move, Wish
from service.core.control import ALIASES, Alias
from service.core.errors import Refused, SegueError, StaleWrite, Unavailable
from tests.model_folders import NAME, make_folder
from tests.torn_store import Torn

MOVERS = 8


@pytest.fixture
def mover(store: ObjectStore, tmp_path: Path) -> Mover:
    registry = ModelRegistry(store, tmp_path / "cache", trusted=TrustedKeys({}))
    return Mover(store, registry, NAME, "ana", "a test", at_ms=1)


@pytest.fixture
def versions(store: ObjectStore, tmp_path: Path) -> list[str]:
    """Three published versions."""
    folders = [make_folder(tmp_path / str(n), seed=n) for n in range(3)]
    return [publish(folder, store, NAME).version for folder in folders]


def told(mover: Mover, alias: Alias) -> tuple[str | None, float] | None:
    moved = mover.registry.alias(NAME, alias)
    return None if moved is None else (moved.version, moved.share)


def test_an_alias_that_was_never_moved_means_nothing(mover: Mover) -> None:
    assert [told(mover, alias) for alias in ALIASES] == [None, None, None]
    assert audit(mover.store, NAME) == []


def test_a_promoted_version_is_what_the_alias_means(mover: Mover, versions: list[str]) -> None:
    mover.promote(versions[0], "champion")
    mover.promote(versions[1], "challenger", share=0.25)
    mover.promote(versions[2], "shadow")
    assert told(mover, "champion") == (versions[0], 0.0)
    assert told(mover, "challenger") == (versions[1], 0.25)
    assert told(mover, "shadow") == (versions[2], 0.0)
    rows = list_versions(mover.store, mover.registry, NAME)
    assert [row.aliases for row in rows] == [("champion",), ("challenger 25%",), ("shadow",)]


def test_a_canary_s_share_may_change_and_has_a_default(mover: Mover, versions: list[str]) -> None:
    mover.promote(versions[0], "challenger")
    assert told(mover, "challenger") == (versions[0], 0.1)
    move = mover.promote(versions[0], "challenger", share=0.5)
    assert (move.sequence, move.share) == (2, 0.5)


def test_of_many_movers_at_once_one_wins_and_the_others_are_told(
    store: ObjectStore, mover: Mover, versions: list[str]
) -> None:
    seen = mover.promote(versions[0], "champion")
    start, outcomes = threading.Barrier(MOVERS), list[Move | StaleWrite]()

    def move(number: int) -> None:
        wish = Wish(
            kind="promote",
            version=versions[1 + number % 2],
            at_ms=number,
            by=f"mover {number}",
            reason="first",
        )
        start.wait()
        try:
            outcomes.append(AliasLog(store, NAME).append("champion", wish, seen))
        except StaleWrite as error:
            outcomes.append(error)

    threads = [threading.Thread(target=move, args=(number,)) for number in range(MOVERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [outcome for outcome in outcomes if isinstance(outcome, Move)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, StaleWrite)]
    assert (len(won), len(lost)) == (1, MOVERS - 1)
    assert all(f"by {won[0].by} at the same moment" in str(error) for error in lost)
    assert told(mover, "champion") == (won[0].version, 0.0)
    assert AliasLog(store, NAME).history("champion") == [seen, won[0]]


def test_a_rollback_leads_back_and_a_second_one_further_back(
    mover: Mover, versions: list[str]
) -> None:
    for version in versions:
        mover.promote(version, "champion")
    back = mover.roll_back("champion")
    assert (back.version, back.told().force) == (versions[1], True), "workers shall not hesitate"
    assert mover.roll_back("champion").version == versions[0]
    with pytest.raises(Refused, match=f"nothing was champion before {versions[0]}"):
        mover.roll_back("champion")
    mover.promote(versions[2], "champion")
    assert mover.roll_back("champion").version == versions[0]


def test_rolling_back_the_only_canary_leaves_none(mover: Mover, versions: list[str]) -> None:
    mover.promote(versions[0], "challenger")
    assert mover.roll_back("challenger").version is None
    assert told(mover, "challenger") == (None, 0.0)
    with pytest.raises(Refused, match="there is nothing to roll back"):
        mover.roll_back("challenger")


def test_a_rollback_brings_the_canary_s_share_back(mover: Mover, versions: list[str]) -> None:
    mover.promote(versions[0], "challenger", share=0.05)
    mover.promote(versions[0], "challenger", share=0.5)
    mover.roll_back("challenger")
    assert told(mover, "challenger") == (versions[0], 0.05)


def test_a_withdrawn_canary_can_be_brought_back(mover: Mover, versions: list[str]) -> None:
    mover.promote(versions[0], "challenger", share=0.05)
    mover.withdraw("challenger")
    assert told(mover, "challenger") == (None, 0.0)
    mover.roll_back("challenger")
    assert told(mover, "challenger") == (versions[0], 0.05)


REFUSALS: list[tuple[Callable[[Mover, str], object], str]] = [
    (lambda mover, _: mover.promote("0" * 12, "champion"), "the registry has no version"),
    (lambda mover, _: mover.promote("newest", "champion"), "is no version"),
    (lambda mover, v: mover.promote(v, "champion", share=0.1), "champion has none"),
    (lambda mover, v: mover.promote(v, "shadow", share=0.1), "shadow has none"),
    (lambda mover, v: mover.promote(v, "challenger", share=0.0), "more than 0"),
    (lambda mover, v: mover.promote(v, "challenger", share=1.5), "at most 1"),
    (lambda mover, _: mover.withdraw("champion"), "a champion there must be"),
    (lambda mover, _: mover.withdraw("shadow"), "means nothing already"),
    (lambda mover, _: mover.roll_back("champion"), "there is nothing to roll back"),
    (lambda mover, v: replace(mover, reason=" ").promote(v, "champion"), "say why"),
]


@pytest.mark.parametrize(("ask", "says"), REFUSALS, ids=[says for _, says in REFUSALS])
def test_what_cannot_be_is_refused_and_leaves_no_audit_line(
    mover: Mover, versions: list[str], ask: Callable[[Mover, str], object], says: str
) -> None:
    with pytest.raises(Refused, match=says):
        ask(mover, versions[0])
    assert audit(mover.store, NAME) == []


def test_promoting_what_an_alias_means_already_is_no_move(
    mover: Mover, versions: list[str]
) -> None:
    mover.promote(versions[0], "champion")
    with pytest.raises(Refused, match="already"):
        mover.promote(versions[0], "champion")
    assert len(audit(mover.store, NAME)) == 1


def test_a_version_that_was_tampered_with_is_not_promoted(
    mover: Mover, versions: list[str]
) -> None:
    mover.store.put(f"{NAME}/versions/{versions[0]}/ranker.onnx", b"other")
    with pytest.raises(Refused, match=r"ranker\.onnx is not the file"):
        mover.promote(versions[0], "champion")
    assert told(mover, "champion") is None


def test_a_store_that_fails_moves_nothing(mover: Mover, versions: list[str]) -> None:
    mover.promote(versions[0], "champion")
    torn = replace(mover, store=Torn.putting(mover.store, ".json"))
    with pytest.raises(Unavailable, match="torn"):
        torn.promote(versions[1], "champion")
    assert told(mover, "champion") == (versions[0], 0.0)
    assert len(audit(mover.store, NAME)) == 1


def test_the_audit_holds_every_move_and_each_begins_where_the_last_one_ended(
    mover: Mover, versions: list[str]
) -> None:
    chance, made = Random(7), list[Move]()
    for at_ms in range(1, 60):
        alias, by = chance.choice(ALIASES), chance.choice(["ana", "ben"])
        now = replace(mover, at_ms=at_ms, by=by, reason=f"reason {at_ms}")
        kind, version = chance.choice(["promote", "rollback", "withdraw"]), chance.choice(versions)
        try:
            if kind == "promote":
                made.append(now.promote(version, alias))
            else:
                made.append(now.roll_back(alias) if kind == "rollback" else now.withdraw(alias))
        except Refused:
            continue
    assert len(made) > 20
    assert {move.kind for move in made} == {"promote", "rollback", "withdraw"}
    assert audit(mover.store, NAME) == made
    for alias in ALIASES:
        moves = [move for move in made if move.alias == alias]
        assert [move.sequence for move in moves] == list(range(1, len(moves) + 1))
        assert [move.previous for move in moves] == [None, *(m.version for m in moves[:-1])]
        assert audit(mover.store, NAME, [alias]) == moves
    assert {m.alias: m for m in made} == {m.alias: m for m in standing_moves(mover.store, NAME)}


def test_a_broken_line_of_the_audit_is_told_by_its_path(mover: Mover, versions: list[str]) -> None:
    mover.promote(versions[0], "champion")
    mover.store.put(f"{NAME}/aliases/champion/0000000001.json", b"{}")
    with pytest.raises(SegueError, match=r"aliases/champion/0000000001\.json: no move"):
        mover.registry.alias(NAME, "champion")


def test_the_gate_s_no_keeps_a_version_from_the_championship(
    mover: Mover, versions: list[str]
) -> None:
    verdict = GateVerdict(False, versions[0], "other", ("loss_skip is worse",))
    with pytest.raises(Refused, match=r"the gate said no to .*loss_skip is worse"):
        mover.promote(versions[0], "champion", verdict=verdict)
    mover.promote(versions[0], "shadow", verdict=verdict)
    replace(mover, at_ms=2).promote(versions[0], "champion", verdict=verdict, force=True)
    moves = audit(mover.store, NAME)
    assert [(move.approved, move.told().force) for move in moves] == [(False, False), (False, True)]


def test_the_gate_s_yes_stands_in_the_audit(mover: Mover, versions: list[str]) -> None:
    mover.promote(versions[0], "champion", verdict=GateVerdict(True, versions[0], "other"))
    mover.promote(versions[1], "champion")
    assert [move.approved for move in audit(mover.store, NAME)] == [True, None]


def test_a_verdict_counts_for_the_version_that_it_is_about(
    mover: Mover, versions: list[str], tmp_path: Path
) -> None:
    folder, path = mover.registry.fetch(NAME, versions[0]), tmp_path / "gate.json"
    assert verdict_on(folder, None) is None
    with pytest.raises(Refused, match="no verdict in"):
        verdict_on(folder, path)
    text = '{"passed": true, "candidate": "%s", "champion": "x"}'
    for candidate in (versions[0], "0" * 12):  # the registry's version, or the export's
        path.write_text(text % candidate)
        found = verdict_on(folder, path)
        assert found is not None
        assert found.passed
    path.write_text(text % versions[1])
    with pytest.raises(Refused, match=f"the verdict is on {versions[1]}, not on {versions[0]}"):
        verdict_on(folder, path)
