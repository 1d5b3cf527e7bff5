"""The catalogue folder: what is written is read, and a folder that does not fit is refused."""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from service.adapters.catalog import COLUMNS, LISTS, NAMES, read_catalog, write_catalog
from service.core.errors import Refused
from service.core.items import ItemTable, Names
from tests.event_makers import small_table

ITEMS = 12
TABLE = small_table(ITEMS)
NAMED = Names(
    titles=[f"Title {n} \N{MUSIC SHARP SIGN}\r\x85\N{LINE SEPARATOR}" for n in range(ITEMS)],
    artist_names=[f"Artist {n}" for n in range(len(TABLE.artist_ids))],
    series_names=["Show", ""],
    languages=["en", "de"],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A written catalogue."""
    write_catalog(tmp_path / "catalog", TABLE, NAMED, built_from="a test")
    return tmp_path / "catalog"


def same(one: ItemTable, other: ItemTable) -> bool:
    pairs = [(getattr(one, f.name), getattr(other, f.name)) for f in fields(ItemTable)]
    return all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a == b
        for a, b in pairs
    )


def test_what_was_written_is_read(folder: Path) -> None:
    catalog = read_catalog(folder)
    assert same(catalog.table, TABLE)
    assert catalog.names == NAMED
    assert catalog.built_from == "a test"


def test_columns_are_mapped_and_read_only(folder: Path) -> None:
    vectors = read_catalog(folder).table.vectors
    assert isinstance(vectors.base, np.memmap)
    assert not vectors.flags.writeable


def test_names_may_be_missing_altogether(tmp_path: Path) -> None:
    write_catalog(tmp_path, TABLE, Names(TABLE.ids, [], []), built_from="a log without names")
    assert read_catalog(tmp_path).names == Names(TABLE.ids, [], [], languages=[])


def test_writing_again_replaces_what_was_there(folder: Path) -> None:
    smaller = small_table(6)
    names = Names(["t"] * 6, ["a"] * len(smaller.artist_ids), ["s"] * 2)
    write_catalog(folder, smaller, names, built_from="again")
    assert same(read_catalog(folder).table, smaller)


def test_a_folder_that_is_not_there_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="segue catalog build"):
        read_catalog(tmp_path / "nowhere")


def test_an_unfinished_folder_is_refused(folder: Path) -> None:
    (folder / "catalog.json").unlink()  # it is written last
    with pytest.raises(Refused, match="no catalogue in"):
        read_catalog(folder)


FILES = [*[f"{name}.npy" for name in COLUMNS], *[f"{name}.txt" for name in (*LISTS, *NAMES)]]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused_by_its_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(Refused, match=name):
        read_catalog(folder)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def other_type(path: Path) -> None:
    np.save(path, np.load(path).astype(np.float64))


def one_row_less(path: Path) -> None:
    np.save(path, np.load(path)[:-1])


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("damage", [cut, other_type, one_row_less])
def test_a_damaged_column_is_refused_by_its_name(
    folder: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(folder / f"{name}.npy")
    with pytest.raises(Refused, match=f"{name}.npy"):
        read_catalog(folder)


@pytest.mark.parametrize("name", ["vectors", "neighbours", "attributes"])
def test_a_column_of_another_width_is_refused(folder: Path, name: str) -> None:
    path = folder / f"{name}.npy"
    np.save(path, np.load(path)[:, :-1])
    with pytest.raises(Refused, match=f"{name}.npy"):
        read_catalog(folder)


@pytest.mark.parametrize("name", [*LISTS, *NAMES])
def test_a_list_that_lost_a_line_is_refused_by_its_name(folder: Path, name: str) -> None:
    path = folder / f"{name}.txt"
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])
    with pytest.raises(Refused, match=f"{name}.txt"):
        read_catalog(folder)


def test_a_catalogue_of_other_attributes_is_refused(folder: Path) -> None:
    head = json.loads((folder / "catalog.json").read_text())
    (folder / "catalog.json").write_text(json.dumps(head | {"attributes": ["energy"]}))
    with pytest.raises(Refused, match="attributes"):
        read_catalog(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_head_that_is_no_catalogue_s_is_refused(folder: Path, text: str) -> None:
    (folder / "catalog.json").write_text(text)
    with pytest.raises(Refused, match="catalog"):
        read_catalog(folder)


def test_a_head_without_a_field_is_refused(folder: Path) -> None:
    head = json.loads((folder / "catalog.json").read_text())
    del head["items"]
    (folder / "catalog.json").write_text(json.dumps(head))
    with pytest.raises(Refused, match="items"):
        read_catalog(folder)


def test_an_empty_catalogue_is_refused_because_nothing_could_be_ranked(tmp_path: Path) -> None:
    names = Names([], ["a"], ["s", "t"])
    with pytest.raises(Refused, match="no items"):
        write_and_read(tmp_path, small_table(0), names)


def write_and_read(folder: Path, table: ItemTable, names: Names) -> None:
    write_catalog(folder, table, names, built_from="a test")
    read_catalog(folder)


def test_a_line_break_in_a_name_is_caught_when_it_is_written(tmp_path: Path) -> None:
    names = Names(["two\nlines"] * ITEMS, NAMED.artist_names, NAMED.series_names)
    with pytest.raises(AssertionError, match="titles"):
        write_catalog(tmp_path, TABLE, names, built_from="a test")
    assert not (tmp_path / "catalog.json").exists()
