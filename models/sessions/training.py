"""`segue train sessions`: from a log's files to a model folder."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models.sessions.evaluate import SESSIONS_MIN, Say
from models.sessions.folder import About, space_of, write_folder
from models.sessions.read import Numbering, read_sessions
from models.sessions.recipe import DEFAULT
from models.sessions.recommender import fit_recommender
from models.sessions.timing import Timing
from service.adapters.catalog import read_catalog


def train_sessions(
    train: Sequence[Path],
    log_format: str,
    out: Path,
    *,
    catalog: Path | None,
    seed: int,
    say: Say,
) -> dict[str, Any]:
    """Train by the default recipe and write the folder; returns what was done.

    With a catalogue, item rows and item space are its own: a worker that has it serves the model.

    Raises:
        ValueError: A file is missing or not in the format, or holds too few sessions.
        Refused: The catalogue cannot be read.
    """
    items, space = _numbering(catalog)
    log = read_sessions(train, log_format, items, Numbering())
    usable = int((log.lengths > 1).sum())
    if usable < SESSIONS_MIN or not (log.items >= 0).any():
        raise ValueError(
            f"{', '.join(map(str, train))}: {usable} sessions of two plays of known items, at"
            f" least {SESSIONS_MIN} are needed; give more, or the catalogue of this very log"
        )
    say(f"{len(log)} sessions, {len(items)} items")
    timing = Timing()
    kinds = np.array(items.kinds, dtype=np.uint8)
    model = fit_recommender(log, kinds, DEFAULT, seed=seed, timing=timing)
    about = About(
        names=items.names,
        item_space=space or space_of(items.names),
        window=f"{', '.join(path.name for path in train)}: {len(log)} sessions",
        seed=seed,
        metrics={"training_seconds": round(sum(timing.seconds.values()), 1)},
    )
    write_folder(model, out, about)
    return {
        "out": str(out),
        "sessions": len(log),
        "items": len(items),
        "item_space": about.item_space,
        "seed": seed,
        "seconds": timing.seconds,
        "recipe": asdict(DEFAULT),
    }


def _numbering(catalog: Path | None) -> tuple[Numbering, str]:
    if catalog is None:
        return Numbering(), ""
    table = read_catalog(catalog).table
    return Numbering.of(table.ids, table.content_type.tolist()), table.item_space
