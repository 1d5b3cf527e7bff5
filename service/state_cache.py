"""States this worker wrote last: a busy user costs no read. Bounded; dropped on every doubt."""

from collections import OrderedDict

from service.core.codec import Stored
from service.core.events import UserId


class StateCache:
    """Least recently used users leave first."""

    def __init__(self, users_max: int) -> None:
        self._users_max = users_max
        self._states: OrderedDict[UserId, Stored] = OrderedDict()

    def __len__(self) -> int:
        """How many users are held."""
        return len(self._states)

    def get(self, user_id: UserId) -> Stored | None:
        """Return the user's state if it is held."""
        stored = self._states.get(user_id)
        if stored is not None:
            self._states.move_to_end(user_id)
        return stored

    def put(self, user_id: UserId, stored: Stored) -> None:
        """Hold the state; the user longest unused leaves when there are too many."""
        self._states[user_id] = stored
        self._states.move_to_end(user_id)
        if len(self._states) > self._users_max:
            self._states.popitem(last=False)

    def drop(self, user_id: UserId) -> None:
        """Stop holding the user."""
        self._states.pop(user_id, None)

    def clear(self) -> None:
        """Stop holding anybody."""
        self._states.clear()
