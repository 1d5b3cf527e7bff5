"""A listener at one moment: mood, fatigue, attention; and what happens when an item plays.

Hidden state, none of which the service sees:
    mood       a content type, and either a sound or one of the lasting tastes; it switches
    fatigue    artists and items heard lately please less
    attention  now and then nobody listens: the item plays to its end, and nothing is said of it

Skips are competing risks: in each of three stretches (0-5 s, 5-30 s, 30 s to the end) the hazard
is the stretch's base rate times exp(impatience - affinity). The base rates were fitted so that,
over the mixed policy of `policy`, nearly 25 % of music plays are skipped within 5 s, 35 % within 30
s and 48.6 % before the end (Spotify's published figures).
"""

from collections import deque
from dataclasses import dataclass
from math import exp
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from loadtest.world.catalogue import World
from loadtest.world.listeners import Listener

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

# Cumulative base hazard of the three stretches, by content type.
MUSIC_HAZARDS: Final = (0.2205, 0.272, 0.810)
TYPE_FACTORS: Final = ((1.0, 1.0, 1.0), (0.5, 0.6, 1.0), (0.25, 0.3, 0.7), (1.2, 1.2, 1.0))
STRETCHES_S: Final = (5.0, 30.0)

OFF_TYPE: Final = -1.0
MOOD_SOUND_WEIGHT: Final = 4.5
MOOD_SOUND_NEUTRAL: Final = 0.22
MOOD_TASTE_WEIGHT: Final = 2.4
MOOD_TASTE_NEUTRAL: Final = 0.42
MOOD_SWITCH: Final = 0.06
MOOD_SWITCH_ANNOYED: Final = 0.15
MOOD_TASTE_SHARE: Final = 0.5

FATIGUE_ARTIST: Final = -0.20
FATIGUE_ITEM: Final = -1.6
ARTIST_DECAY: Final = 0.88
ITEMS_REMEMBERED: Final = 60
WRONG_ORDER: Final = np.array([0.0, -0.4, -1.8, 0.0], np.float32)  # not next in its series
RIGHT_ORDER: Final = np.array([0.0, 0.8, 1.6, 0.0], np.float32)
UNKNOWN: Final = -2  # nothing of the series heard yet
WORTH_RESUMING_MS: Final = 60_000

DRIFT_OFF: Final = 0.03
COME_BACK: Final = 0.28


@dataclass(frozen=True, slots=True)
class Mood:
    """What is wanted right now."""

    content_type: int
    sound: F32 | None  # [2] energy and valence
    taste: F32 | None  # [16]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one play."""

    row: int
    start_ms: int  # position at which it started (a resumed episode starts late)
    listened_ms: int
    end: Literal["skipped", "completed"]
    liked: int  # -1, 0, 1
    saved: bool
    affinity: float  # the truth of the moment

    @property
    def end_ms(self) -> int:
        """Position at which the play ended."""
        return self.start_ms + self.listened_ms


