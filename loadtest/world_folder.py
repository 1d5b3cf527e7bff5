"""The world's catalogue in the work folder: built once, and again when its vectors have changed."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from loadtest.world.build import ARTIFACT, build_world_catalog
from loadtest.world.catalogue import World, make_world

_STAMP: Final = "world.sha256"


def world_folder(work_dir: Path) -> tuple[World, Path]:
    """Return the world, and the folder with its catalogue.

    The folder is the settings' default, so that `segue up`, `doctor` and `verify` find it; a
    catalogue of somebody's own that lies there is left alone, and the world goes beside it.
    """
    folder = work_dir / "catalog"
    if (folder / "catalog.json").exists() and not (folder / _STAMP).exists():
        folder = work_dir / "world"
    stamp = _stamp()
    if _read(folder / _STAMP) == stamp:
        return make_world(), folder
    (folder / _STAMP).unlink(missing_ok=True)
    world = build_world_catalog(folder)
    (folder / _STAMP).write_text(stamp)
    return world, folder


def _stamp() -> str:
    code = sorted(Path(__file__).with_name("world").glob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in (*code, ARTIFACT))).hexdigest()


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
