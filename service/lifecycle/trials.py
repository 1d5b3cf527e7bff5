"""From outcomes to one observation a user: how many of its first places were skipped.

A slate's first place is a trial of the model that ranked it. Plays of one listener are alike, so
they are not counted one by one: each user counts once, with the mean of its first few trials. Then
observations are independent, as the bounds on them need.

Bounded: what the newest users were served last, and no more.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from service.core.events import UserId
from service.core.slates import Outcome

USERS_MAX: Final = 20_000
SLATES_MAX: Final = 16
"""Of a user, the newest: an outcome comes a slate or two after the one that served it."""
TRIALS: Final = 4
SKIP_OF: Final = {"skipped": 1, "completed": 0}
"""What ends a trial, and how."""

Arm = str
"""Who ranked: `champion` or `challenger`."""


@dataclass
class _User:
    served: OrderedDict[int, Arm] = field(default_factory=OrderedDict)  # by slate version
    ends: dict[Arm, list[int]] = field(default_factory=dict)


@dataclass
class Trials:
    """Remembers who ranked which slate and gathers what became of their first places."""

    users_max: int = USERS_MAX
    _users: OrderedDict[UserId, _User] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        """How many users are remembered."""
        return len(self._users)

    def served(self, user: UserId, version: int, arm: Arm) -> None:
        """A slate went out. The same slate again (a repeat) changes nothing."""
        known = self._users.setdefault(user, _User())
        self._users.move_to_end(user)
        known.served.setdefault(version, arm)
        if len(known.served) > SLATES_MAX:
            known.served.popitem(last=False)
        if len(self._users) > self.users_max:
            self._users.popitem(last=False)

    def forget(self, user: UserId) -> None:
        """The user was deleted."""
        self._users.pop(user, None)

    def ended(self, outcome: Outcome) -> tuple[Arm, float] | None:
        """Take an outcome in; return arm and share skipped when it completes the user's trials."""
        known = self._users.get(outcome.user_id)
        skip = SKIP_OF.get(outcome.type)
        if known is None or skip is None or outcome.slot != 0 or outcome.slate_version is None:
            return None
        arm = known.served.pop(outcome.slate_version, None)  # a trial ends once
        if arm is None:
            return None
        ends = known.ends.setdefault(arm, [])
        ends.append(skip)
        return (arm, sum(ends) / TRIALS) if len(ends) == TRIALS else None
