"""The world's catalogue as a folder: the generated items, the committed vectors, their neighbours.

The vectors were learned from a log of the world's listeners (`segue train world`); they are stored
as bytes with one scale, and scaled back to unit length here.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from loadtest.world.catalogue import SEED, World, make_world
from models.nearest import nearest
from service.adapters.catalog import write_catalog
from service.core.errors import Refused
from service.core.items import F32, ItemTable

ARTIFACT: Final = Path(__file__).parents[2] / "models" / "artifacts" / "world" / "vectors.npz"


def build_world_catalog(out_dir: Path, *, vectors: Path = ARTIFACT) -> World:
    """Write the catalogue folder; returns the world it shows."""
    world = make_world()
    table = with_vectors(world.table, load_vectors(vectors, world.table))
    write_catalog(out_dir, table, world.names, built_from=f"the synthetic world, seed {world.seed}")
    return replace(world, table=table)


def load_world(seed: int = SEED, *, vectors: Path = ARTIFACT) -> World:
    """The world with its stored vectors.

    Raises:
        Refused: The vectors are missing, or were made for another catalogue.
    """
    world = make_world(seed)
    return replace(world, table=with_vectors(world.table, load_vectors(vectors, world.table)))


def with_vectors(table: ItemTable, vectors: F32) -> ItemTable:
    """The table with vectors, and with neighbours computed from them."""
    return replace(table, vectors=vectors, neighbours=nearest(vectors, table.content_type))


def save_vectors(path: Path, vectors: F32, table: ItemTable) -> F32:
    """Store the vectors in a byte a number; returns them as they will be read back."""
    scale = np.float32(np.abs(vectors).max() / 127)
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.round(vectors / scale).astype(np.int8)
    np.savez_compressed(path, vectors=small, scale=scale, item_space=np.array(table.item_space))
    return load_vectors(path, table)


def load_vectors(path: Path, table: ItemTable) -> F32:
    """Read vectors that were stored for this very catalogue.

    Raises:
        Refused: The file is missing, or was made for another catalogue.
    """
    if not path.exists():
        raise Refused(f"no item vectors at {path}; make them with `segue train world`")
    with np.load(path, allow_pickle=False) as stored:
        space, small, scale = str(stored["item_space"]), stored["vectors"], stored["scale"]
    if space != table.item_space or len(small) != len(table):
        raise Refused(
            f"{path}: {len(small)} vectors of {space}, the world is {table.item_space} with"
            f" {len(table)} items; make them again with `segue train world`"
        )
    vectors = small.astype(np.float32) * scale
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), dtype=np.float32)
