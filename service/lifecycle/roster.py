"""Who ranks for whom: the champion, perhaps a challenger for a share of the users, a shadow.

A roster never changes. A batch reads the reference once, a swap replaces it between two batches:
no batch sees half of a swap.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Self

from service.core.control import Alias
from service.core.events import UserId
from service.ranking import Ranking


@dataclass(frozen=True)
class Canary:
    """A challenger and the users it serves."""

    ranking: Ranking
    share: float  # of users, in [0, 1]
    salt: str  # another salt, other users

    def serves(self, user: UserId) -> bool:
        """Whether this user is the challenger's: the same answer on every worker, every time."""
        return bucket(user, self.salt) < self.share


@dataclass(frozen=True)
class Roster:
    """What a worker ranks with."""

    champion: Ranking
    challenger: Canary | None = None
    shadow: Ranking | None = None

    def split(self, users: Sequence[UserId]) -> tuple[list[int], list[int]]:
        """Return the places of the champion's users, then those of the challenger's."""
        places: tuple[list[int], list[int]] = ([], [])
        for place, user in enumerate(users):
            places[self.challenger is not None and self.challenger.serves(user)].append(place)
        return places

    def version_of(self, alias: Alias) -> str | None:
        """Return the version that stands for an alias here."""
        challenger = self.challenger.ranking if self.challenger else None
        ranking = {"champion": self.champion, "challenger": challenger, "shadow": self.shadow}[
            alias
        ]
        return ranking.model.version if ranking else None

    def moved(self, alias: Alias, ranking: Ranking | None, share: float = 0.0) -> Self:
        """Return the roster with another model, or none, under an alias.

        The salt is the version: a larger share keeps the users that a smaller one had.
        """
        if alias == "champion":
            assert ranking is not None, "a champion there must be"
            return replace(self, champion=ranking)
        if alias == "shadow":
            return replace(self, shadow=ranking)
        canary = Canary(ranking, share, ranking.model.version) if ranking else None
        return replace(self, challenger=canary)


def bucket(user: UserId, salt: str) -> float:
    """Return where a user falls, uniformly in [0, 1).

    >>> bucket(UserId("u1"), "5c845b89e6fe") == bucket(UserId("u1"), "5c845b89e6fe")
    True
    """
    digest = blake2b(f"{salt}|{user}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
