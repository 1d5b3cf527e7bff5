"""How much of what came next the candidate sources propose: each alone, and their union.

The union at k takes the sources' proposals in turn, best first, until k distinct items are there.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.sessions.bases import Bases
from models.sessions.queries import Queries
from models.sessions.ranker_examples import limits_of
from models.sessions.read import I32, I64, SessionLog
from models.sessions.recipe import Recipe
from models.sessions.slices import by_content_type, by_item_age
from service.core.items import U8
from service.core.retrieval.evidence import SOURCES
from service.core.retrieval.retrieve import Retriever

DEPTHS: Final = (100, 200, 500)
LISTS: Final = (*SOURCES[:3], "ring")
QUERIES: Final = 4_000
"""Queries are thinned to about so many: deep lists are slow, and so many say enough."""


def recall_of_sources(
    bases: Bases, queries: Queries, recipe: Recipe, train: SessionLog, kinds: U8
) -> dict[str, Any]:
    """Share of targets among the first 100, 200 and 500, by source; unreachable ones are missed.

    Under by_item_age and by_content_type the same for those parts of the targets alone.
    """
    queries = queries.take(slice(None, None, max(1, len(queries) // QUERIES)))
    places = _places(bases, queries, recipe)
    parts = {
        "by_item_age": by_item_age(queries, train, len(kinds)),
        "by_content_type": by_content_type(queries, kinds),
    }
    return _at_depths(places) | {
        kind: {name: _at_depths(places, mask) for name, mask in masks.items() if mask.any()}
        for kind, masks in parts.items()
    }


def _places(bases: Bases, queries: Queries, recipe: Recipe) -> dict[str, I64]:
    most = max(DEPTHS)
    limits = replace(limits_of(recipe), encoder=most, hybrid=most, soon=most)
    retriever = Retriever(bases.index, limits)
    proposed = {name: np.full((len(queries), most), -1, np.int32) for name in LISTS}
    for at in range(len(queries)):
        recent, current = queries.recent[at], queries.current[at]
        lists = retriever.lists(recent, current, queries.direction[at])
        for name, rows in zip(LISTS, (*lists, recent[recent >= 0]), strict=True):
            proposed[name][at, : len(rows)] = rows
    places = {name: place_of(items, queries.target) for name, items in proposed.items()}
    return {**places, "union": place_of(in_turn(proposed), queries.target)}


def _at_depths(
    places: dict[str, I64], mask: NDArray[np.bool_] | slice = slice(None)
) -> dict[str, dict[str, float]]:
    return {
        name: {f"recall@{depth}": float((place[mask] < depth).mean()) for depth in DEPTHS}
        for name, place in places.items()
    }


def place_of(items: I32, target: I32) -> I64:
    """int64[n]: where the target stands in each row, the row's width if it does not."""
    found: NDArray[np.bool_] = (items == target[:, None]) & (target >= 0)[:, None]
    place: I64 = np.where(found.any(axis=1), found.argmax(axis=1), items.shape[1])
    return place


def in_turn(proposed: dict[str, I32]) -> I32:
    """int32[n, k]: the sources' proposals in turn, each item once, -1 padded."""
    woven = np.stack(list(proposed.values()), axis=2).reshape(
        len(next(iter(proposed.values()))), -1
    )
    order = np.argsort(woven, axis=1, kind="stable")
    ordered = np.take_along_axis(woven, order, axis=1)
    again = np.zeros(woven.shape, dtype=bool)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    keep = (woven >= 0) & ~again
    front = np.argsort(~keep, axis=1, kind="stable")
    return np.where(
        np.take_along_axis(keep, front, axis=1), np.take_along_axis(woven, front, axis=1), -1
    ).astype(np.int32)