class LiveListener:
    """A listener who can be played to, item by item."""

    def __init__(self, world: World, listener: Listener) -> None:
        self.world = world
        self.listener = listener
        self.rng = np.random.default_rng((*listener.seed, 1))
        self.mood = self._new_mood()
        self.resume_ms: dict[int, int] = {}  # row of a long item to where it was left
        self.next_up: dict[int, int] = {}  # series to the row that continues it, newest last
        self._wanted = np.full(len(world.table.series_ids) + 1, UNKNOWN)  # the same by series
        self._tired = np.zeros(len(world.table.artist_ids), dtype=np.float32)  # of each artist
        self._heard: deque[int] = deque()
        self._again = np.zeros(len(world), dtype=bool)  # [n]: heard lately
        self._skips_in_row = 0
        self._attentive = True
        self._held = False

    def hold(self, mood: Mood) -> None:
        """Be in this mood and stay in it until told otherwise: a switch at a known play."""
        self.mood, self._held = mood, True

    def let_go(self) -> None:
        """Be in whatever mood comes, from here on."""
        self._held = False

    def open_session(self) -> None:
        """A new session: new mood, most fatigue gone."""
        self.mood = self._new_mood()
        self._tired *= 0.3
        self._skips_in_row = 0
        self._attentive = True

    def affinity(self, rows: I64) -> F32:
        """How well each item would please right now; 0 is indifferent, 2 is a favourite."""
        table = self.world.table
        kind = table.content_type[rows]
        score = self.listener.base[rows] + np.where(kind == self.mood.content_type, 0.0, OFF_TYPE)
        if self.mood.sound is not None:
            distance = np.abs(table.attributes[rows, :2] - self.mood.sound).mean(axis=1)
            score += MOOD_SOUND_WEIGHT * (MOOD_SOUND_NEUTRAL - distance)
        if self.mood.taste is not None:
            near = self.world.latent[rows] @ self.mood.taste
            score += MOOD_TASTE_WEIGHT * (near - MOOD_TASTE_NEUTRAL)
        return np.asarray(score + self._fatigue(rows) + self._order(rows), dtype=np.float32)

    def listen(self, row: int) -> Outcome:
        """Play an item to this listener and move on."""
        affinity = float(self.affinity(np.array([row]))[0])
        self._attentive = self.rng.random() < (1 - DRIFT_OFF if self._attentive else COME_BACK)
        start_ms = self.resume_ms.pop(row, 0)
        length_s = float(self.world.table.duration_s[row]) - start_ms / 1000
        left_s = self._leaves_after_s(row, affinity, length_s)
        skipped = left_s < length_s
        outcome = Outcome(
            row=row,
            start_ms=start_ms,
            listened_ms=int(1000 * min(left_s, length_s)),
            end="skipped" if skipped else "completed",
            liked=self._verdict(affinity, left_s, skipped),
            saved=self._attentive and not skipped and _chance(self.rng, -6.4 + 1.2 * affinity),
            affinity=affinity,
        )
        self._remember(outcome)
        return outcome

    def finish_chance(self, rows: I64) -> F32:
        """How likely each item would be heard to its end, were it played now: the exact chance.

        But for a resumed item with under 30 s left, which is a little likelier.
        """
        risk = np.array(TYPE_FACTORS) @ np.array(MUSIC_HAZARDS)
        kinds = self.world.table.content_type[rows]
        stays = np.exp(-risk[kinds] * np.exp(self.listener.impatience - self.affinity(rows)))
        attentive = 1 - DRIFT_OFF if self._attentive else COME_BACK
        return np.asarray(1 - attentive * (1 - stays), dtype=np.float32)

    def _leaves_after_s(self, row: int, affinity: float, length_s: float) -> float:
        """Seconds until the listener leaves; infinite for never."""
        if not self._attentive:
            return float("inf")
        factors = TYPE_FACTORS[self.world.table.content_type[row]]
        patience = self.rng.exponential() / exp(self.listener.impatience - affinity)
        begin = 0.0
        for base, factor, end in zip(MUSIC_HAZARDS, factors, (*STRETCHES_S, length_s), strict=True):
            risk = base * factor
            if patience < risk:
                return float(begin + max(end - begin, 0.0) * patience / risk)
            patience, begin = patience - risk, end
        return float("inf")

    def _verdict(self, affinity: float, left_s: float, skipped: bool) -> int:
        if not self._attentive:
            return 0
        if skipped and _chance(self.rng, -5.4 - 0.6 * affinity):
            return -1
        return int(left_s > 25 and _chance(self.rng, -5.3 + 1.3 * affinity - 2.0 * skipped))

    def _remember(self, outcome: Outcome) -> None:
        table, row = self.world.table, outcome.row
        self._tired *= ARTIST_DECAY
        self._tired[table.artist[row]] += 1.0
        self._heard.append(row)
        self._again[row] = True
        if len(self._heard) > ITEMS_REMEMBERED:
            self._again[self._heard.popleft()] = False
        self._skips_in_row = self._skips_in_row + 1 if outcome.end == "skipped" else 0
        if table.content_type[row] in (1, 2):
            self._remember_series(outcome)
        annoyed = self._skips_in_row >= 3
        if self.rng.random() < (MOOD_SWITCH_ANNOYED if annoyed else MOOD_SWITCH) and not self._held:
            self.mood = self._new_mood()

    def _remember_series(self, outcome: Outcome) -> None:
        series, following = int(self.world.table.series[outcome.row]), outcome.row
        if outcome.end == "completed":
            following = int(self.world.table.next_in_series[outcome.row])
        elif outcome.end_ms > WORTH_RESUMING_MS:
            self.resume_ms[outcome.row] = outcome.end_ms
            self._again[outcome.row] = False
        else:
            return
        self.next_up.pop(series, None)
        self.next_up[series] = following
        self._wanted[series] = following

    def _fatigue(self, rows: I64) -> F32:
        tired = self._tired[self.world.table.artist[rows]]
        return np.asarray(FATIGUE_ARTIST * tired + FATIGUE_ITEM * self._again[rows], np.float32)

    def _order(self, rows: I64) -> F32:
        """Episodes and chapters want to be heard in order."""
        table = self.world.table
        kinds, wanted = table.content_type[rows], self._wanted[table.series[rows]]
        new = (wanted == UNKNOWN) & ((kinds == 1) | (table.ordinal[rows] == 0))
        return np.where(wanted == rows, RIGHT_ORDER[kinds], np.where(new, 0, WRONG_ORDER[kinds]))

    def _new_mood(self) -> Mood:
        shares = np.cumsum(self.listener.type_mix)
        kind = int(np.searchsorted(shares[:-1], self.rng.random(), side="right"))
        if self.rng.random() < MOOD_TASTE_SHARE or kind != 0:
            mine = np.flatnonzero(self.listener.anchor_types == kind)
            return Mood(kind, None, self.listener.anchors[self.rng.choice(mine)])
        lean = self.listener.sound[:2] + 0.28 * self.rng.normal(size=2)
        return Mood(kind, np.clip(lean, 0, 1).astype(np.float32), None)


def _chance(rng: np.random.Generator, logit: float) -> bool:
    return bool(rng.random() < 1 / (1 + exp(-logit)))
