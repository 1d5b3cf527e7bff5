"""Who listens: a lasting taste per listener, and how it answers to every item of the world.

A taste is two or three places in the hidden taste space per content type, a preferred sound, the
languages understood, and how much of each content type is wanted. What changes within a session is
in `session`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtest.world.catalogue import World
from loadtest.world.genres import LANGUAGE_SHARES
from service.core.events import CONTENT_TYPES

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

TYPE_MIX_MEAN: Final = (0.76, 0.11, 0.05, 0.08)
MUSIC_TASTES: Final = 3
TASTE_WEIGHT: Final = 2.6
TASTE_NEUTRAL: Final = 0.38  # the likeness at which an item is neither sought nor avoided
SOUND_WEIGHT: Final = 2.0
SOUND_NEUTRAL: Final = 0.22
QUALITY_WEIGHT: Final = 0.8
WHIM: Final = 0.45  # spread of what no taste explains: fixed per listener and item
FOREIGN: Final = -1.0
OFFENDED: Final = -1.2
UNWANTED_MAX: Final = 1.2
LIBRARY_LEN: Final = 40
LIBRARY_FROM: Final = 1500


@dataclass(frozen=True)
class Listener:
    """What lasts of a listener."""

    user_id: str
    seed: tuple[int, ...]  # of everything random this listener does
    type_mix: F32  # [4], sums to 1
    anchors: F32  # [k, 16]: tastes of all content types
    anchor_types: I64  # [k]
    sound: F32  # [5] preferred, in ATTRIBUTES order without era
    impatience: float  # added to the log of every skip hazard
    offended: bool  # by explicit items
    languages: NDArray[np.bool_]  # [languages]
    base: F32  # [n]: lasting affinity for each item, about standard normal over what is played
    library: I64  # rows known and liked


def make_listener(world: World, index: int) -> Listener:
    """Make listener number `index` of the world; the same every time."""
    seed = (world.seed, 2, index)
    rng = np.random.default_rng(seed)
    anchors, anchor_types = _anchors(world, rng)
    languages = rng.random(len(LANGUAGE_SHARES)) < np.array([0.95, 0.2, 0.12, 0.12, 0.08, 0.08])
    languages[rng.choice(len(LANGUAGE_SHARES), p=LANGUAGE_SHARES)] = True
    type_mix = rng.dirichlet(6 * np.array(TYPE_MIX_MEAN)).astype(np.float32)
    sound = _sound(world, rng, anchors, anchor_types)
    offended = bool(rng.random() < 0.15)
    likeness = _likeness(world, anchors, anchor_types)
    base = TASTE_WEIGHT * (likeness - TASTE_NEUTRAL) + QUALITY_WEIGHT * world.quality
    distance = np.abs(world.table.attributes[:, :5] - sound).mean(axis=1)
    base += SOUND_WEIGHT * (SOUND_NEUTRAL - distance) + WHIM * _whims(rng, len(world))
    base += FOREIGN * ~languages[world.table.language] + OFFENDED * (
        offended * world.table.explicit
    )
    wanted = np.clip(0.5 * np.log(type_mix / np.array(TYPE_MIX_MEAN)), -UNWANTED_MAX, 0.4)
    base = (base + wanted[world.table.content_type]).astype(np.float32)
    return Listener(
        user_id=f"listener-{index:05d}",
        seed=seed,
        type_mix=type_mix,
        anchors=anchors,
        anchor_types=anchor_types,
        sound=sound,
        impatience=float(0.35 * rng.normal()),
        offended=offended,
        languages=languages,
        base=base,
        library=_library(world, rng, base),
    )


def _anchors(world: World, rng: np.random.Generator) -> tuple[F32, I64]:
    """Tastes: near items drawn by popularity, so that popular genres have more friends."""
    rows: list[int] = []
    for code in range(len(CONTENT_TYPES)):
        mine = np.flatnonzero(world.table.content_type == code)
        pull = np.sqrt(world.table.popularity[mine].astype(np.float64))
        count = MUSIC_TASTES if code == 0 else int(rng.integers(1, 3))
        rows.extend(rng.choice(mine, count, p=pull / pull.sum(), replace=False))
    anchors = world.latent[rows] + 0.1 * rng.normal(size=(len(rows), world.latent.shape[1]))
    anchors /= np.linalg.norm(anchors, axis=1, keepdims=True)
    return anchors.astype(np.float32), world.table.content_type[rows].astype(np.int64)


def _likeness(world: World, anchors: F32, anchor_types: I64) -> F32:
    """float32[n]: cosine to the nearest taste of the item's own content type."""
    best = np.full(len(world), -1.0, dtype=np.float32)
    for code in range(len(CONTENT_TYPES)):
        mine = world.table.content_type == code
        best[mine] = (world.latent[mine] @ anchors[anchor_types == code].T).max(axis=1)
    return best


def _sound(world: World, rng: np.random.Generator, anchors: F32, anchor_types: I64) -> F32:
    """The preferred sound leans towards that of the favourite taste."""
    first = anchors[np.flatnonzero(anchor_types == 0)[0]]
    near = np.argsort(-(world.latent @ first))[:50]
    mean = world.table.attributes[near, :5].mean(axis=0)
    return np.asarray(np.clip(mean + 0.12 * rng.normal(size=5), 0, 1), dtype=np.float32)


def _whims(rng: np.random.Generator, count: int) -> F32:
    return rng.standard_normal(count, dtype=np.float32)


def _library(world: World, rng: np.random.Generator, base: F32) -> I64:
    pull = np.cumsum(world.table.popularity.astype(np.float64))
    known = np.unique(np.searchsorted(pull / pull[-1], rng.random(LIBRARY_FROM)))
    known = known[known < len(world)]
    return np.asarray(known[np.argsort(-base[known])[:LIBRARY_LEN]])
