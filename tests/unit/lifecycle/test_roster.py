"""Who ranks for whom."""

from service.lifecycle.roster import Roster, bucket
from tests.unit.lifecycle.rankings import ranking, users

MANY = users(4_000)


def canaries(share: float, version: str = "2") -> set[str]:
    roster = Roster(ranking()).moved("challenger", ranking(version), share)
    return {MANY[place] for place in roster.split(MANY)[1]}


def test_a_challenger_serves_its_share_of_users() -> None:
    for share in (0.0, 0.1, 0.5, 1.0):
        assert abs(len(canaries(share)) / len(MANY) - share) < 0.02


def test_a_larger_share_keeps_the_users_of_the_smaller_one() -> None:
    assert canaries(0.05) < canaries(0.2)


def test_another_version_gets_other_users() -> None:
    both = canaries(0.2, "2") & canaries(0.2, "3")
    assert len(both) < 0.07 * len(MANY)


def test_everybody_is_served_by_exactly_one_of_the_two() -> None:
    ours, theirs = Roster(ranking()).moved("challenger", ranking("2"), 0.3).split(MANY)
    assert sorted(ours + theirs) == list(range(len(MANY)))


def test_a_bucket_is_the_same_on_every_machine() -> None:
    assert round(bucket(MANY[1], "5c845b89e6fe"), 6) == 0.694147


def test_without_a_challenger_the_champion_serves_all() -> None:
    ours, theirs = Roster(ranking()).split(MANY)
    assert (len(ours), theirs) == (len(MANY), [])


def test_a_move_leaves_the_roster_of_a_running_batch_alone() -> None:
    before = Roster(ranking("1"))
    after = before.moved("champion", ranking("2")).moved("shadow", ranking("3"))
    assert (before.version_of("champion"), before.version_of("shadow")) == ("1", None)
    assert (after.version_of("champion"), after.version_of("shadow")) == ("2", "3")
