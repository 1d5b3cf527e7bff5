"""The index's folder: what is written is read, what does not fit is refused before it is used."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from models.sessions.index import build_index
from models.sessions.recipe import NeighbourRecipe
from service.adapters.session_index import HEAD, read_index, write_index
from service.core.errors import Refused
from service.core.retrieval.index import SessionIndex
from tests.unit.models.sessions.samples import ITEMS, chain_log


@pytest.fixture
def index() -> SessionIndex:
    vectors = np.random.default_rng(0).normal(size=(ITEMS, 8)).astype(np.float32)
    return build_index(chain_log(60), vectors, np.zeros(ITEMS, np.uint8), NeighbourRecipe())


def test_what_is_written_is_read(tmp_path: Path, index: SessionIndex) -> None:
    write_index(tmp_path, index)
    read = read_index(tmp_path)
    for one in fields(index):
        there, here = getattr(read, one.name), getattr(index, one.name)
        assert there.dtype == here.dtype
        assert there.tobytes() == here.tobytes(), one.name


def test_an_unfinished_folder_is_refused(tmp_path: Path, index: SessionIndex) -> None:
    write_index(tmp_path, index)
    (tmp_path / HEAD).unlink()
    with pytest.raises(Refused, match=r"no index in .*; train the model again"):
        read_index(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path, index: SessionIndex) -> None:
    write_index(tmp_path, index)
    (tmp_path / "plays.npy").unlink()
    with pytest.raises(Refused, match=r"plays\.npy"):
        read_index(tmp_path)


@pytest.mark.parametrize("name", ["postings", "plays", "link_items", "popular", "cluster_items"])
def test_rows_that_point_outside_are_refused(
    tmp_path: Path, index: SessionIndex, name: str
) -> None:
    write_index(tmp_path, index)
    rows = np.load(tmp_path / f"{name}.npy")
    rows[0] = 10**6
    np.save(tmp_path / f"{name}.npy", rows)
    with pytest.raises(Refused, match=f"{name} point outside"):
        read_index(tmp_path)


def test_starts_that_do_not_rise_are_refused(tmp_path: Path, index: SessionIndex) -> None:
    write_index(tmp_path, index)
    starts = np.load(tmp_path / "link_starts.npy")
    starts[1] = starts[-1] + 1
    np.save(tmp_path / "link_starts.npy", starts)
    with pytest.raises(Refused, match="link_starts point outside"):
        read_index(tmp_path)


def test_another_kind_of_number_is_refused(tmp_path: Path, index: SessionIndex) -> None:
    write_index(tmp_path, index)
    np.save(tmp_path / "facts.npy", index.facts.astype(np.float64))
    with pytest.raises(Refused, match="float64"):
        read_index(tmp_path)


def test_a_head_that_lies_is_refused(tmp_path: Path, index: SessionIndex) -> None:
    write_index(tmp_path, index)
    head = json.loads((tmp_path / HEAD).read_text())
    head["shapes"]["vectors"] = [ITEMS, 9]
    (tmp_path / HEAD).write_text(json.dumps(head))
    with pytest.raises(Refused, match=r"vectors\.npy"):
        read_index(tmp_path)
